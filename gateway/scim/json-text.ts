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
 * The JSON text of an object with one more field, last: a list of objects, each as its own pieces of text.
 * @param object has at least one field.
 */
export async function* textWithObjects(
  object: JsonObject,
  field: string,
  objects: AsyncIterable<AsyncIterable<string>>,
): AsyncIterable<string> {
  yield `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(field)}:[`;
  let before = '';
  for await (const pieces of objects) {
    if (before !== '') yield before;
    yield* pieces;
    before = ',';
  }
  yield ']}';
}
