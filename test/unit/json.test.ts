import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Struct, Value } from '#proto/google/protobuf/struct.ts';
import { isJsonArray, isJsonObject, type JsonValue, jsonEqual, toJsonValue } from '#scim/json.ts';

const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<JsonValue>;

describe('jsonEqual', () => {
  test('a value equals its copy, also with its keys in another order', () => {
    const reversed = (value: JsonValue): JsonValue => {
      if (isJsonArray(value)) return value.map(reversed);
      if (!isJsonObject(value)) return value;
      const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => [key, reversed(item)]);
      return Object.fromEntries(entries.reverse());
    };
    fc.assert(fc.property(json, (value) => jsonEqual(value, reversed(value))));
  });

  const different: [JsonValue | undefined, JsonValue | undefined][] = [
    [null, undefined],
    [null, false],
    [0, '0'],
    [[], {}],
    [[1], [1, 2]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: null }],
    [{ a: null }, {}],
    [{ toString: null }, { constructor: null }],
    [{ a: [{ b: 1 }] }, { a: [{ b: '1' }] }],
    ['A', 'a'],
  ];
  for (const [a, b] of different) {
    test(`${JSON.stringify(a)} is not ${JSON.stringify(b)}`, () => {
      assert.equal(jsonEqual(a, b), false);
      assert.equal(jsonEqual(b, a), false);
    });
  }
});

describe('toJsonValue', () => {
  test('gives back what went through a protobuf message', () => {
    fc.assert(
      fc.property(json, (value) => {
        const received = Value.unwrap(Value.decode(Value.encode(Value.wrap(value)).finish()));
        assert.ok(jsonEqual(toJsonValue(received), value), JSON.stringify(received));
      }),
    );
  });

  test('what JSON has no word for becomes null or is left out', () => {
    assert.deepEqual(toJsonValue([undefined, Number.NaN, Number.POSITIVE_INFINITY, new Date(), () => 1]), [
      null,
      null,
      null,
      null,
      null,
    ]);
    assert.deepEqual(toJsonValue({ a: undefined, b: { c: undefined } }), { b: {} });
    assert.equal(toJsonValue(undefined), null);
  });

  test('a key such as __proto__ stays a key', () => {
    const value = toJsonValue(Struct.unwrap(Struct.decode(Struct.encode(Struct.wrap({ a: 1 })).finish())));
    assert.deepEqual(value, { a: 1 });
    const odd = toJsonValue(JSON.parse('{"__proto__":{"admin":true}}'));
    assert.deepEqual(Object.keys(odd ?? {}), ['__proto__']);
    assert.equal(Object.getPrototypeOf(odd), Object.prototype);
  });
});
