import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { connectionNotFound } from '../errors.ts';
import type { Database } from './database.ts';
import { type HeadDocument, keyParts } from './documents.ts';

/** What became known of a connection's position. */
export interface HeadNews {
  /** The connection has reached it. */
  readonly position: number;
  /**
   * When the reading that says so began, on the clock of `performance.now()`: nothing further was acknowledged before.
   * Absent for a commit of this process, which says nothing of those of others.
   */
  readonly readAt?: number;
}

/** Follows the positions of connections for as long as anybody waits for them. */
export interface HeadWatch extends AsyncDisposable {
  /**
   * Resolves with what becomes known next: a commit of this process at once, one of another within 100 ms, and every
   * reading in between. All who wait for a connection share it. Rejects with CONNECTION_NOT_FOUND once that is gone;
   * never settles once this is disposed.
   */
  next(connection: string): Promise<HeadNews>;
  /** Tells those who wait of a commit of this process. */
  committed(connection: string, position: number): void;
}

// How late this process may learn of another one's commit.
const pollMs = 100;

/** Starts watching; nothing is read while nobody waits. */
export function createHeadWatch(database: Database): HeadWatch {
  const awaited = new Map<string, PromiseWithResolvers<HeadNews>>();
  const stopped = new AbortController();
  let polling: Promise<void> | undefined;

  function settled(connection: string): PromiseWithResolvers<HeadNews> | undefined {
    const waiting = awaited.get(connection);
    awaited.delete(connection);
    return waiting;
  }

  async function readAll(connections: readonly string[]): Promise<ReadonlyMap<string, HeadDocument>> {
    const found: HeadDocument[] = [];
    for (const part of keyParts(connections)) {
      const heads = database.heads.find(
        { _id: { $in: [...part] } },
        { projection: { position: 1, status: 1 } },
      );
      found.push(...(await heads.toArray()));
    }
    return new Map(found.map((head) => [head._id, head]));
  }

  async function readAwaited() {
    const readAt = performance.now();
    const connections = [...awaited.keys()];
    const heads = await readAll(connections);
    for (const connection of connections) {
      const head = heads.get(connection);
      const waiting = settled(connection);
      if (!head || head.status === ConnectionStatus.DELETING) waiting?.reject(connectionNotFound(connection));
      else waiting?.resolve({ position: head.position, readAt });
    }
  }

  async function poll() {
    while (awaited.size > 0 && !stopped.signal.aborted) {
      // While the database does not answer there is no news; whoever waits notices by the age of the last.
      await readAwaited().catch(() => undefined);
      await delay(pollMs, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
    }
    polling = undefined;
  }

  return {
    next(connection) {
      const known = awaited.get(connection);
      if (known) return known.promise;
      const waiting = Promise.withResolvers<HeadNews>();
      // Who asks may find what it waits for elsewhere, and never look at the answer.
      waiting.promise.catch(() => undefined);
      awaited.set(connection, waiting);
      polling ??= poll();
      return waiting.promise;
    },
    committed(connection, position) {
      settled(connection)?.resolve({ position });
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await polling;
    },
  };
}
