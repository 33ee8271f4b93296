import { BSON, type ClientSession, type Document } from 'mongodb';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import type { Database } from './database.ts';
import { type HeadDocument, headFields, type ResourceDocument } from './documents.ts';
import type { Edges } from './edges.ts';
import { compileFilter } from './filter-to-query.ts';

/** Which page of which list. */
export interface PageQuery {
  /** The resource type. */
  readonly type: ResourceType;
  /** The head the page belongs to. */
  readonly head: HeadDocument;
  /** Which resources; all when absent. */
  readonly filter?: Filter | undefined;
  /** Where the page starts: after an ordinal, or after so many results. */
  readonly start: { readonly afterOrdinal: number; readonly passed: number } | { readonly skip: number };
  /** How many resources at most. */
  readonly limit: number;
  /** For membership filters. */
  readonly edges: Edges;
  /** The transaction to read in. */
  readonly session: ClientSession | undefined;
}

/** A page, oldest resource first. */
export interface Page {
  /** The resources. */
  readonly documents: readonly ResourceDocument[];
  /** How many match on all pages; on a continued walk at least as many as it passed and still sees. */
  readonly total: number;
  /** How many results came before. */
  readonly passed: number;
  /** The ordinal after which the next page starts; undefined on the last page. */
  readonly next: number | undefined;
}

// Beyond this a page ends early.
const maxPageBytes = 4 * 1024 * 1024;
// Windows of a walk double up to this many ordinals.
const maxWindow = 8_192;
// An indexed filter that matches no more is answered by the first query.
const fewMatches = 20;
const maxIndexedMatches = 200_000;

/** Reads one page. Never loads more than the page. FILTER_INVALID, TOO_MANY. */
export async function readPage(database: Database, query: PageQuery): Promise<Page> {
  const { type, head, filter, edges, session } = query;
  if (!filter) return walk(database, query, undefined);
  const plan = await compileFilter({
    resourceType: type,
    filter,
    connection: head.connection,
    memberships: {
      groupsOf: (selected) => edges.groupIds(selected, session),
      membersOf: (selected) => edges.memberIds(selected, session),
    },
  });
  return 'scan' in plan ? walk(database, query, plan.scan) : pick(database, query, plan.branches);
}

/** A page of what an index finds: few, so the places of all are known. */
async function pick(
  database: Database,
  query: PageQuery,
  branches: readonly { readonly index: Document; readonly rest?: Document }[],
): Promise<Page> {
  const { type, start, limit, session } = query;
  const collection = database.resources(type);
  const few = Math.min(fewMatches, limit);
  const find = async (enough: number, tail: readonly Document[]) => {
    const found = new Map<string, ResourceDocument>();
    for (const { index, rest } of branches) {
      const pipeline = [
        { $match: index },
        ...(rest ? [{ $match: rest }] : []),
        ...tail,
        { $limit: enough + 1 },
      ];
      const documents = await collection
        .aggregate<ResourceDocument>(pipeline, session ? { session } : {})
        .toArray();
      for (const document of documents) found.set(document._id, document);
      if (found.size > enough) break;
    }
    return [...found.values()].sort((a, b) => a.ordinal - b.ordinal);
  };

  let found = await find(few, []);
  const complete = found.length <= few;
  if (!complete) found = await find(maxIndexedMatches, [{ $project: { ordinal: 1 } }]);
  if (found.length > maxIndexedMatches) {
    throw new DirectoryError(
      ErrorReason.TOO_MANY,
      `The filter matches more than ${maxIndexedMatches} resources; narrow it.`,
      { maximum: String(maxIndexedMatches) },
    );
  }
  const first = 'skip' in start ? start.skip : found.findIndex(({ ordinal }) => ordinal > start.afterOrdinal);
  const place = first < 0 ? found.length : first;
  const passed = 'skip' in start ? start.skip : start.passed;
  let documents = found.slice(place, place + limit);
  if (!complete && documents.length > 0) {
    const keys = documents.map(({ _id }) => _id);
    const whole = await collection
      .find(database.points(keys, query.head.connection), session ? { session } : {})
      .toArray();
    documents = whole.sort((a, b) => a.ordinal - b.ordinal);
  }
  documents = firstBytes(documents);
  const end = place + documents.length;
  const more = end < found.length && documents.length > 0;
  const total = Math.max(found.length, passed + found.length - place);
  return {
    documents,
    total: 'skip' in start ? found.length : total,
    passed,
    next: more ? found[end - 1]?.ordinal : undefined,
  };
}

