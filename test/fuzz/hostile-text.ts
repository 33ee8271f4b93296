import fc from 'fast-check';

/** Names and pieces on which parsers, prototypes, databases or Unicode handling have stumbled somewhere. */
const stumblingBlocks = [
  '',
  ' ',
  '"',
  '\\',
  '\u0000',
  '\r\n',
  '\ufeff',
  '\u202e',
  '\u2028',
  '\ud800',
  '\udc00\ud800',
  'x\udfff',
  'İ',
  'ß',
  'ﬀ',
  'é',
  '𝒞',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  'length',
  '$ref',
  '$where',
  '$ne',
  '{"$gt":""}',
  'null',
  'true',
  'NaN',
  '-0',
  '1e999',
  '9'.repeat(400),
  '18446744073709551616',
  '0x10',
  '..',
  '../../etc/passwd',
  '%',
  '%00',
  '%2F',
  '%zz',
  ':',
  '.',
  ',',
  '[',
  ']',
  '(',
  ')',
  '('.repeat(200),
  '['.repeat(200),
  'not ('.repeat(40),
  'x'.repeat(9_000),
  'urn:',
  'urn:ietf:params:scim:schemas:core:2.0:User',
  'urn:ietf:params:scim:schemas:core:2.0:User:',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.',
] as const;

const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit));

/** Any text: letters, all of Unicode, halves of surrogate pairs, and what others have stumbled over. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...stumblingBlocks),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: codeUnit, maxLength: 12 }),
);

interface Edit {
  readonly kind: 'delete' | 'duplicate' | 'swap' | 'insert';
  /** Where, as a part of the text's length from 0 to 1. */
  readonly place: number;
  readonly length: number;
  readonly text: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('delete', 'duplicate', 'swap', 'insert'),
  place: fc.nat(1_000).map((part) => part / 1_000),
  length: fc.integer({ min: 1, max: 8 }),
  text: hostileText,
});

/** Texts that were valid until a few characters were deleted, doubled, swapped or put in; some are left as they were. */
export function mutated(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(valid, fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, fc.array(edit, { maxLength: 3 })))
    .map(([text, edits]) => edits.reduce(applyEdit, text));
}

function applyEdit(text: string, { kind, place, length, text: inserted }: Edit): string {
  const at = Math.floor(place * text.length);
  const [before, piece, after] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  switch (kind) {
    case 'delete':
      return before + after;
    case 'duplicate':
      return before + piece + piece + after;
    case 'swap':
      return before + [...piece].reverse().join('') + after;
    case 'insert':
      return before + inserted + piece + after;
  }
}
