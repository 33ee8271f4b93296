import { type Comparison, ComparisonOperator } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { parseDateTime } from '#scim/date-time.ts';
import { filterError } from './filter-error.ts';
import { type FoldedValue, foldText } from './fold-value.ts';

/** What a filter asks of one value of an attribute; the operand is folded as stored values are. */
export type FilterTerm = { readonly test: 'present' } | { readonly test: 'absent' } | ComparisonTerm;

/** A term that compares with an operand. */
export interface ComparisonTerm {
  /** How. */
  readonly test: TermOperator;
  /** With what. */
  readonly operand: FoldedValue;
}

/** The operators that compare with an operand. */
export type TermOperator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/** The most bytes of text that a filter may compare with; a longer pattern is refused by the database. */
export const longestOperand = 8000;

const operators: Readonly<Record<ComparisonOperator, TermOperator | undefined>> = {
  [ComparisonOperator.UNSPECIFIED]: undefined,
  [ComparisonOperator.EQ]: 'eq',
  [ComparisonOperator.NE]: 'ne',
  [ComparisonOperator.CO]: 'co',
  [ComparisonOperator.SW]: 'sw',
  [ComparisonOperator.EW]: 'ew',
  [ComparisonOperator.GT]: 'gt',
  [ComparisonOperator.GE]: 'ge',
  [ComparisonOperator.LT]: 'lt',
  [ComparisonOperator.LE]: 'le',
};

const orderings: readonly TermOperator[] = ['gt', 'ge', 'lt', 'le'];
const substrings: readonly TermOperator[] = ['co', 'sw', 'ew'];

/**
 * Checks a comparison against the attribute's type (RFC 7644, section 3.4.2.2).
 * @param attribute the attribute that is compared: a leaf, not a complex attribute.
 * @param name the attribute's path, for the error.
 * @throws DirectoryError FILTER_INVALID
 */
export function readFilterTerm(
  attribute: AttributeDefinition,
  comparison: Comparison,
  name: string,
): FilterTerm {
  const test = operators[comparison.operator];
  const literal = comparison.literal?.value;
  if (test === undefined || literal === undefined) {
    throw filterError(name, `The comparison of ${name} has no operator or no value.`);
  }
  if (literal.$case === 'null') {
    if (test !== 'eq' && test !== 'ne')
      throw filterError(name, `${name} ${test} null: null goes with eq and ne only.`);
    return test === 'eq' ? { test: 'absent' } : { test: 'present' };
  }
  const { type } = attribute;
  const ordered = type !== 'boolean' && type !== 'binary';
  const textual = type === 'string' || type === 'reference';
  if ((orderings.includes(test) && !ordered) || (substrings.includes(test) && !textual)) {
    throw filterError(name, `${name} is a ${type} and cannot be compared with ${test}.`);
  }
  const operand = readOperand(attribute, literal.value);
  if (operand === undefined) throw filterError(name, `${name} is compared with ${expected[type]}.`);
  if (typeof operand === 'string' && Buffer.byteLength(operand) > longestOperand) {
    throw filterError(name, `${name} is compared with more than ${longestOperand} bytes of text.`);
  }
  return { test, operand };
}

const expected: Readonly<Record<AttributeDefinition['type'], string>> = {
  string: 'a text in double quotes',
  reference: 'a URI in double quotes',
  binary: 'base64 text in double quotes',
  boolean: 'true or false, without quotes',
  integer: 'a number, without quotes',
  decimal: 'a number, without quotes',
  dateTime: 'a time such as "2026-05-13T04:42:34Z"',
  complex: 'a value through one of its sub-attributes only',
};

/**
 * A term as it is asked of one value of a multi-valued attribute: there a missing `primary` counts as false (RFC 7643,
 * section 2.4), so that "is false" means "is not true".
 */
export function termOnOneValue({ name, type }: AttributeDefinition, term: FilterTerm): FilterTerm {
  const isFalse = name === 'primary' && type === 'boolean' && 'operand' in term && term.operand === false;
  if (!isFalse) return term;
  return { test: term.test === 'eq' ? 'ne' : 'eq', operand: true };
}

function readOperand(
  attribute: AttributeDefinition,
  value: string | number | boolean,
): FoldedValue | undefined {
  switch (attribute.type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'integer':
    case 'decimal':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'dateTime':
      return typeof value === 'string' ? parseDateTime(value) : undefined;
    case 'complex':
      return undefined;
    default:
      return typeof value === 'string' ? foldText(attribute, value) : undefined;
  }
}

/** Whether a folded value passes; undefined is "no value". */
export function matchesTerm(term: FilterTerm, value: FoldedValue | undefined): boolean {
  const present = value !== undefined && value !== '';
  if (term.test === 'present') return present;
  if (term.test === 'absent') return !present;
  const { operand } = term;
  if (value === undefined) return term.test === 'ne';
  switch (term.test) {
    case 'eq':
      return compare(value, operand) === 0;
    case 'ne':
      return compare(value, operand) !== 0;
    case 'co':
      return String(value).includes(String(operand));
    case 'sw':
      return String(value).startsWith(String(operand));
    case 'ew':
      return String(value).endsWith(String(operand));
    case 'gt':
      return compare(value, operand) > 0;
    case 'ge':
      return compare(value, operand) >= 0;
    case 'lt':
      return compare(value, operand) < 0;
    case 'le':
      return compare(value, operand) <= 0;
  }
}

/** Orders texts by code point, as the database does, which compares bytes of UTF-8; and numbers and times by size. */
function compare(a: FoldedValue, b: FoldedValue): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number(a) - Number(b);
}
