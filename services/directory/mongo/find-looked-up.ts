import { BSON, type ClientSession } from 'mongodb';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { findMappedPath } from '../attribute-mapping.ts';
import { DirectoryError } from '../errors.ts';
import { filterError } from '../filter/filter-error.ts';
import { type IdentityQuery, mappingOf } from '../identity.ts';
import type { Database } from './database.ts';
import {
  type HeadDocument,
  isResourceId,
  type ResourceDocument,
  resourceKey,
  shownFields,
} from './documents.ts';
import { compileFilter, type FilterScope } from './filter-to-query.ts';
import { identityFilter } from './identity-filter.ts';
import { planOf } from './query-plan.ts';

/** A question for what few resources have: an id, a value by a filter, or a value of a user's identity. */
export type LookUp =
  | { readonly id: string }
  | { readonly filter: Filter }
  | { readonly identity: IdentityQuery };

/** An entry of an index that names what is looked up. */
interface IndexKey {
  readonly index: '_id' | 'unique' | 'lookup';
  readonly entry: string;
}

const indexes = ['_id', 'unique', 'lookup'] as const;

// Of a value that more resources have a page is read.
const maxMatches = 20;
const maxBytes = 4 * 1024 * 1024;

/**
 * Finds what is looked up, by at most one query for each index. Undefined stands for what is not answered here: an id that
 * there is not, a filter that is invalid or reads no index of such values, more than 20 matches, and what would make the
 * whole larger than 4 MiB.
 */
export async function findLookedUp(
  { database, session }: { readonly database: Database; readonly session: ClientSession | undefined },
  type: ResourceType,
  head: HeadDocument,
  lookUps: readonly LookUp[],
): Promise<readonly (readonly ResourceDocument[] | undefined)[]> {
  const keys = await Promise.all(lookUps.map((lookUp) => keyOf(type, head, lookUp)));

  /** The documents at each of the index's entries that are asked for; undefined when there are too many to tell. */
  async function read(index: IndexKey['index']): Promise<Map<string, ResourceDocument[]> | undefined> {
    const entries = [...new Set(keys.flatMap((key) => (key?.index === index ? [key.entry] : [])))];
    const found = new Map<string, ResourceDocument[]>(entries.map((entry) => [entry, []]));
    if (entries.length === 0) return found;
    const limit = index === 'lookup' ? entries.length * maxMatches + 1 : entries.length + 1;
    const { connection } = head;
    const filter =
      index === '_id' ? database.points(entries, connection) : { connection, [index]: { $in: entries } };
    const projection = { ...shownFields, ...(index !== '_id' && { [index]: 1 as const }) };
    const options = { ...(session && { session }), projection, limit, batchSize: limit + 1 };
    const documents = await database.resources(type).find(filter, options).toArray();
    if (documents.length === limit) return undefined;
    for (const document of documents)
      for (const entry of index === '_id' ? [document._id] : document[index])
        found.get(entry)?.push(document);
    return found;
  }

  const found = new Map<IndexKey['index'], Map<string, ResourceDocument[]> | undefined>();
  // A transaction carries one read at a time.
  if (session) for (const index of indexes) found.set(index, await read(index));
  else await Promise.all(indexes.map(async (index) => found.set(index, await read(index))));

  let bytes = 0;
  return keys.map((key) => {
    const matches = key && found.get(key.index)?.get(key.entry);
    if (!matches || matches.length > maxMatches) return undefined;
    if (key.index === '_id' && matches.length === 0) return undefined;
    bytes += matches.reduce((sum, { resource }) => sum + BSON.calculateObjectSize(resource), 0);
    return bytes > maxBytes ? undefined : matches.toSorted((a, b) => a.ordinal - b.ordinal);
  });
}

async function keyOf(type: ResourceType, head: HeadDocument, lookUp: LookUp): Promise<IndexKey | undefined> {
  const { connection } = head;
  if ('id' in lookUp)
    return isResourceId(lookUp.id) ? { index: '_id', entry: resourceKey(connection, lookUp.id) } : undefined;
  // What is a tree or reads memberships is a search.
  if ('filter' in lookUp && lookUp.filter.node?.$case !== 'comparison') return undefined;
  const scope: FilterScope = {
    resourceType: type,
    connection,
    refolding: head.settings?.refolding ?? [],
    memberships: { groupsOf: refuse, membersOf: refuse },
  };
  try {
    const node =
      'filter' in lookUp
        ? await compileFilter({ ...scope, filter: lookUp.filter })
        : await identityFilter(
            scope,
            findMappedPath(type, mappingOf(head)[lookUp.identity.part]),
            lookUp.identity.value,
          );
    const plan = planOf(node);
    const [branch, ...others] = 'branches' in plan ? plan.branches : [];
    if (!branch || branch.rest || others.length > 0) return undefined;
    const { _id, unique, lookup } = branch.index;
    const [id, ...more] = Array.isArray(_id?.$in) ? _id.$in : [];
    if (typeof id === 'string' && more.length === 0) return { index: '_id', entry: id };
    if (typeof unique === 'string') return { index: 'unique', entry: unique };
    return typeof lookup === 'string' ? { index: 'lookup', entry: lookup } : undefined;
  } catch (error) {
    if (error instanceof DirectoryError) return undefined;
    throw error;
  }
}

async function refuse(): Promise<never> {
  throw filterError('', 'Memberships are not looked up.');
}
