import { ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from './attribute.ts';
import { type NamedAttribute, requireSubAttribute } from './attribute-name.ts';
import { alwaysFalse, alwaysTrue } from './constant-filters.ts';
import { type ComparisonText, readComparison } from './filter-comparison.ts';
import { checkDepth, filterLimits, tooDeep } from './filter-limits.ts';
import { checkComparison } from './filter-literal.ts';
import { findFilterName, resolveFilterName } from './filter-name.ts';
import { findSubAttribute, type ResourceType } from './schema-registry.ts';
import { ScimSyntaxError } from './scim-syntax-error.ts';
import { createTokenCursor, type Token, type TokenCursor } from './token-cursor.ts';

/** How to treat what the resource type does not have. */
export interface ParseFilterOptions {
  /**
   * `refuse`, the default, makes an unknown attribute an error; `noValue` is for lists of several types, where it is an
   * attribute without a value (RFC 7644, section 3.4.2.1).
   */
  readonly unknown?: 'refuse' | 'noValue';
}

/**
 * Reads a filter (RFC 7644, section 3.4.2.2) and checks names, operators and literals against the resource type. Names
 * and keywords may have any letter case. `emails eq "x"` means `emails.value eq "x"`, and
 * `emails[type eq "work"].value eq "x"`, which the RFC does not have, means `emails[type eq "work" and value eq "x"]`.
 * `schemas` may be named like an attribute.
 * @throws ScimSyntaxError for everything else, `filterLimits` included
 */
export function parseFilter(
  resourceType: ResourceType,
  text: string,
  { unknown = 'refuse' }: ParseFilterOptions = {},
): Filter {
  const cursor = createTokenCursor(text, 'filter', filterLimits.length);
  const resolve = (word: Token) =>
    unknown === 'refuse' ? resolveFilterName(resourceType, word) : findFilterName(resourceType, word);
  const filter = parseOr({ cursor, resolve, inBrackets: false, size: { level: 0, terms: 0 } });
  cursor.expect('end', 'filter', 'Continue with "and" or "or", or end the filter here.');
  checkDepth(filter, 1);
  return filter;
}

/**
 * Reads the brackets, and the filter in them, of a PATCH path `attribute[filter]`. Names in the filter are those of
 * sub-attributes of the attribute.
 * @throws ScimSyntaxError of kind `path` when brackets cannot follow this attribute or are not closed, of kind `filter` for
 * the filter
 */
export function parseValueFilter(cursor: TokenCursor, named: NamedAttribute): Filter {
  const { position } = cursor.peek();
  const attribute = requireElements(named, 'path', position);
  const filter = orOpenBracket(cursor, () =>
    parseEnclosed(insideOf(attribute, cursor, { level: 0, terms: 0 }), ']'),
  );
  checkDepth(filter, position);
  return filter;
}

/** A path that ends in its brackets is no path, rather than a path with a wrong filter. */
function orOpenBracket(cursor: TokenCursor, parse: () => Filter): Filter {
  const { position } = cursor.peek();
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ScimSyntaxError) || cursor.peek().kind !== 'end') throw error;
    throw new ScimSyntaxError('path', position, 'Close this "[" with "]", after a filter.');
  }
}

/** Reads `.name` after the closing bracket of a value path; undefined when none follows. @throws ScimSyntaxError */
export function takeSubAttribute(
  cursor: TokenCursor,
  attribute: AttributeDefinition | undefined,
  kind: ScimSyntaxError['kind'],
): AttributeDefinition | undefined {
  const { kind: next, text, position } = cursor.peek();
  if (attribute === undefined || next !== 'word' || !text.startsWith('.')) return undefined;
  cursor.take();
  return requireSubAttribute(attribute, text.slice(1), kind, position + 1);
}

/** Where the parser is. */
interface Place {
  readonly cursor: TokenCursor;
  /** What a name means here; undefined for an attribute that has no value. */
  readonly resolve: (word: Token) => NamedAttribute | undefined;
  /** Whether this is the inside of a value path, where another one is not allowed. */
  readonly inBrackets: boolean;
  /** How much has been read; shared by all places of one filter. */
  readonly size: { level: number; terms: number };
}

function insideOf(attribute: AttributeDefinition, cursor: TokenCursor, size: Place['size']): Place {
  const resolve = ({ text, position }: Token) =>
    nameInBrackets(requireSubAttribute(attribute, text, 'filter', position));
  return { cursor, resolve, inBrackets: true, size };
}

function nameInBrackets(subAttribute: AttributeDefinition): NamedAttribute {
  return {
    path: { extension: '', attribute: subAttribute.name, subAttribute: '' },
    attribute: subAttribute,
  };
}

function parseOr(place: Place): Filter {
  const filters = [parseAnd(place)];
  while (place.cursor.takeWord('or')) filters.push(parseAnd(place));
  return combine('or', filters);
}

function parseAnd(place: Place): Filter {
  const filters = [parseOne(place)];
  while (place.cursor.takeWord('and')) filters.push(parseOne(place));
  return combine('and', filters);
}

function combine($case: 'and' | 'or', filters: Filter[]): Filter {
  const [first, second] = filters;
  return first && !second ? first : { node: { $case, value: { filters } } };
}

