import { isJsonArray, isJsonObject } from '#scim/json.ts';
import { valueOfKey } from '../scim/json-key.ts';
import type { ValueRepair } from './repair.ts';

/**
 * Entra ID's oldest form writes every value like a list of references, also that of an attribute that has no parts.
 *
 * broken: `{"op": "Replace", "path": "displayName", "value": [{"$ref": null, "value": "Ada"}]}`
 * right:  `{"op": "Replace", "path": "displayName", "value": "Ada"}`
 */
export const valueInObject: ValueRepair = (attribute, value) => {
  if (attribute.type === 'complex' || attribute.multiValued || !isJsonArray(value)) return value;
  const [reference, ...others] = value;
  if (!isJsonObject(reference) || others.length > 0) return value;
  const isReference = Object.keys(reference).every((key) => /^(\$ref|value)$/i.test(key));
  const held = valueOfKey(reference, 'value');
  return isReference && held !== undefined ? held : value;
};
