import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { ClientSession } from 'mongodb';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Turns } from '#runtime/turns.ts';
import { connectionNotFound, DirectoryError } from '../errors.ts';
import { orAborted } from '../or-aborted.ts';
import type { Database } from './database.ts';
import { type HeadDocument, isConnectionId } from './documents.ts';
import type { HeadNews, HeadWatch } from './head-watch.ts';

/** How current a read must be. */
export interface ReadFreshness {
  /** It sees this position or a later one. */
  readonly atLeast?: number | undefined;
  /** It sees every write acknowledged before it began, on any instance. */
  readonly fresh?: boolean;
}

/** What limits a read. */
export interface ReadLimits {
  /** Fires when the caller is gone or its deadline has passed. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** The result of a consistent read. */
export interface ConsistentRead<Result> {
  /** The result shows every change up to this position. */
  readonly asOf: number;
  /** What was read. */
  readonly result: Result;
}

/** The positions of connections, and reads that agree with one. */
export interface Heads {
  /** Reads a connection's head. CONNECTION_NOT_FOUND when there is none or it is being deleted. */
  read(connection: string, session?: ClientSession): Promise<HeadDocument>;
  /**
   * Runs a read made of several queries so that they agree: on the head as this process knew it last, or as it is read
   * first when none is known or the read is to be `fresh`. It is repeated when the head is another one afterwards, and the
   * fourth time it runs in a transaction. All of it is one turn of the connection. Waits for `atLeast` first;
   * POSITION_NOT_REACHED when it is not reached in time.
   */
  consistent<Result>(
    connection: string,
    freshness: ReadFreshness,
    limits: ReadLimits,
    read: (head: HeadDocument, session: ClientSession | undefined) => Promise<Result>,
  ): Promise<ConsistentRead<Result>>;
  /** Waits until a connection has reached a position and gives its head; POSITION_NOT_REACHED at the deadline. */
  reached(connection: string, position: number, limits: ReadLimits): Promise<HeadDocument>;
  /** Reads a connection's head as currently as is asked; POSITION_NOT_REACHED. */
  current(connection: string, freshness: ReadFreshness, limits: ReadLimits): Promise<HeadDocument>;
  /** Notes the head that a commit of this process has left. */
  committed(head: HeadDocument): void;
}

// How long a read waits for a position; longer than any commit takes that was acknowledged.
const maxWaitMs = 5_000;
// The first may be with a head that is no longer true.
const maxAttempts = 3;
// Connections whose last head is kept.
const maxKnown = 10_000;

/** Makes the reads of heads. */
export function createHeads(database: Database, turns: Turns, watch: HeadWatch): Heads {
  const lastKnown = new LRUCache<string, HeadDocument>({ max: maxKnown });

  async function read(
    connection: string,
    session?: ClientSession,
    linearizable = false,
  ): Promise<HeadDocument> {
    if (!isConnectionId(connection)) throw connectionNotFound(connection.slice(0, 64));
    const head = await database.heads.findOne(database.point(connection, connection), {
      ...(session && { session }),
      ...(linearizable && { readConcern: { level: 'linearizable' as const } }),
    });
    if (!head || head.status === ConnectionStatus.DELETING) {
      lastKnown.delete(connection);
      throw connectionNotFound(connection);
    }
    lastKnown.set(connection, head);
    return head;
  }

  async function reached(connection: string, position: number, limits: ReadLimits): Promise<HeadDocument> {
    const head = await read(connection);
    if (head.position >= position) return head;
    await heardOf(connection, position, limits);
    const later = await read(connection);
    if (later.position >= position) return later;
    throw new DirectoryError(
      ErrorReason.POSITION_NOT_REACHED,
      `The connection is at position ${later.position} and did not reach ${position} in time.`,
      { position: String(later.position), at_least: String(position) },
    );
  }

  /** Waits until there is news of a position, or it is too late for that. */
  async function heardOf(connection: string, position: number, limits: ReadLimits): Promise<void> {
    const late = AbortSignal.timeout(Math.max(0, Math.min(limits.deadline - Date.now(), maxWaitMs)));
    const ends = AbortSignal.any([limits.signal, late]);
    try {
      let news: HeadNews;
      do news = await orAborted(watch.next(connection), ends);
      while (news.position < position);
    } catch (error) {
      if (!ends.aborted) throw error;
    }
  }

  async function agreeing<Result>(
    connection: string,
    fresh: boolean | undefined,
    known: HeadDocument | undefined,
    perform: (head: HeadDocument, session: ClientSession | undefined) => Promise<Result>,
  ): Promise<ConsistentRead<Result>> {
    let head = known ?? (await read(connection, undefined, fresh));
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const [outcome] = await Promise.allSettled([perform(head, undefined)]);
      // What is refused may be so by a head that is no longer true.
      const isRefused = outcome.status === 'rejected' && outcome.reason instanceof DirectoryError;
      if (outcome.status === 'rejected' && !isRefused) throw outcome.reason;
      const after = await read(connection);
      if (isDeepStrictEqual(after, head)) {
        if (outcome.status === 'rejected') throw outcome.reason;
        return { asOf: head.position, result: outcome.value };
      }
      head = after;
    }
    await using session = database.client.startSession();
    session.startTransaction({ readConcern: { level: 'snapshot' } });
    try {
      const head = await read(connection, session);
      const result = await perform(head, session);
      await session.commitTransaction();
      return { asOf: head.position, result };
    } catch (error) {
      await session.abortTransaction().catch(() => undefined);
      throw error;
    }
  }

  return {
    read,
    reached,
    committed: (head) => void lastKnown.set(head.connection, head),
    current: (connection, { atLeast, fresh }, limits) =>
      atLeast === undefined ? read(connection, undefined, fresh) : reached(connection, atLeast, limits),
    async consistent(connection, { atLeast, fresh }, limits, perform) {
      const reachedHead = atLeast === undefined ? undefined : await reached(connection, atLeast, limits);
      const known = reachedHead ?? (fresh ? undefined : lastKnown.get(connection));
      return turns.take(connection, () => agreeing(connection, fresh, known, perform), limits.signal);
    },
  };
}
