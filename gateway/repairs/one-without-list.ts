import { isJsonObject } from '#scim/json.ts';
import type { ValueRepair } from './repair.ts';

/**
 * OneLogin sends one e-mail address without the list around it.
 *
 * broken: `{"emails": {"value": "ada@example.com"}}`
 * right:  `{"emails": [{"value": "ada@example.com"}]}`
 */
export const oneWithoutList: ValueRepair = (attribute, value) =>
  attribute.multiValued && isJsonObject(value) ? [value] : value;
