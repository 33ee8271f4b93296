import type { Document } from 'mongodb';
import type { FilterTerm } from '../filter/filter-term.ts';

/** A filter term as the condition on one folded field. A field that is absent is "no value". */
export function fieldCondition(term: FilterTerm, isText: boolean): Document {
  switch (term.test) {
    case 'present':
      // Every text but the empty one sorts after it.
      return isText ? { $gt: '' } : { $exists: true };
    case 'absent':
      return { $not: fieldCondition({ test: 'present' }, isText) };
    case 'co':
      return { $regex: literalPattern(String(term.operand)) };
    case 'ew':
      return { $regex: `${literalPattern(String(term.operand))}\\z` };
    case 'sw':
      return prefixRange(String(term.operand));
    case 'ge':
      return { $gte: term.operand };
    case 'le':
      return { $lte: term.operand };
    default:
      return { [`$${term.test}`]: term.operand };
  }
}

/** A pattern that matches the text itself, in the syntaxes of PCRE and of Rust's `regex`. */
export function literalPattern(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&').replaceAll('\0', '\\x00');
}

/** The texts that start with a prefix, as a range: from the prefix to before its successor, if it has one. */
export function prefixRange(prefix: string): { $gte: string; $lt?: string } {
  const end = successor(prefix);
  return end === undefined ? { $gte: prefix } : { $gte: prefix, $lt: end };
}

const lastCodePoint = 0x10ffff;

/** The first text, by code points, after all that start with the prefix; undefined when there is none. */
function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === lastCodePoint) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Surrogates are no characters: U+E000 follows U+D7FF.
  points.push(last === 0xd7ff ? 0xe000 : last + 1);
  return String.fromCodePoint(...points);
}
