import { findSubAttribute } from '#scim/schema-registry.ts';
import type { ValueRepair } from './repair.ts';

/**
 * Entra ID sends the manager's id where an object with the id is expected; others do so in lists, such as `members`.
 *
 * broken: `{"op": "Add", "path": "urn:…:enterprise:2.0:User:manager", "value": "0192"}`
 * right:  `{"op": "Add", "path": "urn:…:enterprise:2.0:User:manager", "value": {"value": "0192"}}`
 */
export const valueAlone: ValueRepair = (attribute, value) => {
  const isHolder =
    attribute.type === 'complex' &&
    !attribute.multiValued &&
    findSubAttribute(attribute, 'value') !== undefined;
  return isHolder && typeof value === 'string' && value !== '' ? { value } : value;
};
