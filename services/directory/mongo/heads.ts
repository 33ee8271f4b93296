import { setTimeout as delay } from 'node:timers/promises';
import type { ClientSession } from 'mongodb';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Turns } from '#runtime/turns.ts';
import { connectionNotFound, DirectoryError } from '../errors.ts';
import type { Database } from './database.ts';
import { type HeadDocument, isConnectionId } from './documents.ts';

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
export interface Heads extends AsyncDisposable {
  /** Reads a connection's head. CONNECTION_NOT_FOUND when there is none or it is being deleted. */
  read(connection: string, session?: ClientSession): Promise<HeadDocument>;
  /**
   * Runs a read made of several queries so that they agree: it is repeated when a write came between, and the third
   * time it runs in a transaction. All of it is one turn of the connection. Waits for `atLeast` first;
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
  /** Wakes those who wait for a position. */
  committed(connection: string, position: number): void;
}

interface Waiter {
  readonly connection: string;
  readonly position: number;
  readonly wake: () => void;
}

// How late this process may learn of another one's commit.
const pollMs = 100;
// How long a read waits for a position; longer than any commit takes that was acknowledged.
const maxWaitMs = 5_000;

/** Starts watching heads. */
export function createHeads(database: Database, turns: Turns): Heads {
  const waiters = new Set<Waiter>();
  const stopped = new AbortController();
  let polling: Promise<void> | undefined;

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
    if (!head || head.status === ConnectionStatus.DELETING) throw connectionNotFound(connection);
    return head;
  }

  function committed(connection: string, position: number) {
    for (const waiter of waiters) {
      if (waiter.connection === connection && waiter.position <= position) waiter.wake();
    }
  }

  async function poll() {
    while (waiters.size > 0 && !stopped.signal.aborted) {
      const connections = [...new Set([...waiters].map(({ connection }) => connection))];
      const heads = await database.heads
        .find({ _id: { $in: connections } }, { projection: { position: 1 } })
        .toArray()
        .catch(() => []);
      for (const { _id, position } of heads) committed(_id, position);
      await delay(pollMs, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
    }
    polling = undefined;
  }

  async function reached(connection: string, position: number, limits: ReadLimits): Promise<HeadDocument> {
    let head = await read(connection);
    const until = Math.min(limits.deadline, Date.now() + maxWaitMs);
    if (head.position < position) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const waiter: Waiter = { connection, position, wake: resolve };
      waiters.add(waiter);
      polling ??= poll();
      const timer = setTimeout(resolve, Math.max(0, until - Date.now()));
      limits.signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
      waiters.delete(waiter);
      head = await read(connection);
    }
    if (head.position >= position) return head;
    throw new DirectoryError(
      ErrorReason.POSITION_NOT_REACHED,
      `The connection is at position ${head.position} and did not reach ${position} in time.`,
      { position: String(head.position), at_least: String(position) },
    );
  }

  async function agreeing<Result>(
    connection: string,
    fresh: boolean | undefined,
    known: HeadDocument | undefined,
    perform: (head: HeadDocument, session: ClientSession | undefined) => Promise<Result>,
  ): Promise<ConsistentRead<Result>> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      const head = (attempt === 1 ? known : undefined) ?? (await read(connection, undefined, fresh));
      const result = await perform(head, undefined);
      const after = await read(connection);
      if (after.position === head.position) return { asOf: head.position, result };
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
    committed,
    async consistent(connection, { atLeast, fresh }, limits, perform) {
      const known = atLeast === undefined ? undefined : await reached(connection, atLeast, limits);
      return turns.take(connection, () => agreeing(connection, fresh, known, perform), limits.signal);
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      for (const { wake } of waiters) wake();
      await polling;
    },
  };
}
