import type { ComparisonOperator, Literal } from '#proto/rollcall/scim/v1/filter.ts';
import { readLiteral, readOperator } from './filter-literal.ts';
import { ScimSyntaxError } from './scim-syntax-error.ts';
import type { Token, TokenCursor } from './token-cursor.ts';

/** An operator and a literal, not yet checked against what they are compared with. */
export interface ComparisonText {
  /** The operator. */
  readonly operator: ComparisonOperator;
  /** Where it stands. */
  readonly operatorToken: Token;
  /** The literal. */
  readonly literal: NonNullable<Literal['value']>;
  /** Where it stands. */
  readonly literalToken: Token;
}

/** Reads `pr`, or an operator and a literal. @throws ScimSyntaxError */
export function readComparison(cursor: TokenCursor): 'pr' | ComparisonText {
  if (cursor.takeWord('pr')) return 'pr';

  const operators = 'eq, ne, co, sw, ew, gt, ge, lt, le or pr';
  const operatorToken = cursor.expect('word', 'filter', `Write an operator here: ${operators}.`);
  const operator = readOperator(operatorToken.text);
  if (operator === undefined) {
    throw new ScimSyntaxError('filter', operatorToken.position, `This is not an operator; use ${operators}.`);
  }
  const literalToken = cursor.peek();
  const literal = readLiteral(literalToken);
  cursor.take();
  return { operator, operatorToken, literal, literalToken };
}
