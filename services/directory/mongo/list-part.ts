import type { ClientSession, Document } from 'mongodb';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { findMappedPath } from '../attribute-mapping.ts';
import { type IdentityQuery, mappingOf } from '../identity.ts';
import type { Database } from './database.ts';
import { type HeadDocument, headFields, type ShownDocument } from './documents.ts';
import type { Edges } from './edges.ts';
import { compileFilter, type FilterScope } from './filter-to-query.ts';
import { identityFilter } from './identity-filter.ts';
import { openIndexMatches } from './index-matches.ts';
import { openOrdinalWalk } from './ordinal-walk.ts';
import type { Bound, SortKey } from './page-order.ts';
import { allOf, planOf, type QueryNode } from './query-plan.ts';
import type { SortExpression } from './sort-key.ts';
import { openSortedScan } from './sorted-scan.ts';

/** What is asked of the resources of one type. */
export interface PartQuery {
  /** The type. */
  readonly type: ResourceType;
  /** Which resources; all when absent. */
  readonly filter?: Filter | undefined;
  /** Of those, the users whose identity has this value, by the mapping that the head has; all when absent. */
  readonly identity?: IdentityQuery | undefined;
  /** What they are sorted by; when absent none has a key. */
  readonly sort?: SortExpression | undefined;
}

/** What a part is read with. */
export interface PartContext {
  /** The database. */
  readonly database: Database;
  /** The head of the connection. */
  readonly head: HeadDocument;
  /** For membership filters. */
  readonly edges: Edges;
  /** The transaction to read in, one query at a time. */
  readonly session: ClientSession | undefined;
  /** Whether any part of the list has keys. */
  readonly sorted: boolean;
  /** How many resources the page has at most. */
  readonly limit: number;
}

/** A resource of a list, before it is read whole. */
export interface Entry {
  /** Its `_id`. */
  readonly _id: string;
  /** Its place in the order of creation. */
  readonly ordinal: number;
  /** What it is sorted by. */
  readonly key: SortKey | undefined;
  /** About how many bytes its attributes have. */
  readonly size: number;
  /** All that is shown of it, when that was read. */
  readonly document: ShownDocument | undefined;
}

/** Which entries of a part are read, in which direction. */
export interface Range {
  /** Only those beyond it, in the direction of reading; all when undefined. */
  readonly beyond: Bound | undefined;
  /** Whether to read in ascending order. */
  readonly up: boolean;
  /** How many to pass over first. Not together with `beyond`. */
  readonly skip: number;
  /** How many at most. */
  readonly limit: number;
}

/** The resources of one type in a list. */
export interface ListPart {
  /** How many there are. */
  total(): Promise<number>;
  /** Reads entries in order, some at a time as the database sends them; what is not asked for is not read. */
  entries(range: Range): AsyncIterable<readonly Entry[]>;
}

/** Finds the way to read a part: by an index, by walking the order of creation, or by sorting. FILTER_INVALID, TOO_MANY. */
export async function openListPart(context: PartContext, query: PartQuery): Promise<ListPart> {
  const { edges, session } = context;
  const { type, filter, identity } = query;
  const scope: FilterScope = {
    resourceType: type,
    connection: context.head.connection,
    refolding: context.head.settings?.refolding ?? [],
    memberships: {
      groupsOf: (selected) => edges.groupIds(selected, session),
      membersOf: (selected) => edges.memberIds(selected, session),
    },
  };
  const nodes: QueryNode[] = [];
  if (filter) nodes.push(await compileFilter({ ...scope, filter }));
  if (identity) {
    const path = findMappedPath(type, mappingOf(context.head)[identity.part]);
    nodes.push(await identityFilter(scope, path, identity.value));
  }
  let scan: Document | undefined;
  if (nodes.length > 0) {
    const plan = planOf(allOf(nodes));
    if ('branches' in plan) return openIndexMatches(context, query, plan.branches);
    scan = plan.scan;
  }
  return context.sorted ? openSortedScan(context, query, scan) : openOrdinalWalk(context, query.type, scan);
}

/** How many resources of a type match a predicate; of all, the head knows it. */
export async function countMatches(
  { database, head, session }: PartContext,
  type: ResourceType,
  predicate: Document | undefined,
): Promise<number> {
  if (!predicate) return head[headFields(type).count];
  const pipeline = [{ $match: { connection: head.connection } }, { $match: predicate }, { $count: 'total' }];
  const [counted] = await database
    .resources(type)
    .aggregate<{ total: number }>(pipeline, session ? { session } : {})
    .toArray();
  return counted?.total ?? 0;
}

/** The stage that leaves of a document what an entry needs. */
export function entryStage(sort: SortExpression | undefined): Document {
  return {
    $project: { ordinal: 1, key: sort?.expression ?? { $literal: null }, size: { $bsonSize: '$resource' } },
  };
}

/** What `entryStage` leaves. */
export interface EntryDocument {
  readonly _id: string;
  readonly ordinal: number;
  readonly key?: SortKey | null;
  readonly size: number;
}

/** How many bytes the attributes of a resource have, about as the database counts them and sooner than the driver does. */
export function sizeOf(resource: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(resource));
}

/** An entry that was not read whole. */
export function entryOf({ _id, ordinal, key, size }: EntryDocument): Entry {
  return { _id, ordinal, key: key ?? undefined, size, document: undefined };
}
