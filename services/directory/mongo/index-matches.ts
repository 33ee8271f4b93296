import type { Document } from 'mongodb';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { DirectoryError } from '../errors.ts';
import { type ShownDocument, shownFields } from './documents.ts';
import {
  type Entry,
  entryOf,
  entryStage,
  type ListPart,
  type PartContext,
  type PartQuery,
  sizeOf,
} from './list-part.ts';
import { type Bound, comparePlaces, type SortKey } from './page-order.ts';
import type { QueryBranch } from './query-plan.ts';

// A filter that matches no more is answered by the first query.
const fewMatches = 20;
const maxMatches = 200_000;

/** Reads what an index finds: few, so all are looked up at once, whole when they are very few. TOO_MANY. */
export async function openIndexMatches(
  { database, session, limit }: PartContext,
  { type, sort }: PartQuery,
  branches: readonly QueryBranch[],
): Promise<ListPart> {
  const collection = database.resources(type);

  async function find<Found extends { readonly _id: string }>(
    enough: number,
    tail: readonly Document[],
    read: (found: Found) => Entry,
  ): Promise<Entry[]> {
    const entries = new Map<string, Entry>();
    for (const { index, rest } of branches) {
      const pipeline = [
        { $match: index },
        ...(rest ? [{ $match: rest }] : []),
        ...tail,
        { $limit: enough + 1 },
      ];
      const found = collection.aggregate<Found>(pipeline, session ? { session } : {});
      for (const document of await found.toArray()) entries.set(document._id, read(document));
      if (entries.size > enough) break;
    }
    return [...entries.values()];
  }

  const few = Math.min(fewMatches, limit);
  const shown = [{ $project: { ...shownFields, ...(sort && { key: sort.expression }) } }];
  let found = await find(few, shown, wholeEntry);
  if (found.length > few) found = await find(maxMatches, [entryStage(sort)], entryOf);
  if (found.length > maxMatches) {
    throw new DirectoryError(
      ErrorReason.TOO_MANY,
      `The filter matches more than ${maxMatches} resources; narrow it.`,
      { maximum: String(maxMatches) },
    );
  }
  const ascending = found.sort(compareBounds);
  return {
    total: async () => ascending.length,
    async *entries({ beyond, up, skip, limit: most }) {
      const ordered = up ? ascending : ascending.toReversed();
      const isBeyond = (entry: Entry) =>
        beyond === undefined || (up ? compareBounds(entry, beyond) > 0 : compareBounds(entry, beyond) < 0);
      const first = ordered.findIndex(isBeyond);
      if (first >= 0) yield ordered.slice(first + skip, first + skip + most);
    },
  };
}

function compareBounds(a: Bound, b: Bound): number {
  return comparePlaces({ part: 0, ...a }, { part: 0, ...b });
}

function wholeEntry({ key, ...document }: ShownDocument & { readonly key?: SortKey | null }): Entry {
  const { _id, ordinal, resource } = document;
  return { _id, ordinal, key: key ?? undefined, size: sizeOf(resource), document };
}
