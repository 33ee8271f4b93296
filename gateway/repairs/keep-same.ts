import type { JsonObject, JsonValue } from '#scim/json.ts';

/** Like `items.map(change)`, but returns the very list when nothing in it changes. */
export function mapSame<Item>(items: readonly Item[], change: (item: Item) => Item): readonly Item[] {
  const changed = items.map(change);
  return changed.every((item, index) => item === items[index]) ? items : changed;
}

/** Like `items.flatMap(change)`, but returns the very list when each item becomes only itself. */
export function flatMapSame<Item>(
  items: readonly Item[],
  change: (item: Item) => readonly Item[],
): readonly Item[] {
  const changed = items.flatMap(change);
  const isSame = changed.length === items.length && changed.every((item, index) => item === items[index]);
  return isSame ? items : changed;
}

/** Changes the entries of an object, but returns the very object when nothing in it changes. */
export function mapEntriesSame(
  object: JsonObject,
  change: (key: string, value: JsonValue) => readonly [string, JsonValue],
): JsonObject {
  const entries = Object.entries(object);
  const changed = entries.map(([key, value]) => change(key, value));
  const isSame = changed.every(([key, value], index) => {
    const [oldKey, oldValue] = entries[index] ?? [];
    return key === oldKey && value === oldValue;
  });
  // fromEntries makes own properties even of a key such as `__proto__`.
  return isSame ? object : Object.fromEntries(changed);
}
