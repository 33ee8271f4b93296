import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, toJsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceExchange } from '../http/exchange.ts';
import { type PatchStep, patchOps } from './patch-step.ts';
import type { Projection } from './projection.ts';
import type { ResourceMessage } from './resource-to-json.ts';

// Of the hundred levels that a message may have, lists and objects take three each.
const maxDepth = 20;

/**
 * Whether an attribute that no schema knows can be kept: it has a value (RFC 7643, section 2.5), is at most 20 lists and
 * objects deep, and has no name or text that a message cannot hold.
 */
export function isKeepable(resourceType: ResourceType, name: string, value: JsonValue): boolean {
  const isEmpty = value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  return !isEmpty && isHoldableName(name) && isHoldable(value, maxDepth) && !isKnownName(resourceType, name);
}

function isHoldableName(name: string): boolean {
  return name !== '' && name !== '__proto__' && name.isWellFormed();
}

function isHoldable(value: JsonValue, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (isJsonArray(value)) return levels > 0 && value.every((item) => isHoldable(item, levels - 1));
  if (!isJsonObject(value)) return true;
  return (
    levels > 0 &&
    Object.entries(value).every(([name, item]) => isHoldableName(name) && isHoldable(item, levels - 1))
  );
}

/**
 * What a PATCH does to what is wholly unknown: an attribute, an extension, or an attribute of an unknown extension. Undefined
 * where the connection does not keep that, for what cannot be kept, and for what is part of an attribute or of what is known.
 * @param name what the operation's path names, or a key of its value.
 */
export function keptOperation(
  { resourceType, keepsUnknown }: ResourceExchange,
  { op, value, index }: PatchStep,
  name: string,
): PatchOperation | undefined {
  if (!keepsUnknown) return undefined;
  // Whoever lists what to remove does not mean all of it.
  if (op === 'remove' && (isJsonArray(value) || isJsonObject(value))) return undefined;
  const written = op === 'remove' ? undefined : (value ?? null);
  const path = unknownPath(resourceType, name, written);
  return path && { op: patchOps[op], path, value: written, index };
}

/**
 * The path of something unknown. No URN shows where it ends, so that one with an object for its value, or to be removed, is
 * sent on whole: the directory knows what is kept.
 */
function unknownPath(
  resourceType: ResourceType,
  name: string,
  value: JsonValue | undefined,
): AttributePath | undefined {
  const isHeld = value === undefined || isHoldable(value, maxDepth);
  const isWhole = !name.includes('[') && name.split(':').every(isHoldableName);
  if (!isHeld || !isWhole || isKnownName(resourceType, name)) return undefined;
  const end = name.lastIndexOf(':');
  const path = {
    extension: name.slice(0, Math.max(end, 0)),
    attribute: name.slice(end + 1),
    subAttribute: '',
  };
  if (end > 0 && (value === undefined || isJsonObject(value)))
    return { ...path, extension: name, attribute: '' };
  return path.attribute.includes('.') ? undefined : path;
}

/** Whether a name is that of something which the resource type has, or begins with the URN of one of its schemas. */
function isKnownName(resourceType: ResourceType, name: string): boolean {
  const folded = name.toLowerCase();
  const schemas = [resourceType.schema, ...resourceType.extensions.map(({ schema }) => schema)];
  return (
    folded === 'schemas' ||
    resourceType.findAttribute(name) !== undefined ||
    schemas.some(({ id }) => `${folded}:`.startsWith(`${id.toLowerCase()}:`))
  );
}

/** What is kept of a resource that still no schema knows, with what the projection leaves of it. */
export function renderUnknown(
  resourceType: ResourceType,
  message: ResourceMessage,
  { unknown: { asked, excluded } }: Projection,
): JsonObject {
  const entries = keptEntries(resourceType, message).filter(([name]) => {
    const folded = name.toLowerCase();
    return (asked === undefined || asked.has(folded)) && !excluded.has(folded);
  });
  return Object.fromEntries(entries);
}

/** The URNs of the extensions that are kept of a resource and that no schema knows. */
export function unknownSchemas(resourceType: ResourceType, message: ResourceMessage): readonly string[] {
  return keptEntries(resourceType, message)
    .filter(([name, value]) => /^urn:/i.test(name) && isJsonObject(value))
    .map(([name]) => name);
}

function keptEntries(resourceType: ResourceType, { unknown }: ResourceMessage): [string, JsonValue][] {
  const kept = toJsonValue(unknown);
  if (!isJsonObject(kept)) return [];
  return Object.entries(kept).filter(([name]) => !isKnownName(resourceType, name));
}
