import type { Entry, ListPart, Range } from './list-part.ts';
import { boundIn, comparePlaces, type Place } from './page-order.ts';

/** A part of a list, and how many resources it has. */
export interface CountedPart {
  /** The part. */
  readonly part: ListPart;
  /** How many. */
  readonly total: number;
}

/** An entry of a list, with its place in it. */
export interface Listed extends Entry, Place {}

/** What is read of a list; see Range. */
export interface ListRange extends Omit<Range, 'beyond'> {
  /** Only what is beyond it, in the direction of reading; all when undefined. */
  readonly place: Place | undefined;
}

/**
 * Reads the entries of a list in its order, some at a time; what is not asked for is not read.
 * @param sorted whether any entry may have a key; those of an unsorted list come part after part.
 */
export function listEntries(
  parts: readonly CountedPart[],
  range: ListRange,
  sorted: boolean,
): AsyncIterable<readonly Listed[]> {
  return sorted ? merged(parts, range) : joined(parts, range);
}

async function* entriesOf(
  { part }: CountedPart,
  number: number,
  range: ListRange,
): AsyncIterable<readonly Listed[]> {
  const { place, ...rest } = range;
  const beyond = place && boundIn(number, place);
  for await (const some of part.entries({ ...rest, beyond }))
    yield some.map((entry) => ({ ...entry, part: number }));
}

/** Part after part. */
async function* joined(parts: readonly CountedPart[], range: ListRange): AsyncIterable<readonly Listed[]> {
  const numbered = [...parts.entries()];
  let { skip, limit } = range;
  for (const [number, part] of range.up ? numbered : numbered.reverse()) {
    if (skip >= part.total) {
      skip -= part.total;
      continue;
    }
    for await (const some of entriesOf(part, number, { ...range, skip, limit })) {
      yield some;
      limit -= some.length;
    }
    skip = 0;
    if (limit <= 0) return;
  }
}

/** The next of all parts, again and again. */
async function* merged(parts: readonly CountedPart[], range: ListRange): AsyncIterable<readonly Listed[]> {
  const [only, ...others] = parts;
  if (only && others.length === 0) return yield* entriesOf(only, 0, range);
  // Nobody knows how many of the results to pass over a part has.
  const wide = { ...range, skip: 0, limit: range.skip + range.limit };
  const streams = parts.map((part, number) => each(entriesOf(part, number, wide)));
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
      if (count >= range.skip) yield [first];
      heads[first.part] = await nextOf(stream);
    }
  } finally {
    for (const stream of streams) await stream.return?.();
  }
}

async function* each(entries: AsyncIterable<readonly Listed[]>): AsyncIterableIterator<Listed> {
  for await (const some of entries) yield* some;
}

async function nextOf(stream: AsyncIterator<Listed>): Promise<Listed | undefined> {
  const { done, value } = await stream.next();
  return done ? undefined : value;
}
