import type { JsonObject, JsonValue } from '#scim/json.ts';

/** The value of a key, whatever its letter case (RFC 7643, section 2.1); undefined when there is none. */
export function valueOfKey(object: JsonObject, name: string): JsonValue | undefined {
  if (Object.hasOwn(object, name)) return object[name];
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : object[key];
}
