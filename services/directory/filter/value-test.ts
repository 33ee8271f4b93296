import type { AttributePath, Comparison, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonValue } from '#scim/json.ts';
import { findSubAttribute } from '#scim/schema-registry.ts';
import { checkFilterSize, filterError } from './filter-error.ts';
import { matchesTerm, readFilterTerm, termOnOneValue } from './filter-term.ts';
import { foldValue } from './fold-value.ts';

/** Tells whether one value of a multi-valued attribute is selected. */
export type ValueTest = (element: JsonValue) => boolean;

/**
 * Makes the test for a value filter, as in `attribute[filter]` (RFC 7644, section 3.4.2.2): paths in the filter name sub-attributes of the
 * attribute in their `attribute` field.
 * @throws DirectoryError FILTER_INVALID for an unknown sub-attribute, an operator that its type does not have, and a
 * filter above the limits; before any value is seen.
 */
export function createValueTest(attribute: AttributeDefinition, filter: Filter): ValueTest {
  checkFilterSize(filter);
  return compile(attribute, filter);
}

function compile(attribute: AttributeDefinition, { node }: Filter): ValueTest {
  switch (node?.$case) {
    case 'and': {
      const tests = compileList(attribute, node.value.filters);
      return (element) => tests.every((test) => test(element));
    }
    case 'or': {
      const tests = compileList(attribute, node.value.filters);
      return (element) => tests.some((test) => test(element));
    }
    case 'not': {
      const test = compile(attribute, node.value);
      return (element) => !test(element);
    }
    case 'comparison':
      return compileComparison(attribute, node.value);
    case 'present': {
      const leaf = findValueLeaf(attribute, node.value);
      return (element) => valuesOf(leaf, element).some((value) => value !== '');
    }
    default:
      throw filterError(attribute.name, `The value filter of ${attribute.name} has an empty or nested part.`);
  }
}

function compileList(attribute: AttributeDefinition, filters: readonly Filter[]): readonly ValueTest[] {
  if (filters.length === 0) throw filterError(attribute.name, 'An "and" or "or" of the filter is empty.');
  return filters.map((filter) => compile(attribute, filter));
}

function compileComparison(attribute: AttributeDefinition, comparison: Comparison): ValueTest {
  const leaf = findValueLeaf(attribute, comparison.path);
  const term = termOnOneValue(leaf.attribute, readFilterTerm(leaf.attribute, comparison, leaf.name));
  return (element) => {
    const values = valuesOf(leaf, element);
    if (term.test === 'absent') return values.every((value) => value === '');
    if (values.length === 0) return matchesTerm(term, undefined);
    return values.some((value) => matchesTerm(term, value));
  };
}

/** What a path in a value filter names. */
export interface ValueLeaf {
  /** The attribute that is compared. */
  readonly attribute: AttributeDefinition;
  /** Its path, for errors. */
  readonly name: string;
}

/** Finds what a path in a value filter of the attribute names. @throws DirectoryError FILTER_INVALID */
export function findValueLeaf(attribute: AttributeDefinition, path: AttributePath | undefined): ValueLeaf {
  const name = `${attribute.name}.${path?.attribute ?? ''}`;
  if (
    path === undefined ||
    path.extension !== '' ||
    path.subAttribute !== '' ||
    path.valueFilter !== undefined
  ) {
    throw filterError(name, `A value filter of ${attribute.name} names sub-attributes of it only.`);
  }
  const sub = findSubAttribute(attribute, path.attribute);
  if (sub === undefined) throw filterError(name, `${attribute.name} has no sub-attribute ${path.attribute}.`);
  if (sub.derived || sub.returned === 'never') {
    throw filterError(name, `${name} is not stored and cannot be filtered.`);
  }
  return { attribute: sub, name };
}

function valuesOf({ attribute }: ValueLeaf, element: JsonValue) {
  const held = isJsonObject(element) ? element[attribute.field] : undefined;
  const list = isJsonArray(held) ? held : held === undefined ? [] : [held];
  return list.map((value) => foldValue(attribute, value)).filter((value) => value !== undefined);
}
