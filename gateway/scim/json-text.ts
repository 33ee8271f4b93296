import type { JsonObject, JsonValue } from '#scim/json.ts';

/**
 * The JSON text of an object with one more field, last: a list whose items arrive in pieces, so that it is never held
 * whole. Without any item the field is left out.
 * @param object has at least one field.
 */
export async function* textWithList(
  object: JsonObject,
  field: string,
  pieces: AsyncIterable<readonly JsonValue[]>,
): AsyncIterable<string> {
  const text = JSON.stringify(object);
  let before = `${text.slice(0, -1)},${JSON.stringify(field)}:[`;
  let isEmpty = true;
  for await (const items of pieces) {
    if (items.length === 0) continue;
    yield before + JSON.stringify(items).slice(1, -1);
    before = ',';
    isEmpty = false;
  }
  yield isEmpty ? text : ']}';
}

/**
 * The JSON text of an object with one more field, last: a list.
 * @param object has at least one field.
 * @param items the text of one item or of several with commas between them, whole or in pieces of its own.
 */
export async function* textWithItems(
  object: JsonObject,
  field: string,
  items: AsyncIterable<string | AsyncIterable<string>>,
): AsyncIterable<string> {
  let before = `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(field)}:[`;
  for await (const text of items) {
    if (typeof text === 'string') yield before + text;
    else {
      yield before;
      yield* text;
    }
    before = ',';
  }
  yield before === ',' ? ']}' : `${before}]}`;
}
