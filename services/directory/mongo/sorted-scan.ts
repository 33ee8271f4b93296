import type { Document } from 'mongodb';
import {
  countMatches,
  type EntryDocument,
  entryOf,
  entryStage,
  type ListPart,
  type PartContext,
  type PartQuery,
} from './list-part.ts';
import type { Bound } from './page-order.ts';

/** Sorts what a predicate selects of a type in the database, which sends no more than the page needs. */
export function openSortedScan(
  context: PartContext,
  { type, sort }: PartQuery,
  predicate: Document | undefined,
): ListPart {
  const { database, head, session } = context;
  return {
    total: () => countMatches(context, type, predicate),
    async *entries({ beyond, up, skip, limit }) {
      const direction = up ? 1 : -1;
      const pipeline = [
        { $match: { connection: head.connection } },
        ...(predicate ? [{ $match: predicate }] : []),
        entryStage(sort),
        // The database would put "no key", which is null or missing, first.
        { $set: { keyless: { $lte: ['$key', null] } } },
        ...(beyond ? [{ $match: beyondBound(beyond, up) }] : []),
        { $sort: { keyless: direction, key: direction, ordinal: direction } },
        ...(skip > 0 ? [{ $skip: skip }] : []),
        { $limit: limit },
      ];
      // With room for one more the server need not keep the cursor.
      const options = { ...(session && { session }), batchSize: limit + 1 };
      const found = database.resources(type).aggregate<EntryDocument>(pipeline, options);
      for await (const document of found) yield [entryOf(document)];
    },
  };
}

function beyondBound({ key, ordinal }: Bound, up: boolean): Document {
  const beyond = up ? '$gt' : '$lt';
  const peers = {
    keyless: key === undefined,
    ...(key !== undefined && { key }),
    ordinal: { [beyond]: ordinal },
  };
  const keyed = key === undefined ? [] : [{ keyless: false, key: { [beyond]: key } }];
  // Those without a key come last: above every key, and never below one.
  const others = up === (key === undefined) ? [] : [{ keyless: up }];
  return { $or: [...keyed, peers, ...others] };
}
