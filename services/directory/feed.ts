import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Turns } from '#runtime/turns.ts';
import { DirectoryError } from './errors.ts';
import { readRecords } from './mongo/change-log.ts';
import type { Database } from './mongo/database.ts';
import type { ChangeDocument, HeadDocument } from './mongo/documents.ts';
import type { HeadWatch } from './mongo/head-watch.ts';
import type { Heads, ReadFreshness, ReadLimits } from './mongo/heads.ts';
import { orAborted } from './or-aborted.ts';

/** Some changes that follow each other. */
export interface FeedPage {
  /** The changes, in order. */
  readonly records: readonly ChangeDocument[];
  /** The connection's position when they were read. */
  readonly asOf: number;
}

/** What a watch gives next. */
export interface FeedPart {
  /** The next changes, in order; none in a heartbeat. */
  readonly records: readonly ChangeDocument[];
  /** Everything up to this position was given. */
  readonly position: number;
  /** For how many milliseconds at most that may lack what was acknowledged since; absent while more is known to come. */
  readonly age: number | undefined;
}

/** The log of changes as others read it. */
export interface Feed extends AsyncDisposable {
  /** Reads changes after a position, at most `limit`; fewer only at the end of the log. POSITION_PURGED. */
  page(
    connection: string,
    after: number,
    limit: number,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<FeedPage>;
  /**
   * Gives the changes after a position, the present one when undefined, and then those that come, each once and in order.
   * The first part comes at once; then a heartbeat follows every reading of the head that has nothing new. Ends with
   * FEED_STOPPED when this is disposed. POSITION_PURGED, POSITION_NOT_REACHED, CONNECTION_NOT_FOUND.
   */
  watch(connection: string, after: number | undefined, limits: ReadLimits): AsyncIterable<FeedPart>;
}

/** What a feed reads from. */
export interface FeedSources {
  /** The database. */
  readonly database: Database;
  /** The positions of connections. */
  readonly heads: Heads;
  /** News of positions. */
  readonly headWatch: HeadWatch;
  /** Whose turn it is to read. */
  readonly turns: Turns;
}

// A record can name 1,000 members; so many of them are a few megabytes at most.
const partSize = 100;

/** Opens the feed. Disposing it ends all watches. */
export function createFeed({ database, heads, headWatch, turns }: FeedSources): Feed {
  const stopped = new AbortController();
  // Those who watch a connection are mostly at the same position: they share the reading of what comes next.
  const reading = new Map<string, Promise<readonly ChangeDocument[]>>();

  /** Reads what follows a position; nothing while that cannot be seen yet. POSITION_PURGED. */
  async function read(connection: string, after: number, until: number) {
    const records = await turns.take(connection, () => readRecords(database, connection, after, until));
    // Retention may have removed them after the head was read.
    if (records.length === 0) refusePurged(after, await heads.read(connection));
    return records;
  }

  function readShared(connection: string, after: number, until: number) {
    const key = `${connection}/${after}`;
    const known = reading.get(key);
    if (known) return known;
    const records = read(connection, after, Math.min(until, after + partSize)).finally(() =>
      reading.delete(key),
    );
    reading.set(key, records);
    return records;
  }

  async function* follow(
    connection: string,
    after: number | undefined,
    limits: ReadLimits,
    ends: AbortSignal,
  ): AsyncIterable<FeedPart> {
    let readAt = performance.now();
    const head = await (after === undefined
      ? heads.read(connection)
      : heads.reached(connection, after, limits));
    let position = after ?? head.position;
    // The newest reading of the head, and the newest position that is known of.
    let asOf = head.position;
    let known = head.position;
    refusePurged(position, head);
    const part = (records: readonly ChangeDocument[]): FeedPart => ({
      records,
      position,
      age: position >= asOf ? performance.now() - readAt : undefined,
    });
    yield part([]);
    while (!ends.aborted) {
      // Asked for first, so that what is committed while the records are read is news already.
      const next = headWatch.next(connection);
      while (position < known && !ends.aborted) {
        const records = await orAborted(readShared(connection, position, known), ends);
        const last = records.at(-1);
        if (!last) break;
        position = last.position;
        yield part(records);
      }
      const news = await orAborted(next, ends);
      known = Math.max(known, news.position);
      if (news.readAt === undefined) continue;
      asOf = news.position;
      readAt = news.readAt;
      if (position >= asOf) yield part([]);
    }
    ends.throwIfAborted();
  }

  return {
    async page(connection, after, limit, freshness, limits) {
      const head = await heads.current(connection, freshness, limits);
      refusePurged(after, head);
      const until = Math.min(head.position, after + limit);
      const records = after < until ? await read(connection, after, until) : [];
      return { records, asOf: head.position };
    },
    watch: (connection, after, limits) =>
      follow(connection, after, limits, AbortSignal.any([limits.signal, stopped.signal])),
    async [Symbol.asyncDispose]() {
      stopped.abort(
        new DirectoryError(
          ErrorReason.FEED_STOPPED,
          'The directory stops; watch again after the last position that you received.',
        ),
      );
    },
  };
}

function refusePurged(after: number, { floor }: HeadDocument): void {
  if (after + 1 >= floor) return;
  throw new DirectoryError(
    ErrorReason.POSITION_PURGED,
    `Changes before ${floor} are no longer kept: export the connection, replace your copy by that, and go on after the position that the export names.`,
    { floor: String(floor) },
  );
}
