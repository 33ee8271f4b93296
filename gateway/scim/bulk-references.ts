import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { mapEntriesSame, mapSame } from '../repairs/keep-same.ts';

/** The id that stands for a bulkId. Called once for each place that refers to it. */
export type IdOf = (bulkId: string) => string;

const prefix = 'bulkId:';

/** The text that refers to the resource of a bulkId (RFC 7644, section 3.7.2). */
export function referenceTo(bulkId: string): string {
  return `${prefix}${bulkId}`;
}

/** The id in an operation's path, with the real one where it is `bulkId:x`. */
export function resolveId(id: string, idOf: IdOf): string {
  return id.startsWith(prefix) ? idOf(id.slice(prefix.length)) : id;
}

/**
 * An operation's data with real ids for references: every text that is `bulkId:x` and nothing else, and such a text
 * within a `path`, as in `members[value eq "bulkId:x"]`. The very object when there is none.
 */
export function resolveBulkIds(data: JsonObject, idOf: IdOf): JsonObject {
  return mapEntriesSame(data, (key, value) => [key, resolveValue(key, value, idOf)]);
}

/** The bulkIds that an operation's path and data refer to. */
export function referencesOf(id: string, data: JsonObject): ReadonlySet<string> {
  const found = new Set<string>();
  const note = (bulkId: string) => {
    found.add(bulkId);
    return referenceTo(bulkId);
  };
  resolveId(id, note);
  resolveBulkIds(data, note);
  return found;
}

/** A resource in two parts. */
export interface DividedResource {
  /** What it can be created with. */
  readonly now: JsonObject;
  /** What refers to a resource that is not there yet, as the value of an `add` without a path; empty for nothing. */
  readonly later: JsonObject;
}

/**
 * Takes out of a new resource what refers to a bulkId whose resource is not there yet: single elements of a list, other
 * attributes whole.
 */
export function divideResource(data: JsonObject, isMissing: (bulkId: string) => boolean): DividedResource {
  const refers = (value: JsonValue) => [...referencesOf('', { value })].some(isMissing);
  const now: [string, JsonValue][] = [];
  const later: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(data)) {
    if (!refers(value)) {
      now.push([key, value]);
    } else if (isJsonArray(value)) {
      now.push([key, value.filter((element) => !refers(element))]);
      later.push([key, value.filter(refers)]);
    } else if (isJsonObject(value) && key.includes(':')) {
      // The attributes of an extension, whose key is a URN.
      const divided = divideResource(value, isMissing);
      now.push([key, divided.now]);
      later.push([key, divided.later]);
    } else {
      later.push([key, value]);
    }
  }
  return { now: Object.fromEntries(now), later: Object.fromEntries(later) };
}

function resolveValue(key: string, value: JsonValue, idOf: IdOf): JsonValue {
  if (typeof value === 'string') {
    return key.toLowerCase() === 'path' ? resolvePath(value, idOf) : resolveId(value, idOf);
  }
  if (isJsonArray(value)) return mapSame(value, (element) => resolveValue('', element, idOf));
  return isJsonObject(value) ? resolveBulkIds(value, idOf) : value;
}

function resolvePath(path: string, idOf: IdOf): string {
  return path.replace(/"bulkId:(?:[^"\\]|\\.)*"/g, (literal) => {
    try {
      return JSON.stringify(resolveId(JSON.parse(literal), idOf));
    } catch {
      // What is wrong with the path is said where it is parsed.
      return literal;
    }
  });
}
