import { isJsonObject } from '#scim/json.ts';
import { valueOfKey } from '../scim/json-key.ts';
import type { ValueRepair } from './repair.ts';

/**
 * Entra ID's oldest form writes every value like a reference, also that of an attribute that has no parts.
 *
 * broken: `{"op": "Replace", "path": "displayName", "value": [{"$ref": null, "value": "Ada"}]}`
 * right:  `{"op": "Replace", "path": "displayName", "value": "Ada"}`
 */
export const valueInObject: ValueRepair = (attribute, value) => {
  if (attribute.type === 'complex' || attribute.multiValued || !isJsonObject(value)) return value;
  const isReference = Object.keys(value).every((key) => /^(\$ref|value)$/i.test(key));
  return isReference ? (valueOfKey(value, 'value') ?? value) : value;
};
