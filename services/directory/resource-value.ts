import { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from '#scim/json.ts';

/** The value under storage keys, from the top of a resource; undefined when there is none. */
export function valueAt(resource: JsonObject, keys: readonly string[]): JsonValue | undefined {
  return keys.reduce<JsonValue | undefined>(
    (holder, key) => (isJsonObject(holder) ? holder[key] : undefined),
    resource,
  );
}

/**
 * The resource with a value under storage keys, or without one. Objects on the way are made when needed and vanish when
 * nothing is left in them. The same object when nothing changes.
 */
export function withValueAt(
  holder: JsonObject,
  keys: readonly string[],
  value: JsonValue | undefined,
): JsonObject {
  const [key, ...others] = keys;
  if (key === undefined) return holder;
  if (others.length === 0) return withMember(holder, key, value);
  const held = holder[key];
  const inside = withValueAt(isJsonObject(held) ? held : {}, others, value);
  return withMember(holder, key, Object.keys(inside).length === 0 ? undefined : inside);
}

/** An object with a member set, or without it. The same object when nothing changes. */
export function withMember(holder: JsonObject, key: string, value: JsonValue | undefined): JsonObject {
  if (jsonEqual(holder[key], value)) return holder;
  if (value !== undefined) return { ...holder, [key]: value };
  const { [key]: _, ...others } = holder;
  return others;
}
