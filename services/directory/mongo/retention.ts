import { setTimeout as delay } from 'node:timers/promises';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Logger } from '#runtime/logger.ts';
import type { Command } from '../decision.ts';
import { DirectoryError } from '../errors.ts';
import { operatorCommand } from '../write-command.ts';
import { changeKeys } from './change-log.ts';
import type { Committer } from './commit-queues.ts';
import type { Database } from './database.ts';
import { changeKey, type HeadDocument } from './documents.ts';

/** Removes old change records, again and again. Disposing it stops after the chunk that is under way. */
export type Retention = AsyncDisposable;

/** What retention needs. */
export interface RetentionOptions {
  /** Where the records are. */
  readonly database: Database;
  /** Raises the floors. */
  readonly committer: Committer;
  /** For how many milliseconds a change is kept at least. */
  readonly keepMs: number;
  /** Gives the time, in milliseconds since 1970. */
  readonly clock: () => number;
  /** Told of what fails. */
  readonly logger: Logger;
}

/** By how many positions a floor is raised at once: so many records below it may be there still. */
export const retentionChunk = 1_000;

const roundMs = 60 * 60_000;

/**
 * Starts it: a round over all connections at once and then every hour. A floor is raised before the records below it are
 * removed, and no further than one chunk; whoever raises it next removes the chunk below first. So a process may end
 * anywhere, several may work side by side, and nobody reads a log with a hole.
 */
export function startRetention({ database, committer, keepMs, clock, logger }: RetentionOptions): Retention {
  const stopped = new AbortController();

  /** How many of the oldest records of a connection are too old, at most one chunk of them. */
  async function countOld({ connection, floor, position }: HeadDocument): Promise<number> {
    const cutoff = new Date(clock() - keepMs);
    const oldest = await database.changes.findOne(database.point(changeKey(connection, floor), connection), {
      projection: { time: 1 },
    });
    if (!oldest || oldest.time >= cutoff) return 0;
    const keys = changeKeys(connection, floor - 1, Math.min(position, floor - 1 + retentionChunk));
    const records = await database.changes
      .find(database.points(keys, connection), { projection: { position: 1, time: 1 } })
      .toArray();
    records.sort((a, b) => a.position - b.position);
    const kept = records.findIndex(({ time }) => time >= cutoff);
    return kept < 0 ? records.length : kept;
  }

  async function removeBelow(connection: string, floor: number) {
    const keys = changeKeys(connection, Math.max(0, floor - 1 - retentionChunk), floor - 1);
    if (keys.length > 0) await database.changes.deleteMany(database.points(keys, connection));
  }

  async function shorten(head: HeadDocument) {
    let { floor } = head;
    while (!stopped.signal.aborted) {
      const old = await countOld({ ...head, floor });
      if (old === 0) return;
      await removeBelow(head.connection, floor);
      floor += old;
      await committer.submit(raiseFloor(head.connection, floor, clock()));
      await removeBelow(head.connection, floor);
    }
  }

  async function round() {
    const heads = database.heads.find({}, { projection: { connection: 1, floor: 1, position: 1 } });
    for await (const head of heads) {
      if (stopped.signal.aborted) return;
      await shorten(head).catch((error: unknown) => {
        const isGone = error instanceof DirectoryError && error.reason === ErrorReason.CONNECTION_NOT_FOUND;
        if (!isGone && !stopped.signal.aborted)
          logger.warn({ err: error, connection: head.connection }, 'old changes are not removed yet');
      });
    }
  }

  async function run() {
    while (!stopped.signal.aborted) {
      await round().catch((error: unknown) => {
        if (!stopped.signal.aborted) logger.warn({ err: error }, 'old changes are not removed yet');
      });
      await delay(roundMs, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await running;
    },
  };
}

/** Only a transaction may write a head: a plain write waits for ever on one that was abandoned. */
function raiseFloor(connection: string, floor: number, now: number): Command<void> {
  return operatorCommand(connection, now, {
    async load() {},
    decide: () => ({ floor, reply: () => undefined }),
  });
}
