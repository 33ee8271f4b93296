import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import { byCodePoint, isObject, prepare } from './naive-filter.ts';

/** A resource as a client sees it, and what it is sorted by. */
export interface SortedBy {
  /** The resource. */
  readonly resource: JsonObject;
  /** The attribute; without one it has no value. */
  readonly path: AttributePath | undefined;
}

/**
 * Resources in the order of RFC 7644, section 3.4.2.3, read naively: the oracle for what the database sorts. They come in the
 * order that those with the same value keep. It knows User and Group, and shares no code with the product.
 */
export function naiveSort(list: readonly SortedBy[], descending: boolean): JsonObject[] {
  const sorted = list
    .map(({ resource, path }) => ({ resource, value: path && sortValue(resource, path) }))
    .sort((a, b) => compare(a.value, b.value))
    .map(({ resource }) => resource);
  return descending ? sorted.reverse() : sorted;
}

function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return typeof a === 'string' && typeof b === 'string' ? byCodePoint(a, b) : Number(a) - Number(b);
}

function sortValue(resource: JsonObject, { extension, attribute, subAttribute }: AttributePath): unknown {
  const holder = extension === '' ? resource : resource.enterprise;
  const held = isObject(holder) ? holder[attribute] : undefined;
  const counted = Array.isArray(held) ? (held.find(isPrimary) ?? held[0]) : held;
  const part = subAttribute || (Array.isArray(held) ? 'value' : '');
  const value = part === '' ? counted : isObject(counted) ? counted[part] : undefined;
  if (value === undefined) return undefined;
  const name = [attribute, part].filter((word) => word !== '').join('.');
  return name === 'meta.version' ? Number(value) : prepare(name, value);
}

function isPrimary(value: JsonValue): boolean {
  return isObject(value) && value.primary === true;
}
