import type { ResourceType } from '#scim/schema-registry.ts';
import { keyParts, type ResourceDocument } from './documents.ts';
import {
  type Entry,
  type ListPart,
  openListPart,
  type PartContext,
  type PartQuery,
  type Range,
} from './list-part.ts';
import { boundIn, comparePlaces, type Place } from './page-order.ts';

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
  /** The resources with their types. */
  readonly documents: readonly { readonly type: ResourceType; readonly document: ResourceDocument }[];
  /** How many match on all pages; on a continued walk at least as many as it passed and still sees. */
  readonly total: number;
  /** How many results came before. */
  readonly passed: number;
  /** Where the next page is; undefined on the last one. */
  readonly next: BesidePlace | undefined;
  /** Where the page before is; undefined on the first one. */
  readonly previous: BesidePlace | undefined;
}

/** An entry of the list, with its place in it. */
interface Listed extends Entry, Place {}

// Beyond this a page ends early.
const maxPageBytes = 4 * 1024 * 1024;

/** Reads one page. Never loads more than the page. FILTER_INVALID, TOO_MANY. */
export async function readPage(database: PartContext['database'], query: PageQuery): Promise<Page> {
  const { start, descending, limit } = query;
  const sorted = query.parts.some(({ sort }) => sort !== undefined);
  const context = { ...query, database, sorted };
  const parts: { readonly part: ListPart; readonly total: number }[] = [];
  for (const asked of query.parts) {
    const part = await openListPart(context, asked);
    parts.push({ part, total: await part.total() });
  }
  const total = parts.reduce((sum, { total: those }) => sum + those, 0);
  const backward = 'place' in start && start.backward;
  const before = 'skip' in start ? start.skip : start.passed;
  if (limit === 0 || total === 0)
    return { documents: [], total, passed: before, next: undefined, previous: undefined };

  const place = 'place' in start ? start.place : undefined;
  const skip = 'skip' in start ? start.skip : 0;
  const range = { place, up: descending === backward, skip, limit: limit + 1 };
  const { taken, more } = await takePage(sorted ? merged(parts, range) : joined(parts, range), limit);
  const entries = backward ? taken.reverse() : taken;
  const passed = backward ? (more ? Math.max(1, before - entries.length) : 0) : before;
  const after = passed + entries.length;
  const isFirst = backward ? !more : passed === 0;
  const isLast = !backward && !more;
  const seen = after + (more && !backward ? 1 : 0);
  return {
    documents: await readDocuments(context, entries),
    total: 'skip' in start && entries.length === 0 ? total : Math.max(total, seen),
    passed,
    previous: isFirst ? undefined : { place: placeOf(entries[0]), backward: true, passed },
    next: isLast ? undefined : { place: placeOf(entries.at(-1)), backward: false, passed: after },
  };
}

/** What is read of a list; see Range. */
interface ListRange extends Omit<Range, 'beyond'> {
  readonly place: Place | undefined;
}

type Parts = readonly { readonly part: ListPart; readonly total: number }[];

async function* entriesOf({ part }: Parts[number], number: number, range: ListRange): AsyncIterable<Listed> {
  const { place, ...rest } = range;
  const beyond = place && boundIn(number, place);
  for await (const entry of part.entries({ ...rest, beyond })) yield { ...entry, part: number };
}

/** Part after part. */
async function* joined(parts: Parts, range: ListRange): AsyncIterable<Listed> {
  const numbered = [...parts.entries()];
  let { skip, limit } = range;
  for (const [number, part] of range.up ? numbered : numbered.reverse()) {
    if (skip >= part.total) {
      skip -= part.total;
      continue;
    }
    for await (const entry of entriesOf(part, number, { ...range, skip, limit })) {
      yield entry;
      limit -= 1;
    }
    skip = 0;
    if (limit <= 0) return;
  }
}

/** The next of all parts, again and again. */
async function* merged(parts: Parts, range: ListRange): AsyncIterable<Listed> {
  const [only, ...others] = parts;
  if (only && others.length === 0) return yield* entriesOf(only, 0, range);
  // Nobody knows how many of the results to pass over a part has.
  const wide = { ...range, skip: 0, limit: range.skip + range.limit };
  const streams = parts.map((part, number) => entriesOf(part, number, wide)[Symbol.asyncIterator]());
  try {
    const heads: (Listed | undefined)[] = [];
    // One after the other: a transaction carries one read at a time.
    for (const stream of streams) heads.push(await nextOf(stream));
    const sign = range.up ? 1 : -1;
    for (let count = 0; count < wide.limit; count++) {
      const first = heads
        .filter((head) => head !== undefined)
        .reduce<Listed | undefined>(
          (best, head) => (best && comparePlaces(best, head) * sign < 0 ? best : head),
          undefined,
        );
      const stream = first && streams[first.part];
      if (!first || !stream) return;
      if (count >= range.skip) yield first;
      heads[first.part] = await nextOf(stream);
    }
  } finally {
    for (const stream of streams) await stream.return?.();
  }
}

async function nextOf(stream: AsyncIterator<Listed>): Promise<Listed | undefined> {
  const { done, value } = await stream.next();
  return done ? undefined : value;
}

/** Reads on until the page is full, and whether anything follows it. */
async function takePage(
  entries: AsyncIterable<Listed>,
  limit: number,
): Promise<{ readonly taken: Listed[]; readonly more: boolean }> {
  const taken: Listed[] = [];
  let bytes = 0;
  for await (const entry of entries) {
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
  const found = parts.map(() => new Map<string, ResourceDocument>());
  for (const [number, { type }] of parts.entries()) {
    const missing = entries.filter(({ part, document }) => part === number && document === undefined);
    for (const keys of keyParts(missing.map(({ _id }) => _id))) {
      const points = database.points(keys, head.connection);
      const options = { ...(session && { session }), batchSize: keys.length + 1 };
      const documents = database.resources(type).find(points, options);
      for await (const document of documents) found[number]?.set(document._id, document);
    }
  }
  return entries.flatMap(({ _id, part, document = found[part]?.get(_id) }) => {
    const type = parts[part]?.type;
    // One that was deleted meanwhile is missing; then the whole page is read again.
    return type && document ? [{ type, document }] : [];
  });
}

function placeOf(entry: Listed | undefined): Place | undefined {
  return entry && { part: entry.part, ordinal: entry.ordinal, key: entry.key };
}
