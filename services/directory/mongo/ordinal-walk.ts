import type { Document } from 'mongodb';
import type { ResourceType } from '#scim/schema-registry.ts';
import { headFields, type ShownDocument, shownFields } from './documents.ts';
import { countMatches, type ListPart, type PartContext, sizeOf } from './list-part.ts';

// Windows double up to this many ordinals.
const maxWindow = 8_192;
// Resources may be so large that few fill a page: what one reply holds grows while they are not. An ordinary page is one.
const firstReply = 101;
const replyGrowth = 4;

/**
 * Reads resources in the order of creation, with all that is shown of them, through windows of ordinals that are bounded on both sides. None has a
 * key.
 */
export function openOrdinalWalk(
  context: PartContext,
  type: ResourceType,
  predicate: Document | undefined,
): ListPart {
  const { database, head, session } = context;
  const { connection } = head;
  const collection = database.resources(type);
  const fields = headFields(type);
  const last = head[fields.next] - 1;
  const inSession = session ? { session } : {};
  const within = (ordinal: Document) => [
    { $match: { connection, ordinal } },
    ...(predicate ? [{ $match: predicate }] : []),
  ];

  /** Reads the first `limit` of a window; one that is no wider needs neither sorting nor counting in the database. */
  async function read(
    ordinal: Document,
    up: boolean,
    limit: number,
    isWide: boolean,
  ): Promise<ShownDocument[]> {
    const direction = up ? 1 : -1;
    const sort = { ordinal: direction } as const;
    // With room for one more the server need not keep the cursor.
    const options = { ...inSession, batchSize: limit + 1 };
    const first = isWide ? [{ $sort: sort }, { $limit: limit }] : [];
    // The embedded server answers a find sooner than the same pipeline.
    const found = predicate
      ? collection.aggregate<ShownDocument>(
          [...within(ordinal), ...first, { $project: shownFields }],
          options,
        )
      : collection.find<ShownDocument>(
          { connection, ordinal },
          { ...options, projection: shownFields, ...(isWide && { sort, limit }) },
        );
    return (await found.toArray()).sort((a, b) => direction * (a.ordinal - b.ordinal));
  }

  // The ordinal after which the result with a given index stands.
  async function skipTo(skip: number): Promise<number> {
    if (!predicate && head[fields.count] === last) return skip;
    let left = skip;
    for (let low = 0; low < last; low += maxWindow) {
      const pipeline = [
        ...within({ $gt: low, $lte: Math.min(low + maxWindow, last) }),
        { $project: { _id: 0, ordinal: 1 } },
        { $sort: { ordinal: 1 } },
      ];
      const ordinals = await collection.aggregate<{ ordinal: number }>(pipeline, inSession).toArray();
      const found = ordinals[left - 1];
      if (found) return found.ordinal;
      left -= ordinals.length;
    }
    return last;
  }

  return {
    total: () => countMatches(context, type, predicate),
    async *entries({ beyond, up, skip, limit }) {
      // A place with a key comes before all that have none.
      const bound = beyond?.key === undefined ? beyond?.ordinal : 0;
      let edge = up ? (bound ?? 0) : Math.min(bound ?? last + 1, last + 1);
      if (skip > 0) edge = await skipTo(skip);
      let left = limit;
      let width = 0;
      let most = firstReply;
      while (left > 0 && (up ? edge < last : edge > 1)) {
        const asked = Math.min(left, most);
        width = Math.max(width, asked);
        const far = up ? Math.min(edge + width, last) : Math.max(edge - width, 1);
        const window = up ? { $gt: edge, $lte: far } : { $gte: far, $lt: edge };
        const documents = await read(window, up, asked, width > asked);
        yield documents.map((document) => {
          const { _id, ordinal, resource } = document;
          return { _id, ordinal, key: undefined, size: sizeOf(resource), document };
        });
        left -= documents.length;
        const end = documents.at(-1);
        if (end && documents.length === asked) {
          edge = end.ordinal;
          most *= replyGrowth;
        } else {
          edge = far;
          width = Math.min(width * 2, maxWindow);
        }
      }
    },
  };
}
