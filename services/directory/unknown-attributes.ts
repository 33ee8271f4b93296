import { UnknownAttributes } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import {
  canonicalJson,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  toJsonValue,
} from '#scim/json.ts';
import { type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import type { ConnectionSettings } from './decision.ts';
import type { Writing } from './patch/merge-values.ts';
import { withMember } from './resource-value.ts';

/**
 * The key under which a resource object holds what no schema knows: one text of JSON, because its keys could mean anything
 * to a database.
 */
export const unknownField = 'unknown';

/** What is kept of a resource that no schema knows, as it came. */
export function keptUnknown(resource: JsonObject): JsonObject {
  const kept = resource[unknownField];
  const value = typeof kept === 'string' ? toJsonValue(JSON.parse(kept)) : undefined;
  return isJsonObject(value) ? value : {};
}

/** The resource with other values that no schema knows; without any when there are none. */
export function withUnknown(resource: JsonObject, unknown: JsonObject): JsonObject {
  const isEmpty = Object.keys(unknown).length === 0;
  return withMember(resource, unknownField, isEmpty ? undefined : canonicalJson(unknown));
}

/** Whether a connection stores what no schema knows. */
export function keepsUnknown({ unknownAttributes }: ConnectionSettings): boolean {
  return unknownAttributes === UnknownAttributes.KEEP;
}

/** What a client sent, without what no schema knows where the connection drops that. */
export function dropUnknown(resource: JsonObject, settings: ConnectionSettings): JsonObject {
  return keepsUnknown(settings) ? resource : withMember(resource, unknownField, undefined);
}

/** Whether a path names a whole attribute, or an extension, that no schema of the type knows. */
export function isUnknownPath(type: ResourceType, path: AttributePath): boolean {
  const { extension, attribute, subAttribute, valueFilter } = path;
  if (subAttribute !== '' || valueFilter !== undefined || (extension === '' && attribute === ''))
    return false;
  return extension === '' ? resolvePath(type, path) === undefined : !isKnownSchema(type, extension);
}

function isKnownSchema(type: ResourceType, urn: string): boolean {
  return type.findExtension(urn) !== undefined || type.schema.id.toLowerCase() === urn.toLowerCase();
}

/**
 * The resource with a value written at a path that `isUnknownPath`; without one for null. Names match in any letter case. An
 * object at a URN is written attribute by attribute, and what is added to a list goes to its end.
 */
export function withUnknownAt(
  resource: JsonObject,
  path: AttributePath,
  value: JsonValue,
  writing: Writing,
): JsonObject {
  const kept = keptUnknown(resource);
  const names = namesOf(kept, path);
  const isUrn = names.length === 1 && names[0]?.includes(':');
  const parts: readonly [readonly string[], JsonValue][] =
    isUrn && isJsonObject(value)
      ? Object.entries(value).map(([name, part]) => [[...names, name], part])
      : [[names, value]];
  const written = parts.reduce((state, [place, part]) => withValueNamed(state, place, part, writing), kept);
  return withUnknown(resource, written);
}

/** No URN shows whether its last part is the name of an attribute: what is kept decides, and else the client. */
function namesOf(kept: JsonObject, { extension, attribute }: AttributePath): readonly string[] {
  const names = [extension, attribute].filter((name) => name !== '');
  const whole = names.join(':').toLowerCase();
  const isWhole = (key: string) => key.toLowerCase() === whole;
  const holds = (key: string) => isJsonObject(kept[key]) && whole.startsWith(`${key.toLowerCase()}:`);
  const keys = Object.keys(kept);
  const exact = keys.find(isWhole);
  if (exact !== undefined) return [exact];
  const holder = keys.find(holds);
  return holder === undefined ? names : [holder, names.join(':').slice(holder.length + 1)];
}

function withValueNamed(
  holder: JsonObject,
  names: readonly string[],
  value: JsonValue,
  writing: Writing,
): JsonObject {
  const [name, ...others] = names;
  if (name === undefined) return holder;
  const key = Object.keys(holder).find((known) => known.toLowerCase() === name.toLowerCase()) ?? name;
  const held = holder[key];
  const inside =
    others.length > 0
      ? withValueNamed(isJsonObject(held) ? held : {}, others, value, writing)
      : written(held, value, writing);
  const isEmpty = inside === null || (typeof inside === 'object' && Object.keys(inside).length === 0);
  return withMember(holder, key, isEmpty ? undefined : inside);
}

function written(held: JsonValue | undefined, value: JsonValue, writing: Writing): JsonValue {
  if (writing === 'replace' || value === null || !isJsonArray(held)) return value;
  return [...held, ...(isJsonArray(value) ? value : [value])];
}
