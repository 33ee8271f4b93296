import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { DirectoryError } from '../../services/directory/errors.ts';
import {
  createPageTokens,
  pageTokenLifetime,
  queryDigest,
} from '../../services/directory/mongo/page-token.ts';
import { placeFromMessage, placeToMessage } from '../../services/directory/mongo/place-message.ts';

const key = randomBytes(32);
const query = queryDigest('acme1234', 'User', '');
const place = { query, place: { part: 1, ordinal: 41, key: undefined }, passed: 40 };

function refusedWith(reason: ErrorReason) {
  return (error: unknown) => error instanceof DirectoryError && error.reason === reason;
}

suite('a page token', () => {
  test('opens to what was sealed, for its own query', () => {
    const tokens = createPageTokens([key], () => 1_000);
    const arbitraryKey = fc.oneof(
      fc.constant(undefined),
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.date({ noInvalidDate: true }),
    );
    fc.assert(
      fc.property(
        fc.record(
          { part: fc.nat(9), ordinal: fc.maxSafeNat(), key: arbitraryKey },
          { noNullPrototype: true },
        ),
        fc.record({
          passed: fc.maxSafeNat(),
          afterId: fc.string({ unit: 'grapheme' }),
          backward: fc.boolean(),
          pageSize: fc.nat(1_000),
          position: fc.maxSafeNat(),
          source: fc.nat(9),
        }),
        (walked, rest) => {
          const token = tokens.seal({ query, place: placeToMessage(walked), ...rest });
          assert.match(token, /^[A-Za-z0-9_-]+$/);
          const { query: digest, place: opened, ...others } = tokens.open(token, query);
          assert.ok(query.equals(digest));
          assert.deepEqual(opened && placeFromMessage(opened), walked);
          assert.deepEqual(others, { ...rest, issued: 1_000 });
        },
      ),
    );
  });

  test('says nothing of what is in it, and is another each time', () => {
    const tokens = createPageTokens([key], () => 1_000);
    const afterId = 'an id that nobody may read';
    const first = tokens.seal({ ...place, afterId });
    assert.ok(!Buffer.from(first, 'base64url').includes(afterId));
    assert.notEqual(first, tokens.seal({ ...place, afterId }));
  });

  test('is refused for another query, by another key, and when a bit of it changed', () => {
    const tokens = createPageTokens([key], () => 1_000);
    const token = tokens.seal(place);
    const invalid = refusedWith(ErrorReason.PAGE_TOKEN_INVALID);
    assert.throws(() => tokens.open(token, queryDigest('other123', 'User', '')), invalid);
    assert.throws(() => createPageTokens([randomBytes(32)], () => 1_000).open(token, query), invalid);
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => tokens.open(changed.toString('base64url'), query), invalid, `bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => tokens.open(bytes.subarray(0, length).toString('base64url'), query), invalid);
  });

  test('is refused when its lifetime is over', () => {
    let now = 1_000;
    const tokens = createPageTokens([key], () => now);
    const token = tokens.seal(place);
    now += pageTokenLifetime * 1_000;
    assert.equal(tokens.open(token, query).place?.ordinal, 41);
    now += 1;
    assert.throws(() => tokens.open(token, query), refusedWith(ErrorReason.PAGE_TOKEN_EXPIRED));
  });

  test('opens while its key is being replaced', () => {
    const next = randomBytes(32);
    const token = createPageTokens([key], () => 1_000).seal(place);
    const both = createPageTokens([next, key], () => 1_000);
    assert.equal(both.open(token, query).place?.ordinal, 41);
    const renewed = both.seal(place);
    assert.equal(createPageTokens([next], () => 1_000).open(renewed, query).passed, 40);
    assert.throws(
      () => createPageTokens([key], () => 1_000).open(renewed, query),
      refusedWith(ErrorReason.PAGE_TOKEN_INVALID),
    );
  });
});

test('the digest of a query tells apart what would be the same when joined', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.array(fc.string(), { maxLength: 4 }), (a, b) => {
      const same = a.length === b.length && a.every((part, index) => part === b[index]);
      assert.equal(queryDigest(...a).equals(queryDigest(...b)), same);
    }),
    {
      examples: [
        [
          ['ab', 'c'],
          ['a', 'bc'],
        ],
        [['a'], ['a', '']],
        [[], ['']],
      ],
    },
  );
});
