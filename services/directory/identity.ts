import { LRUCache } from 'lru-cache';
import type { AttributeMapping } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Identity } from '#proto/rollcall/directory/v1/identity.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import {
  defaultAttributeMapping,
  findMappedPath,
  type IdentityPart,
  type MappedPath,
} from './attribute-mapping.ts';
import type { HeadDocument } from './mongo/documents.ts';
import { valueAt } from './resource-value.ts';

/** The identity of a user, from what is stored of it. Pure. */
export type IdentityReader = (resource: JsonObject) => Identity;

/** Asks for the users of whose identity a part is a value. */
export interface IdentityQuery {
  /** Which part. */
  readonly part: IdentityPart;
  /** Its value, not empty; compared as filters compare the mapped attribute. */
  readonly value: string;
}

/** The mapping in force when a connection's head was read. */
export function mappingOf({ settings }: HeadDocument): AttributeMapping {
  return settings?.attributeMapping ?? defaultAttributeMapping;
}

/** The paths of a mapping; undefined for one that the type has no more. */
export function mappedPaths(
  type: ResourceType,
  { login, email, externalId }: AttributeMapping,
): Readonly<Record<IdentityPart, MappedPath | undefined>> {
  return {
    login: findMappedPath(type, login),
    email: findMappedPath(type, email),
    externalId: findMappedPath(type, externalId),
  };
}

/** Makes the reader of one mapping, to be used for all users of an answer. What a path names no more has no value. */
export function createIdentityReader(type: ResourceType, mapping: AttributeMapping): IdentityReader {
  const { login, email, externalId } = mappedPaths(type, mapping);
  return (resource) => ({
    login: login && mappedText(login, resource),
    email: email && mappedText(email, resource),
    externalId: externalId && mappedText(externalId, resource),
  });
}

/** Gives the reader of the mapping in force, which is made once and used for many answers. */
export type IdentityReaderOf = (type: ResourceType, head: HeadDocument) => IdentityReader;

const maxReaders = 500;

/** Makes a cache of readers. */
export function createIdentityReaders(): IdentityReaderOf {
  const readers = new WeakMap<ResourceType, LRUCache<string, IdentityReader>>();
  return (type, head) => {
    const known = readers.get(type) ?? new LRUCache<string, IdentityReader>({ max: maxReaders });
    readers.set(type, known);
    const mapping = mappingOf(head);
    const key = JSON.stringify([mapping.login, mapping.email, mapping.externalId]);
    const reader = known.get(key) ?? createIdentityReader(type, mapping);
    known.set(key, reader);
    return reader;
  };
}

/**
 * The value of a resource at a path, as text: of the values that the path selects and that are not empty the primary one,
 * without one the first. `identityFilter` asks the database for the same.
 */
function mappedText(
  { attribute, leaf, keys, selects }: MappedPath,
  resource: JsonObject,
): string | undefined {
  const values = listOf(valueAt(resource, keys)).filter((value) => selects?.(value) ?? true);
  const partOf = (value: JsonValue) => textOf(leaf === attribute ? value : memberOf(value, leaf.field));
  const named = values.filter((value) => partOf(value) !== undefined);
  const counted = named.find((value) => memberOf(value, 'primary') === true) ?? named[0];
  return counted === undefined ? undefined : partOf(counted);
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function memberOf(value: JsonValue, key: string): JsonValue | undefined {
  return isJsonObject(value) ? value[key] : undefined;
}

function listOf(held: JsonValue | undefined): readonly JsonValue[] {
  if (held === undefined) return [];
  return isJsonArray(held) ? held : [held];
}