function parseOne(place: Place): Filter {
  const { cursor } = place;
  if (cursor.peek().kind === '(') return parseEnclosed(place, ')');
  if (cursor.takeWord('not')) {
    if (cursor.peek().kind === '(') return { node: { $case: 'not', value: parseEnclosed(place, ')') } };
    throw new ScimSyntaxError('filter', cursor.peek().position, 'Put what follows "not" in parentheses.');
  }
  const word = cursor.expect('word', 'filter', 'Write the name of an attribute, "not" or "(" here.');
  const named = place.resolve(word);
  if (named === undefined) return parseWithoutValue(place, word.position);
  return cursor.peek().kind === '[' ? parseValuePath(place, named) : parseTest(place, named, word.position);
}

/** Reads a filter between marks. Their levels are limited, so that no text can exhaust the stack. */
function parseEnclosed(place: Place, closing: ')' | ']'): Filter {
  const { cursor, size } = place;
  const open = cursor.take();
  size.level += 1;
  if (size.level > filterLimits.depth) throw tooDeep(open.position);
  const filter = parseOr(place);
  const problem = `Close the "${open.text}" of character ${open.position} with "${closing}", or continue with "and" or "or".`;
  cursor.expect(closing, 'filter', problem);
  size.level -= 1;
  return filter;
}

function parseValuePath(place: Place, named: NamedAttribute): Filter {
  const { cursor, size } = place;
  const { position } = cursor.peek();
  refuseNested(place);
  const attribute = requireElements(named, 'filter', position);
  const inside = insideOf(attribute, cursor, size);
  const selection = parseEnclosed(inside, ']');
  const after = cursor.peek();
  const tested = takeSubAttribute(cursor, attribute, 'filter');
  const filter = tested
    ? combine('and', [selection, parseTest(inside, nameInBrackets(tested), after.position)])
    : selection;
  return { node: { $case: 'valuePath', value: { path: named.path, filter } } };
}

function refuseNested({ cursor, inBrackets }: Place): void {
  if (!inBrackets) return;
  const { position } = cursor.peek();
  throw new ScimSyntaxError('filter', position, 'Brackets cannot stand inside brackets; use "and".');
}

/** Reads what follows the name of an attribute that has no value, and answers what that comes to. */
function parseWithoutValue(place: Place, position: number): Filter {
  const { cursor } = place;
  if (cursor.peek().kind === '[') {
    refuseNested(place);
    parseEnclosed({ ...place, resolve: () => undefined, inBrackets: true }, ']');
    const { kind, text } = cursor.peek();
    if (kind === 'word' && text.startsWith('.')) {
      cursor.take();
      readTest(place, position);
    }
    return alwaysFalse;
  }
  const test = readTest(place, position);
  if (test === 'pr') return alwaysFalse;
  const { operator, literal } = test;
  const wanted = literal.$case === 'null' ? ComparisonOperator.EQ : ComparisonOperator.NE;
  return operator === wanted ? alwaysTrue : alwaysFalse;
}

/** Reads `pr`, or an operator and a literal, after the name that they test. */
function parseTest(
  place: Place,
  { path, attribute, subAttribute }: NamedAttribute,
  position: number,
): Filter {
  if (attribute === undefined) {
    throw new ScimSyntaxError('filter', position, 'Add ":" and the name of an attribute to the schema URN.');
  }
  const test = readTest(place, position);
  if (test === 'pr') return { node: { $case: 'present', value: path } };
  const { operator, literal } = test;
  const compared = subAttribute ?? attribute;
  const value = compared.type === 'complex' ? impliedValue(compared, position) : undefined;
  checkComparison(value ?? compared, operator, test.operatorToken, literal, test.literalToken);
  return {
    node: {
      $case: 'comparison',
      value: {
        path: value ? { ...path, subAttribute: value.name } : path,
        operator,
        literal: { value: literal },
      },
    },
  };
}

function readTest({ cursor, size }: Place, position: number): 'pr' | ComparisonText {
  size.terms += 1;
  if (size.terms <= filterLimits.terms) return readComparison(cursor);
  throw new ScimSyntaxError('filter', position, `Use ${filterLimits.terms} comparisons or fewer.`);
}

/** The sub-attribute that a comparison of the whole complex attribute means. */
function impliedValue(attribute: AttributeDefinition, position: number): AttributeDefinition {
  const value = findSubAttribute(attribute, 'value');
  if (value) return value;
  const names = attribute.subAttributes.map(({ name }) => name).join(', ');
  throw new ScimSyntaxError(
    'filter',
    position,
    `Compare a sub-attribute of ${attribute.name} (${names}), or use pr.`,
  );
}

/** The attribute before brackets, which select among several values with sub-attributes. */
function requireElements(
  { attribute, subAttribute }: NamedAttribute,
  kind: ScimSyntaxError['kind'],
  position: number,
): AttributeDefinition {
  if (attribute?.multiValued && attribute.type === 'complex' && !subAttribute) return attribute;
  throw new ScimSyntaxError(
    kind,
    position,
    'Brackets select among the values of a multi-valued complex attribute such as emails; leave them out here.',
  );
}
