import fc from 'fast-check';
import { isJsonObject, type JsonValue } from '#scim/json.ts';
import { hostileText, mutated } from './hostile-text.ts';

/** Pieces of JSON text that no JavaScript value prints as; `rawText` of them is put into a text as it is. */
const rawPieces = [
  '1e999',
  '-1e999',
  '1e-999',
  '-0',
  '0.1',
  '123456789012345678901234567890',
  '"\\ud800"',
  '"\\u0000"',
  '{"__proto__":{"active":false}}',
  '{"__proto__":null}',
  '{"constructor":{"prototype":{"active":false}}}',
  '{"value":1,"value":2}',
  nested('[', ']', 30),
  nested('[', ']', 40),
  nested('[', ']', 20_000),
  nested('{"a":', '}', 40),
  nested('{"value":', '}', 20_000),
  '+1',
  "'x'",
  'undefined',
] as const;

function nested(open: string, close: string, levels: number): string {
  return `${open.repeat(levels)}null${close.repeat(levels)}`;
}

/** Stands in a value for a raw piece until the value is text. */
const raw = (index: number) => `\u0001raw${index}\u0001`;

/** Any JSON value, some of them with raw pieces in it; print it with `printJson`. */
export const hostileJson: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(null, true, false, 0, -1, 1.5, 2 ** 53, '', [], {}, [null], [[]], [{}], {}),
  hostileText,
  fc.nat(rawPieces.length - 1).map(raw),
  fc
    .dictionary(hostileText, fc.oneof(hostileText, fc.boolean()), { maxKeys: 3, noNullPrototype: true })
    .map(asJson),
  fc.jsonValue({ depthSize: 'small' }).map(asJson),
);

function asJson(value: unknown): JsonValue {
  return value as JsonValue;
}

/** The text of a value of `hostileJson`, or with such in it. */
export function printJson(value: JsonValue): string {
  return JSON.stringify(value).replace(
    /"\\u0001raw(\d+)\\u0001"/g,
    (_, index) => rawPieces[Number(index)] ?? 'null',
  );
}

interface Edit {
  readonly kind: 'replace' | 'remove' | 'rename' | 'wrap' | 'add';
  /** Which of the values inside, modulo their number. */
  readonly place: number;
  readonly value: JsonValue;
  readonly name: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('replace', 'remove', 'rename', 'wrap', 'add'),
  place: fc.nat(),
  value: hostileJson,
  name: hostileText,
});

/**
 * The text of JSON values that were valid until some values in them were replaced, removed, renamed, put in a list or added,
 * or until characters of the text were changed; some are left as they were.
 */
export function mutatedJson(valid: fc.Arbitrary<JsonValue>): fc.Arbitrary<string> {
  const inside = fc
    .tuple(valid, fc.array(edit, { maxLength: 3 }))
    .map(([value, edits]) => printJson(edits.reduce(applyEdit, value)));
  return fc.oneof({ weight: 6, arbitrary: inside }, { weight: 2, arbitrary: mutated(valid.map(printJson)) });
}

function applyEdit(value: JsonValue, change: Edit): JsonValue {
  const count = countValues(value);
  return edited(value, { ...change, place: change.place % count }).value;
}

function countValues(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, item: JsonValue) => sum + countValues(item), 1);
}

/** Walks to the value at `place`, counting down; `left` is below 0 once it was met. */
function edited(value: JsonValue, change: Edit): { value: JsonValue; left: number } {
  const { kind, place, value: other, name } = change;
  if (place === 0) {
    if (kind === 'add' && isJsonObject(value)) return { value: withKey({ ...value }, name, other), left: -1 };
    return { value: kind === 'wrap' ? [value] : other, left: -1 };
  }
  if (typeof value !== 'object' || value === null) return { value, left: place - 1 };
  let left = place - 1;
  const entries: [string, JsonValue][] = [];
  for (const [key, item] of Object.entries(value)) {
    const isPlace = left === 0;
    const result = left < 0 ? { value: item, left } : edited(item, { ...change, place: left });
    left = result.left;
    if (isPlace && kind === 'remove') continue;
    if (isPlace && kind === 'rename') entries.push([name, item]);
    else entries.push([key, result.value]);
  }
  if (Array.isArray(value)) return { value: entries.map(([, item]) => item), left };
  return { value: entries.reduce((object, [key, item]) => withKey(object, key, item), {}), left };
}

/** Adds a key, `__proto__` too, which an assignment would not. */
function withKey(object: { [key: string]: JsonValue }, key: string, value: JsonValue) {
  return Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