function firstBytes(documents: readonly ResourceDocument[]): ResourceDocument[] {
  let bytes = 0;
  const fits = documents.findIndex((document, index) => {
    bytes += BSON.calculateObjectSize(document.resource);
    return bytes > maxPageBytes && index > 0;
  });
  return documents.slice(0, fits < 0 ? documents.length : fits);
}

/** A page of a walk in the order of creation, through windows of ordinals that are bounded on both sides. */
async function walk(database: Database, query: PageQuery, predicate: Document | undefined): Promise<Page> {
  const { type, head, start, limit, session } = query;
  const { connection } = head;
  const collection = database.resources(type);
  const fields = headFields(type);
  const lastOrdinal = head[fields.next] - 1;
  const options = session ? { session } : {};
  const stages = predicate ? [{ $match: predicate }] : [];
  const window = (low: number, high: number) => [
    { $match: { connection, ordinal: { $gt: low, $lte: high } } },
    ...stages,
  ];

  async function count(): Promise<number> {
    if (!predicate) return head[fields.count];
    const pipeline = [{ $match: { connection } }, ...stages, { $count: 'total' }];
    const [counted] = await collection.aggregate<{ total: number }>(pipeline, options).toArray();
    return counted?.total ?? 0;
  }

  // The ordinal after which the result with a given index stands.
  async function skipTo(skip: number): Promise<number> {
    if (skip === 0) return 0;
    if (!predicate && head[fields.count] === lastOrdinal) return skip;
    let left = skip;
    for (let low = 0; low < lastOrdinal; low += maxWindow) {
      const high = Math.min(low + maxWindow, lastOrdinal);
      const pipeline = [
        ...window(low, high),
        { $project: { _id: 0, ordinal: 1 } },
        { $sort: { ordinal: 1 } },
      ];
      const ordinals = await collection.aggregate<{ ordinal: number }>(pipeline, options).toArray();
      const found = ordinals[left - 1];
      if (found) return found.ordinal;
      left -= ordinals.length;
    }
    return lastOrdinal;
  }

  const total = await count();
  const passed = 'skip' in start ? start.skip : start.passed;
  if (limit === 0 || total === 0) return { documents: [], total, passed, next: undefined };
  let low = 'skip' in start ? await skipTo(start.skip) : start.afterOrdinal;
  const documents: ResourceDocument[] = [];
  let bytes = 0;
  let more = false;
  for (let width = limit + 1; low < lastOrdinal && !more; width = Math.min(width * 2, maxWindow)) {
    const high = Math.min(low + width, lastOrdinal);
    const pipeline = [
      ...window(low, high),
      { $sort: { ordinal: 1 } },
      { $limit: limit + 1 - documents.length },
    ];
    for await (const document of collection.aggregate<ResourceDocument>(pipeline, options)) {
      bytes += BSON.calculateObjectSize(document.resource);
      more = documents.length === limit || (bytes > maxPageBytes && documents.length > 0);
      if (more) break;
      documents.push(document);
    }
    low = high;
  }
  const seen = passed + documents.length + (more ? 1 : 0);
  return {
    documents,
    total: 'skip' in start && documents.length === 0 ? total : Math.max(total, seen),
    passed,
    next: more ? documents.at(-1)?.ordinal : undefined,
  };
}
