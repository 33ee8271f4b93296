import type { Document } from 'mongodb';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { filterError } from '../filter/filter-error.ts';
import { type FilterTerm, readFilterTerm, termOnOneValue } from '../filter/filter-term.ts';
import { findValueLeaf } from '../filter/value-test.ts';
import { literalPattern, prefixRange } from './field-condition.ts';

/**
 * The predicate for `attribute[filter]`: some value at the field passes as a whole. An expression, because the embedded
 * server knows no `$and`, `$or` or `$nor` inside `$elemMatch`.
 * @throws DirectoryError FILTER_INVALID
 */
export function someValue(field: string, attribute: AttributeDefinition, filter: Filter): Document {
  return { $expr: someOf(`$${field}`, 'value', valueExpression(attribute, filter)) };
}

/** The predicate for one term on a sub-attribute that has several values in each value. */
export function someValueWith(field: string, leaf: AttributeDefinition, term: FilterTerm): Document {
  return { $expr: someOf(`$${field}`, 'value', termExpression(leaf, term)) };
}

function someOf(list: string, name: string, expression: Document): Document {
  return { $anyElementTrue: [{ $map: { input: { $ifNull: [list, []] }, as: name, in: expression } }] };
}

/**
 * A value filter as the condition on one value, which is the variable `value` of the aggregation.
 * @throws DirectoryError FILTER_INVALID
 */
export function valueExpression(attribute: AttributeDefinition, { node }: Filter): Document {
  switch (node?.$case) {
    case 'and':
    case 'or': {
      if (node.value.filters.length === 0)
        throw filterError('', `An "${node.$case}" of the filter is empty.`);
      return { [`$${node.$case}`]: node.value.filters.map((part) => valueExpression(attribute, part)) };
    }
    case 'not':
      return { $not: [valueExpression(attribute, node.value)] };
    case 'comparison': {
      const leaf = findValueLeaf(attribute, node.value.path);
      const term = readFilterTerm(leaf.attribute, node.value, leaf.name);
      return termExpression(leaf.attribute, termOnOneValue(leaf.attribute, term));
    }
    case 'present': {
      const leaf = findValueLeaf(attribute, node.value);
      return termExpression(leaf.attribute, { test: 'present' });
    }
    default:
      throw filterError(attribute.name, `The value filter of ${attribute.name} has an empty or nested part.`);
  }
}

function termExpression(leaf: AttributeDefinition, term: FilterTerm): Document {
  const path = `$$value.${leaf.field}`;
  if (!leaf.multiValued) return compare(path, term);
  if (term.test === 'absent') return { $not: [termExpression(leaf, { test: 'present' })] };
  const some = someOf(path, 'item', compare('$$item', term));
  return term.test === 'ne' ? { $or: [{ $lte: [path, null] }, some] } : some;
}

/** Compares what stands at a path. "Missing" sorts before everything, so only upper bounds need a lower one. */
function compare(path: string, term: FilterTerm): Document {
  if (term.test === 'absent') return { $not: [compare(path, { test: 'present' })] };
  // The empty text is no value; numbers, truth values and dates sort on either side of it but are never equal to it.
  if (term.test === 'present') return { $and: [{ $gt: [path, null] }, { $ne: [path, ''] }] };
  const text = String(term.operand);
  switch (term.test) {
    case 'co':
      return { $regexMatch: { input: path, regex: literalPattern(text) } };
    case 'ew':
      return { $regexMatch: { input: path, regex: `${literalPattern(text)}\\z` } };
    case 'sw': {
      const { $gte, $lt } = prefixRange(text);
      const from = { $gte: [path, { $literal: $gte }] };
      return $lt === undefined ? from : { $and: [from, { $lt: [path, { $literal: $lt }] }] };
    }
    case 'lt':
    case 'le': {
      const below = { [term.test === 'lt' ? '$lt' : '$lte']: [path, { $literal: term.operand }] };
      return { $and: [{ $gt: [path, null] }, below] };
    }
    case 'ge':
      return { $gte: [path, { $literal: term.operand }] };
    default:
      return { [`$${term.test}`]: [path, { $literal: term.operand }] };
  }
}
