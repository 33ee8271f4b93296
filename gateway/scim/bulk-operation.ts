import { isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Exchange } from '../http/exchange.ts';
import { type BulkPath, readBulkPath } from './bulk-path.ts';
import { referencesOf } from './bulk-references.ts';
import { valueOfKey } from './json-key.ts';
import { ScimError } from './scim-error.ts';

/** What a bulk operation can do. */
export type BulkMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** An operation of a bulk request that can be tried. */
export interface BulkOperation {
  /** Its place in the request, from 0. */
  readonly index: number;
  /** What to do. */
  readonly method: BulkMethod;
  /** What other operations call the resource of a POST, which always has one; for others it is only echoed. */
  readonly bulkId?: string;
  /** The type of its resource. */
  readonly resourceType: ResourceType;
  /** The resource's id as the path has it, which may be `bulkId:x`; empty for a POST. */
  readonly id: string;
  /** Entity tags of which the resource must have one, as in If-Match. Absent when any version will do. */
  readonly version?: string;
  /** The body that a request of its own would have; empty for a DELETE. */
  readonly data: JsonObject;
  /** The bulkIds that path and data refer to. */
  readonly references: ReadonlySet<string>;
}

/** An operation of which nothing can be tried. */
export interface RefusedOperation {
  /** Its place in the request, from 0. */
  readonly index: number;
  /** The method as it was sent; absent when that is no text. */
  readonly method?: string;
  /** Its bulkId; absent when it has none, or one that is no text. */
  readonly bulkId?: string;
  /** What its path names; absent when it has none that can be read. */
  readonly target?: BulkPath;
  /** What is wrong with it. */
  readonly refusal: ScimError;
}

/** An entry of a bulk request's `Operations`. */
export type BulkItem = BulkOperation | RefusedOperation;

/** What is known while the operations of a request are read. */
export interface BulkReading {
  /** The bulk request. */
  readonly exchange: Exchange;
  /** The bulkIds of the operations before; each operation adds its own. */
  readonly bulkIds: Set<string>;
}

const methods: readonly BulkMethod[] = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Reads one entry of `Operations`. What is wrong with it is the entry's own refusal. */
export function readBulkItem(reading: BulkReading, value: JsonValue, index: number): BulkItem {
  if (!isJsonObject(value)) return { index, refusal: invalid('An operation must be an object.') };
  try {
    return readOperation(reading, value, index);
  } catch (error) {
    if (!(error instanceof ScimError)) throw error;
    const method = valueOfKey(value, 'method');
    const bulkId = valueOfKey(value, 'bulkId');
    const target = readKnownTarget(reading, value);
    return {
      index,
      ...(typeof method === 'string' && { method }),
      ...(typeof bulkId === 'string' && { bulkId }),
      ...(target !== undefined && { target }),
      refusal: error,
    };
  }
}

function readOperation(reading: BulkReading, value: JsonObject, index: number): BulkOperation {
  const { exchange, bulkIds } = reading;
  const bulkId = readBulkId(bulkIds, value);
  const method = readMethod(exchange, value);
  const isNew = method === 'POST';
  if (isNew && bulkId === undefined) {
    throw invalid('Give each POST a "bulkId" of its own, by which its result is known.');
  }
  const target = readTarget(reading, value);
  checkMethod(method, target);
  // What is new has no version that it could be required to have.
  const version = isNew ? undefined : readVersion(value);
  const data = method === 'DELETE' ? {} : readData(method, value);
  return {
    index,
    method,
    ...(bulkId !== undefined && { bulkId }),
    ...target,
    ...(version !== undefined && { version }),
    data,
    references: referencesOf(target.id, data),
  };
}

function readBulkId(bulkIds: Set<string>, operation: JsonObject): string | undefined {
  const bulkId = valueOfKey(operation, 'bulkId') ?? undefined;
  if (bulkId === undefined) return undefined;
  if (typeof bulkId !== 'string' || bulkId === '') throw invalid('"bulkId" must be text.');
  if (bulkIds.has(bulkId)) {
    const short = JSON.stringify(bulkId.slice(0, 100));
    const detail = `The bulkId ${short} is there twice; give each operation one of its own.`;
    throw new ScimError(400, detail, 'invalidValue');
  }
  bulkIds.add(bulkId);
  return bulkId;
}

function readMethod({ strict, repairs }: Exchange, operation: JsonObject): BulkMethod {
  const sent = valueOfKey(operation, 'method');
  const text = typeof sent === 'string' && !strict ? sent.toUpperCase() : sent;
  const method = methods.find((name) => name === text);
  if (method === undefined) throw invalid('"method" must be "POST", "PUT", "PATCH" or "DELETE".');
  if (method !== sent) repairs.add('bulkSpelling');
  return method;
}

function readTarget({ exchange }: BulkReading, operation: JsonObject): BulkPath {
  const path = valueOfKey(operation, 'path');
  if (typeof path === 'string') return readBulkPath(exchange, path);
  throw invalid('"path" must be text, relative to the base URL: /Users, or /Users/{id}.');
}

function readKnownTarget(reading: BulkReading, operation: JsonObject): BulkPath | undefined {
  try {
    return readTarget(reading, operation);
  } catch (error) {
    if (error instanceof ScimError) return undefined;
    throw error;
  }
}

function checkMethod(method: BulkMethod, { id, resourceType: { endpoint } }: BulkPath): void {
  if ((method === 'POST') === (id === '')) return;
  const detail =
    method === 'POST'
      ? `A POST goes to the endpoint of the type: ${endpoint}.`
      : `A ${method} goes to one resource: ${endpoint}/{id}.`;
  throw new ScimError(405, detail);
}

function readVersion(operation: JsonObject): string | undefined {
  const version = valueOfKey(operation, 'version') ?? undefined;
  if (version === undefined || typeof version === 'string') return version;
  throw new ScimError(400, '"version" must be text: the meta.version of the resource.', 'invalidValue');
}

function readData(method: BulkMethod, operation: JsonObject): JsonObject {
  const data = valueOfKey(operation, 'data');
  if (isJsonObject(data)) return data;
  const what = method === 'PATCH' ? 'the PatchOp message' : 'the resource';
  throw invalid(`Send ${what} as the "data" of the operation, an object.`);
}

function invalid(detail: string): ScimError {
  return new ScimError(400, detail, 'invalidSyntax');
}
