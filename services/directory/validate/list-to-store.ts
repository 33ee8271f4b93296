import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { findSubAttribute } from '#scim/schema-registry.ts';
import { foldValue } from '../filter/fold-value.ts';
import { keepOnePrimary } from './keep-one-primary.ts';

/**
 * The values of a multi-valued attribute as they are stored: each pair of `type` and `value` once, and at most one
 * `primary` (RFC 7643, section 2.4). The same list when there is nothing to do.
 * @param previous the values before the change; see `keepOnePrimary`.
 */
export function listToStore(
  attribute: AttributeDefinition,
  values: readonly JsonValue[],
  previous: readonly JsonValue[] = [],
): readonly JsonValue[] {
  return keepOnePrimary(attribute, keepDistinct(attribute, values), previous);
}

/** Of values with the same pair the first stays; it becomes primary when another of them is. */
function keepDistinct(attribute: AttributeDefinition, values: readonly JsonValue[]): readonly JsonValue[] {
  if (attribute.type !== 'complex') return values;
  const kept = new Map<unknown, JsonValue>();
  for (const value of values) {
    const pair = pairOf(attribute, value) ?? value;
    const first = kept.get(pair);
    if (first === undefined) kept.set(pair, value);
    else if (isJsonObject(first) && first.primary !== true && isJsonObject(value) && value.primary === true) {
      kept.set(pair, { ...first, primary: true });
    }
  }
  return kept.size === values.length ? values : [...kept.values()];
}

/** What two values have in common when one is superfluous; undefined for a value that has no `value`. */
function pairOf(attribute: AttributeDefinition, element: JsonValue): string | undefined {
  const definition = findSubAttribute(attribute, 'value');
  if (definition === undefined || !isJsonObject(element)) return undefined;
  const value = foldedPart(definition, element);
  const type = findSubAttribute(attribute, 'type');
  return value === undefined ? undefined : JSON.stringify([value, type && foldedPart(type, element)]);
}

function foldedPart(definition: AttributeDefinition, element: JsonObject) {
  const held = element[definition.field];
  return held === undefined ? undefined : foldValue(definition, held);
}
