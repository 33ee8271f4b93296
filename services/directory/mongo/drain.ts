import { setTimeout as delay } from 'node:timers/promises';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Logger } from '#runtime/logger.ts';
import type { Command } from '../decision.ts';
import { DirectoryError } from '../errors.ts';
import { operatorCommand } from '../write-command.ts';
import type { Committer } from './commit-queues.ts';
import type { Database } from './database.ts';

/** Removes the edges of deleted groups, chunk by chunk. */
export interface Drain extends AsyncDisposable {
  /** Starts on a deleted group of a connection; repeated calls are harmless. */
  start(connection: string, group: string): void;
  /** Takes up what a process that ended left behind. */
  resume(): Promise<void>;
}

const retryMs = 1_000;

/** The command that removes the next edges of a deleted group; answers whether all are gone. */
function drainGroup(connection: string, group: string): Command<boolean> {
  return operatorCommand(connection, Date.now(), {
    async load(reader) {
      await reader.firstEdgesOfGroup(group);
    },
    decide(view) {
      const { edges, complete } = view.firstEdgesOfGroup(group);
      return {
        removedEdges: edges,
        ...(complete ? { drained: group } : {}),
        reply: () => complete,
      };
    },
  });
}

/** Starts the drain. Disposing it stops after the chunk that is under way; `resume` goes on with the rest. */
export function createDrain(database: Database, committer: Committer, logger: Logger): Drain {
  const running = new Map<string, Promise<void>>();
  const stopped = new AbortController();

  async function drain(connection: string, group: string) {
    while (!stopped.signal.aborted) {
      try {
        if (await committer.submit(drainGroup(connection, group))) return;
      } catch (error) {
        const gone = error instanceof DirectoryError && error.reason === ErrorReason.CONNECTION_NOT_FOUND;
        if (stopped.signal.aborted || gone) return;
        logger.warn({ err: error, connection, group }, 'a deleted group is not cleaned up yet; trying again');
        await delay(retryMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      }
    }
  }

  function start(connection: string, group: string) {
    const key = `${connection}/${group}`;
    if (running.has(key) || stopped.signal.aborted) return;
    running.set(
      key,
      drain(connection, group).finally(() => running.delete(key)),
    );
  }

  return {
    start,
    async resume() {
      const heads = await database.heads.find({ 'draining.0': { $exists: true } }).toArray();
      for (const { connection, draining } of heads) for (const group of draining) start(connection, group);
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await Promise.allSettled(running.values());
    },
  };
}
