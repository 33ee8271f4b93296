import { isJsonArray } from '#scim/json.ts';
import type { ValueRepair } from './repair.ts';

/**
 * Entra ID's older form sends a list for an attribute that has one value.
 *
 * broken: `{"op": "Add", "path": "manager", "value": [{"value": "0192"}]}`
 * right:  `{"op": "Add", "path": "manager", "value": {"value": "0192"}}`
 */
export const listOfOne: ValueRepair = (attribute, value) =>
  !attribute.multiValued && isJsonArray(value) && value.length <= 1 ? (value[0] ?? null) : value;
