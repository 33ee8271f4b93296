import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { findSubAttribute } from '#scim/schema-registry.ts';
import { emptyText } from './empty-text.ts';
import { mapEntriesSame, mapSame } from './keep-same.ts';
import { listOfOne } from './list-of-one.ts';
import { oneWithoutList } from './one-without-list.ts';
import type { ValueRepair } from './repair.ts';
import { textBooleans } from './text-booleans.ts';
import { valueAlone } from './value-alone.ts';
import { valueInObject } from './value-in-object.ts';
import { wrappedList } from './wrapped-list.ts';

// In the order in which they are made, each under the name of its rule in `leniencyRules`.
const valueRepairs: readonly (readonly [string, ValueRepair])[] = [
  ['wrappedList', wrappedList],
  ['valueInObject', valueInObject],
  ['valueAlone', listOfOne],
  ['emptyText', emptyText],
  ['oneWithoutList', oneWithoutList],
  ['valueAlone', valueAlone],
  ['textBooleans', textBooleans],
];

/**
 * Repairs an attribute's value, and what is inside it; the very value when nothing is wrong.
 * @param report told the name of each repair that was made.
 */
export function repairValue(
  attribute: AttributeDefinition,
  value: JsonValue,
  report: (name: string) => void,
): JsonValue {
  let repaired = value;
  for (const [name, repair] of valueRepairs) {
    const next = repair(attribute, repaired);
    if (next !== repaired) report(name);
    repaired = next;
  }
  if (!attribute.multiValued) return repairParts(attribute, repaired, report);
  if (!isJsonArray(repaired)) return repaired;
  const single = { ...attribute, multiValued: false };
  return mapSame(repaired, (item) => repairValue(single, item, report));
}

/** Repairs the values in an object whose keys name attributes. */
export function repairAttributes(
  object: JsonObject,
  find: (name: string) => AttributeDefinition | undefined,
  report: (name: string) => void,
): JsonObject {
  return mapEntriesSame(object, (key, value) => {
    const attribute = find(key);
    return [key, attribute === undefined ? value : repairValue(attribute, value, report)];
  });
}

function repairParts(
  attribute: AttributeDefinition,
  value: JsonValue,
  report: (name: string) => void,
): JsonValue {
  if (attribute.type !== 'complex' || !isJsonObject(value)) return value;
  return repairAttributes(value, (name) => findSubAttribute(attribute, name), report);
}
