import { isJsonArray, isJsonObject } from '#scim/json.ts';
import type { ValueRepair } from './repair.ts';

/**
 * Salesforce names the attribute once more in the value.
 *
 * broken: `{"op": "add", "path": "members", "value": {"members": [{"value": "0192"}]}}`
 * right:  `{"op": "add", "path": "members", "value": [{"value": "0192"}]}`
 */
export const wrappedList: ValueRepair = (attribute, value) => {
  if (!attribute.multiValued || !isJsonObject(value)) return value;
  const [[key, list] = [], ...others] = Object.entries(value);
  const isWrapped = key?.toLowerCase() === attribute.name.toLowerCase() && others.length === 0;
  return isWrapped && isJsonArray(list) ? list : value;
};
