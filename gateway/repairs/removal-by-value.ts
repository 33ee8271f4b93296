import { parseAttributePath } from '#scim/attribute-path.ts';
import { isJsonArray, isJsonObject, type JsonValue } from '#scim/json.ts';
import { findSubAttribute, type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { valueOfKey } from '../scim/json-key.ts';
import { isMemberList } from '../scim/member-list.ts';
import { flatMapSame } from './keep-same.ts';
import type { StepsRepair } from './repair.ts';

/**
 * Entra ID and JumpCloud name what to remove in the value; by the RFC the value means nothing and everything would go.
 * (For members, of which there can be many, the list stays a list.)
 *
 * broken: `{"op": "remove", "path": "emails", "value": [{"value": "ada@example.com"}]}`
 * right:  `{"op": "remove", "path": "emails[value eq \"ada@example.com\"]"}`
 */
export const removalByValue: StepsRepair = (steps, { resourceType }) =>
  flatMapSame(steps, (step) => {
    const { op, path, value } = step;
    if (op !== 'remove' || path === undefined || !isList(resourceType, path)) return [step];
    const named = isJsonObject(value) ? [value] : value;
    if (!isJsonArray(named)) return [step];
    const texts = named.map((item) => (isJsonObject(item) ? valueOfKey(item, 'value') : item));
    // A list that says nothing about values is only superfluous.
    if (texts.length > 0 && texts.every((text) => text === undefined)) return [step];
    const isText = (text: JsonValue | undefined) => typeof text === 'string';
    return texts.filter(isText).map((text) => ({
      op,
      path: `${path}[value eq ${JSON.stringify(text)}]`,
      index: step.index,
    }));
  });

/** Whether a path names a whole list of values that have a `value`, and not the members of a group. */
function isList(resourceType: ResourceType, text: string): boolean {
  try {
    const path = parseAttributePath(resourceType, text);
    const resolved = resolvePath(resourceType, path);
    return (
      resolved?.attribute.multiValued === true &&
      resolved.subAttribute === undefined &&
      path.valueFilter === undefined &&
      findSubAttribute(resolved.attribute, 'value') !== undefined &&
      !isMemberList(resolved.attribute)
    );
  } catch (error) {
    if (error instanceof ScimSyntaxError) return false;
    throw error;
  }
}
