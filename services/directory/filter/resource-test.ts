import type { AttributePath, Comparison, Filter, ValuePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { printAttributeName } from '#scim/attribute-name.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { findSubAttribute, type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { valueAt } from '../resource-value.ts';
import { checkFilterSize, filterError } from './filter-error.ts';
import { type FilterTerm, matchesTerm, readFilterTerm, termOnOneValue } from './filter-term.ts';
import { foldValue } from './fold-value.ts';
import { createValueTest } from './value-test.ts';

/**
 * Tells whether a resource is selected. The resource is what is stored, with `id`, `meta` and, for a user, `groups` beside
 * it, where the filter may name them.
 */
export type ResourceTest = (resource: JsonObject) => boolean;

/**
 * Makes the test for a filter (RFC 7644, section 3.4.2.2): it selects what `compileFilter` makes the database find.
 * @throws DirectoryError FILTER_INVALID for an unknown attribute, an operator that its type does not have, and a filter
 * above the limits; before any resource is seen.
 */
export function createResourceTest(type: ResourceType, filter: Filter): ResourceTest {
  checkFilterSize(filter);
  return compile(type, filter);
}

function compile(type: ResourceType, { node }: Filter): ResourceTest {
  switch (node?.$case) {
    case 'and': {
      const tests = node.value.filters.map((part) => compile(type, part));
      return (resource) => tests.every((test) => test(resource));
    }
    case 'or': {
      const tests = node.value.filters.map((part) => compile(type, part));
      return (resource) => tests.some((test) => test(resource));
    }
    case 'not': {
      const test = compile(type, node.value);
      return (resource) => !test(resource);
    }
    case 'comparison':
      return compileComparison(type, node.value);
    case 'present':
      return compilePresent(type, node.value);
    case 'valuePath':
      return compileValuePath(type, node.value);
    case undefined:
      throw filterError('', 'A part of the filter is empty.');
  }
}

function compileComparison(type: ResourceType, comparison: Comparison): ResourceTest {
  const target = findTarget(type, comparison.path);
  const { attribute } = target;
  // `emails eq "x"` compares `emails.value` (RFC 7643, section 2.4).
  const isWhole = target.subAttribute === undefined && attribute.type === 'complex';
  const subAttribute = isWhole ? findSubAttribute(attribute, 'value') : target.subAttribute;
  const term = readFilterTerm(subAttribute ?? attribute, comparison, target.name);
  return termTest({ ...target, subAttribute }, term);
}

function compilePresent(type: ResourceType, path: AttributePath): ResourceTest {
  const target = findTarget(type, path);
  const { attribute, subAttribute } = target;
  const parts =
    subAttribute === undefined && attribute.type === 'complex'
      ? attribute.subAttributes.filter((sub) => !sub.derived && sub.returned !== 'never')
      : [subAttribute];
  const tests = parts.map((part) => termTest({ ...target, subAttribute: part }, { test: 'present' }));
  return (resource) => tests.some((test) => test(resource));
}

function compileValuePath(type: ResourceType, { path, filter }: ValuePath): ResourceTest {
  const { attribute, keys, name } = findTarget(type, path);
  if (filter === undefined) throw filterError(name, `The brackets after ${name} are empty.`);
  const test = createValueTest(attribute, filter);
  return (resource) => listOf(valueAt(resource, keys)).some(test);
}

/** An attribute that a filter names. */
interface Target {
  readonly name: string;
  readonly attribute: AttributeDefinition;
  readonly subAttribute: AttributeDefinition | undefined;
  /** The keys that lead to the attribute, without the sub-attribute. */
  readonly keys: readonly string[];
}

function findTarget(type: ResourceType, path: AttributePath | undefined): Target {
  const resolved = path && resolvePath(type, path);
  if (!resolved) {
    const name = path ? printAttributeName(path) : '';
    throw filterError(name, `${type.name} has no attribute ${name}.`);
  }
  const { attribute, subAttribute } = resolved;
  const keys = subAttribute === undefined ? resolved.keys : resolved.keys.slice(0, -1);
  return { name: printAttributeName(path), attribute, subAttribute, keys };
}

/** A term on an attribute. On several values "any" decides; `ne` also holds when there is none. */
function termTest({ attribute, subAttribute, keys }: Target, term: FilterTerm): ResourceTest {
  const leaf = subAttribute ?? attribute;
  const several = attribute.multiValued || leaf.multiValued;
  const valuesOf = (element: JsonValue): readonly (JsonValue | undefined)[] => {
    const held = subAttribute ? partOf(element, subAttribute) : element;
    return leaf.multiValued && subAttribute ? listOf(held) : [held];
  };
  const matches = (wanted: FilterTerm, value: JsonValue | undefined) =>
    matchesTerm(wanted, value === undefined ? undefined : foldValue(leaf, value));
  if (!several)
    return (resource) => {
      const held = valueAt(resource, keys);
      return matches(term, subAttribute && held !== undefined ? partOf(held, subAttribute) : held);
    };
  const wanted = subAttribute && attribute.multiValued ? termOnOneValue(leaf, term) : term;
  return (resource) => {
    const held = valueAt(resource, keys);
    const elements = attribute.multiValued ? listOf(held) : held === undefined ? [] : [held];
    const values = elements.flatMap(valuesOf);
    if (term.test === 'absent') return !values.some((value) => matches({ test: 'present' }, value));
    if (term.test === 'ne' && values.length === 0) return true;
    return values.some((value) => matches(wanted, value));
  };
}

function partOf(element: JsonValue, { field }: AttributeDefinition): JsonValue | undefined {
  return isJsonObject(element) ? element[field] : undefined;
}

function listOf(held: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(held) ? held : held === undefined ? [] : [held];
}
