import type { ResourceType } from '#scim/schema-registry.ts';
import { keyParts, type ShownDocument, shownFields } from './documents.ts';
import { type CountedPart, type Listed, listEntries } from './list-entries.ts';
import { openListPart, type PartContext, type PartQuery } from './list-part.ts';
import type { Place } from './page-order.ts';

/** A page beside a place in the list. */
export interface BesidePlace {
  /** The place; undefined is before the first resource, going backward after the last. */
  readonly place: Place | undefined;
  /** Whether the page ends before the place instead of beginning after it. */
  readonly backward: boolean;
  /** How many results are known to come before the page, going backward before the place. */
  readonly passed: number;
}

/** Which page of which list. */
export interface PageQuery extends Omit<PartContext, 'database' | 'sorted'> {
  /** What is asked of each type; in an unsorted list the types follow each other. */
  readonly parts: readonly PartQuery[];
  /** Whether the list is sorted with the largest key first. */
  readonly descending: boolean;
  /** Where the page starts: beside a place, or after so many results. */
  readonly start: BesidePlace | { readonly skip: number };
}

/** A page, in the order of the list. */
export interface Page {
  /** The resources with their types, and about how many bytes their attributes have. */
  readonly documents: readonly {
    readonly type: ResourceType;
    readonly document: ShownDocument;
    readonly size: number;
  }[];
  /** How many match on all pages; on a continued walk at least as many as it passed and still sees. */
  readonly total: number;
  /** How many results came before. */
  readonly passed: number;
  /** Where the list goes on, though nothing may follow yet; undefined when the page is empty. */
  readonly end: BesidePlace | undefined;
  /** Where the next page is; undefined on the last one. */
  readonly next: BesidePlace | undefined;
  /** Where the page before is; undefined on the first one. */
  readonly previous: BesidePlace | undefined;
}

// Beyond this a page ends early.
const maxPageBytes = 4 * 1024 * 1024;

/** Reads one page. Never loads more than the page. FILTER_INVALID, TOO_MANY. */
export async function readPage(database: PartContext['database'], query: PageQuery): Promise<Page> {
  const { start, descending, limit } = query;
  const sorted = query.parts.some(({ sort }) => sort !== undefined);
  const context = { ...query, database, sorted };
  const parts: CountedPart[] = [];
  for (const asked of query.parts) {
    const part = await openListPart(context, asked);
    parts.push({ part, total: await part.total() });
  }
  const total = parts.reduce((sum, { total: those }) => sum + those, 0);
  const backward = 'place' in start && start.backward;
  const before = 'skip' in start ? start.skip : start.passed;
  if (limit === 0 || total === 0)
    return { documents: [], total, passed: before, end: undefined, next: undefined, previous: undefined };

  const place = 'place' in start ? start.place : undefined;
  const skip = 'skip' in start ? start.skip : 0;
  const range = { place, up: descending === backward, skip, limit: limit + 1 };
  const { taken, more } = await takePage(listEntries(parts, range, sorted), limit);
  const entries = backward ? taken.reverse() : taken;
  const passed = backward ? (more ? Math.max(1, before - entries.length) : 0) : before;
  const after = passed + entries.length;
  const isFirst = backward ? !more : passed === 0;
  const isLast = !backward && !more;
  const seen = after + (isLast || backward ? 0 : 1);
  const next = { place: placeOf(entries.at(-1)), backward: false, passed: after };
  return {
    documents: await readDocuments(context, entries),
    total: 'skip' in start && entries.length === 0 ? total : Math.max(total, seen),
    passed,
    previous: isFirst ? undefined : { place: placeOf(entries[0]), backward: true, passed },
    end: next.place && next,
    next: isLast ? undefined : next,
  };
}

/** Reads on until the page is full, and whether anything follows it. */
async function takePage(
  entries: AsyncIterable<readonly Listed[]>,
  limit: number,
): Promise<{ readonly taken: Listed[]; readonly more: boolean }> {
  const taken: Listed[] = [];
  let bytes = 0;
  for await (const some of entries)
    for (const entry of some) {
      bytes += entry.size;
      if (taken.length === limit || (bytes > maxPageBytes && taken.length > 0)) return { taken, more: true };
      taken.push(entry);
    }
  return { taken, more: false };
}

/** Reads what was not read whole, by one query per type. */
async function readDocuments(
  { database, head, session, parts }: PartContext & PageQuery,
  entries: readonly Listed[],
): Promise<Page['documents']> {
  const found = parts.map(() => new Map<string, ShownDocument>());
  for (const [number, { type }] of parts.entries()) {
    const missing = entries.filter(({ part, document }) => part === number && document === undefined);
    for (const keys of keyParts(missing.map(({ _id }) => _id))) {
      const points = database.points(keys, head.connection);
      const options = { ...(session && { session }), projection: shownFields, batchSize: keys.length + 1 };
      const documents = database.resources(type).find<ShownDocument>(points, options);
      for await (const document of documents) found[number]?.set(document._id, document);
    }
  }
  return entries.flatMap(({ _id, part, size, document = found[part]?.get(_id) }) => {
    const type = parts[part]?.type;
    // One that was deleted meanwhile is missing; then the whole page is read again.
    return type && document ? [{ type, document, size }] : [];
  });
}

function placeOf(entry: Listed | undefined): Place | undefined {
  return entry && { part: entry.part, ordinal: entry.ordinal, key: entry.key };
}
