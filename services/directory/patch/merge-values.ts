import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import {
  canonicalJson,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  jsonEqual,
} from '#scim/json.ts';
import { findSubAttribute } from '#scim/schema-registry.ts';
import { findValueLeaf } from '../filter/value-test.ts';
import { withMember } from '../resource-value.ts';
import type { OperationTarget } from './operation-target.ts';

/** How a value is written: `add` appends to a list, `replace` takes its place. */
export type Writing = 'add' | 'replace';

/**
 * The value of an attribute after a value was written to it; undefined when it has none any more.
 * @throws DirectoryError VALUE_INVALID, MUTABILITY
 */
export function writeValue(
  target: OperationTarget,
  definition: AttributeDefinition,
  current: JsonValue | undefined,
  value: JsonValue,
  writing: Writing,
): JsonValue | undefined {
  const next = nextValue(target, definition, current, value, writing);
  checkImmutable(target, definition, current, next);
  return next;
}

/** Refuses to change an immutable attribute that has a value (RFC 7643, section 7). @throws DirectoryError MUTABILITY */
export function checkImmutable(
  target: OperationTarget,
  definition: AttributeDefinition,
  current: JsonValue | undefined,
  next: JsonValue | undefined,
): void {
  if (definition.mutability === 'immutable' && current !== undefined && !jsonEqual(current, next)) {
    throw target.refuse(ErrorReason.MUTABILITY, `${definition.name} has a value and cannot be changed`);
  }
}

function nextValue(
  target: OperationTarget,
  definition: AttributeDefinition,
  current: JsonValue | undefined,
  value: JsonValue,
  writing: Writing,
): JsonValue | undefined {
  if (value === null) return undefined;
  if (definition.multiValued) {
    const given = target.read(definition, isJsonArray(value) ? value : [value]);
    const values = isJsonArray(given) ? given : [];
    return filled(writing === 'replace' ? values : appendNew(isJsonArray(current) ? current : [], values));
  }
  // What is no object is refused by the reading.
  if (definition.type !== 'complex' || !isJsonObject(value)) return target.read(definition, value);
  return mergeObject(target, definition, isJsonObject(current) ? current : {}, value, writing);
}

/** Writes the sub-attributes that are listed and keeps the others (RFC 7644, sections 3.5.2.1 and 3.5.2.3). */
function mergeObject(
  target: OperationTarget,
  definition: AttributeDefinition,
  current: JsonObject,
  listed: JsonObject,
  writing: Writing,
): JsonObject | undefined {
  let merged = current;
  for (const [name, value] of Object.entries(listed)) {
    const sub = findSubAttribute(definition, name);
    if (sub === undefined || sub.derived || sub.mutability === 'readOnly') continue;
    merged = withMember(merged, sub.field, writeValue(target, sub, merged[sub.field], value, writing));
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** A list, or undefined for an empty one: no list is stored empty (RFC 7643, section 2.5). */
export function filled(values: readonly JsonValue[]): readonly JsonValue[] | undefined {
  return values.length === 0 ? undefined : values;
}

function appendNew(current: readonly JsonValue[], added: readonly JsonValue[]): readonly JsonValue[] {
  // By text, because a client may add thousands to thousands.
  const known = new Set(current.map(canonicalJson));
  const fresh = added.filter((value) => {
    const text = canonicalJson(value);
    return !known.has(text) && known.add(text);
  });
  return [...current, ...fresh];
}

/** The value that a filter's `eq` terms describe, as far as they are joined by `and`. */
export function valueFromFilter(attribute: AttributeDefinition, filter: Filter): JsonObject {
  const { node } = filter;
  if (node?.$case === 'and') {
    const parts = node.value.filters.map((part) => valueFromFilter(attribute, part));
    return Object.assign({}, ...parts);
  }
  if (node?.$case !== 'comparison' || node.value.operator !== ComparisonOperator.EQ) return {};
  const literal = node.value.literal?.value;
  if (literal === undefined || literal.$case === 'null') return {};
  const { attribute: sub } = findValueLeaf(attribute, node.value.path);
  return { [sub.field]: sub.multiValued ? [literal.value] : literal.value };
}
