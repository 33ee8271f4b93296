import { ScimSyntaxError } from './scim-syntax-error.ts';

/** A piece of a filter or path: a bracket, a quoted string, or a run of anything else, such as `name.givenName` or `eq`. */
export interface Token {
  /** A bracket or parenthesis is its own kind; `end` follows the last piece. */
  readonly kind: '(' | ')' | '[' | ']' | 'string' | 'word' | 'end';
  /** The piece as written, quotes included; empty at the end. */
  readonly text: string;
  /** The number of its first character, from 1. */
  readonly position: number;
}

/** Walks over the pieces of a text. */
export interface TokenCursor {
  /** The next piece, which stays the next one. */
  peek(): Token;
  /** The next piece; the cursor moves on. */
  take(): Token;
  /** Moves on and answers true when the next piece is this word, whatever its letter case. */
  takeWord(word: string): boolean;
  /** Moves on when the next piece is of this kind. @throws ScimSyntaxError with `problem` when it is not */
  expect(kind: Token['kind'], errorKind: ScimSyntaxError['kind'], problem: string): Token;
}

/**
 * Splits a text into pieces; blanks separate them and mean nothing else.
 * @throws ScimSyntaxError of `kind` for a text over `maxLength` characters, and for a string without its closing quote
 */
export function createTokenCursor(
  text: string,
  kind: ScimSyntaxError['kind'],
  maxLength: number,
): TokenCursor {
  if (text.length > maxLength) {
    throw new ScimSyntaxError(kind, maxLength + 1, `Shorten it to ${maxLength} characters or fewer.`);
  }
  const tokens = split(text);
  const end: Token = { kind: 'end', text: '', position: text.length + 1 };
  let next = 0;
  const peek = () => tokens[next] ?? end;
  const take = () => {
    const token = peek();
    next += 1;
    return token;
  };
  return {
    peek,
    take,
    takeWord(word) {
      const found = peek().kind === 'word' && peek().text.toLowerCase() === word;
      if (found) take();
      return found;
    },
    expect(wanted, errorKind, problem) {
      if (peek().kind !== wanted) throw new ScimSyntaxError(errorKind, peek().position, problem);
      return take();
    },
  };
}

function split(text: string): Token[] {
  const pieces = /\s+|(?<bracket>[()[\]])|(?<string>"(?:[^"\\]|\\.)*")|(?<word>[^\s()[\]"]+)|(?<open>")/gs;
  const tokens: Token[] = [];
  for (const { 0: piece, index, groups } of text.matchAll(pieces)) {
    const position = index + 1;
    if (groups?.open) {
      // Strings stand in filters only, also when the text is a path.
      throw new ScimSyntaxError('filter', position, 'This string has no end; close it with a double quote.');
    }
    if (groups?.string) tokens.push({ kind: 'string', text: piece, position });
    if (groups?.word) tokens.push({ kind: 'word', text: piece, position });
    if (groups?.bracket) tokens.push({ kind: piece as '(' | ')' | '[' | ']', text: piece, position });
  }
  return tokens;
}
