import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#runtime/logger.ts';
import { isConnectionGone } from '../errors.ts';
import type { Committer } from '../mongo/commit-queues.ts';
import type { Database } from '../mongo/database.ts';
import { type HeadDocument, noRoleMappings } from '../mongo/documents.ts';
import { recordValidity } from './access-commands.ts';
import type { RoleLoader } from './role-loader.ts';

/**
 * Records in the log when role mappings begin or end by their validity dates. The heads say when that is, so that any
 * directory takes up what another one left; which one does is all the same.
 */
export interface ValidityWatch extends AsyncDisposable {
  /** Told of every commit of this process. */
  committed(head: HeadDocument): void;
  /** Begins. */
  start(): void;
}

/** What the watch works with. */
export interface ValidityWatchOptions {
  /** Where heads are read. */
  readonly database: Database;
  /** Commits the records. */
  readonly committer: Committer;
  /** Reads mappings. */
  readonly loader: RoleLoader;
  /** Gives the time, in milliseconds since 1970. */
  readonly clock: () => number;
  /** Gets what failed. */
  readonly logger: Logger;
}

// How late a date is recorded; answers go by the clock itself.
const tickMs = 100;
// How often dates are looked for that another directory knows of; those are read that come before the next look.
const lookMs = 5_000;
const aheadMs = 2 * lookMs;

/** Makes the watch. Disposing it stops after the record that is under way. */
export function createValidityWatch(options: ValidityWatchOptions): ValidityWatch {
  const { database, committer, loader, clock, logger } = options;
  const stopped = new AbortController();
  /** The next date of each connection that is known to have one, in milliseconds since 1970. */
  const next = new Map<string, number>();
  let running: Promise<void> | undefined;

  function note(connection: string, date: Date | null) {
    if (date) next.set(connection, date.getTime());
    else next.delete(connection);
  }

  async function look() {
    const soon = { $gt: new Date(0), $lte: new Date(clock() + aheadMs) };
    const found = await database.heads
      .find(
        { 'roleMappings.nextEdge': soon },
        { projection: { connection: 1, roleMappings: 1 }, comment: 'validity dates' },
      )
      .toArray();
    for (const { connection, roleMappings = noRoleMappings } of found)
      note(connection, roleMappings.nextEdge);
  }

  async function recordDue() {
    const now = new Date(clock());
    for (const [connection, date] of next) {
      if (date > now.getTime() || stopped.signal.aborted) continue;
      try {
        note(connection, await committer.submit(recordValidity(loader, connection, now)));
      } catch (error) {
        if (!isConnectionGone(error)) throw error;
        next.delete(connection);
      }
    }
  }

  async function run() {
    let lookedAt = Number.NEGATIVE_INFINITY;
    while (!stopped.signal.aborted) {
      try {
        if (performance.now() - lookedAt >= lookMs) {
          await look();
          lookedAt = performance.now();
        }
        await recordDue();
      } catch (err) {
        if (!stopped.signal.aborted)
          logger.warn({ err }, 'a validity date is not recorded yet; trying again');
      }
      await delay(tickMs, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
    }
  }

  return {
    committed({ connection, roleMappings = noRoleMappings }) {
      note(connection, roleMappings.nextEdge);
    },
    start() {
      running ??= run();
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await running;
    },
  };
}
