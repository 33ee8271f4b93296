import { NullValue } from '#proto/google/protobuf/struct.ts';
import { ComparisonOperator, type Literal } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition, AttributeType } from './attribute.ts';
import { parseDateTime } from './date-time.ts';
import { ScimSyntaxError } from './scim-syntax-error.ts';
import type { Token } from './token-cursor.ts';

type LiteralValue = NonNullable<Literal['value']>;

const equality: readonly ComparisonOperator[] = [ComparisonOperator.EQ, ComparisonOperator.NE];
const search: readonly ComparisonOperator[] = [
  ComparisonOperator.CO,
  ComparisonOperator.SW,
  ComparisonOperator.EW,
];
const order: readonly ComparisonOperator[] = [
  ComparisonOperator.GT,
  ComparisonOperator.GE,
  ComparisonOperator.LT,
  ComparisonOperator.LE,
];

interface Comparable {
  readonly operators: readonly ComparisonOperator[];
  readonly literal: LiteralValue['$case'];
  readonly wanted: string;
}

const text = 'text in double quotes';
const comparable: Readonly<Record<Exclude<AttributeType, 'complex'>, Comparable>> = {
  string: { operators: [...equality, ...search, ...order], literal: 'text', wanted: text },
  reference: { operators: [...equality, ...search, ...order], literal: 'text', wanted: text },
  binary: { operators: equality, literal: 'text', wanted: text },
  boolean: { operators: equality, literal: 'boolean', wanted: 'true or false, without quotes' },
  integer: { operators: [...equality, ...order], literal: 'number', wanted: 'a number, without quotes' },
  decimal: { operators: [...equality, ...order], literal: 'number', wanted: 'a number, without quotes' },
  dateTime: {
    operators: [...equality, ...order],
    literal: 'text',
    wanted: 'a date, time and zone in double quotes, such as "2026-01-31T23:59:59Z"',
  },
};

/** Reads a literal: JSON text in quotes, a JSON number, or true, false or null in any letter case. @throws ScimSyntaxError */
export function readLiteral(token: Token): LiteralValue {
  if (token.kind === 'string') return { $case: 'text', value: readString(token) };
  const word = token.kind === 'word' ? token.text.toLowerCase() : '';
  if (word === 'true' || word === 'false') return { $case: 'boolean', value: word === 'true' };
  if (word === 'null') return { $case: 'null', value: NullValue.NULL_VALUE };
  if (/^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/.test(word) && Number.isFinite(Number(word))) {
    // Adding 0 makes 0 of -0, which JSON cannot tell apart.
    return { $case: 'number', value: Number(word) + 0 };
  }
  throw new ScimSyntaxError(
    'filter',
    token.position,
    'Write a value here: text in double quotes, a number, true, false or null.',
  );
}

/** Checks that an attribute, which is not complex, can be compared so with such a literal. @throws ScimSyntaxError */
export function checkComparison(
  attribute: AttributeDefinition,
  operator: ComparisonOperator,
  operatorToken: Token,
  literal: LiteralValue,
  literalToken: Token,
): void {
  if (attribute.type === 'complex') throw new TypeError(`${attribute.name} is complex`);
  const { operators, literal: wantedCase, wanted } = comparable[attribute.type];
  const allowed = literal.$case === 'null' ? equality : operators;
  if (!allowed.includes(operator)) {
    const problem =
      literal.$case === 'null'
        ? `Nothing is ${operatorToken.text.toLowerCase()} null`
        : `${attribute.name} is of type ${attribute.type}, which ${operatorToken.text.toLowerCase()} cannot compare`;
    const words = allowed.map(printOperator).join(', ');
    throw new ScimSyntaxError('filter', operatorToken.position, `${problem}; use ${words} or pr.`);
  }
  if (literal.$case === 'null') return;
  const fits =
    literal.$case === wantedCase &&
    (attribute.type !== 'dateTime' ||
      (literal.$case === 'text' && parseDateTime(literal.value) !== undefined));
  if (!fits) {
    throw new ScimSyntaxError('filter', literalToken.position, `Compare ${attribute.name} with ${wanted}.`);
  }
}

/** The operator a word stands for, whatever its letter case; `pr` is none, because it takes no literal. */
export function readOperator(word: string): ComparisonOperator | undefined {
  return Object.values(ComparisonOperator).find(
    (operator) =>
      operator !== ComparisonOperator.UNSPECIFIED && printOperator(operator) === word.toLowerCase(),
  );
}

/** The word for an operator, in lower case. */
export function printOperator(operator: ComparisonOperator): string {
  return operator.slice('COMPARISON_OPERATOR_'.length).toLowerCase();
}

function readString(token: Token): string {
  let value: unknown;
  try {
    value = JSON.parse(token.text);
  } catch {
    throw new ScimSyntaxError(
      'filter',
      token.position,
      'This string is not valid JSON; escape backslashes, quotes and control characters with a backslash.',
    );
  }
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw new ScimSyntaxError('filter', token.position, 'This string has half of a Unicode character.');
}
