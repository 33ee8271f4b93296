import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '#runtime/logger.ts';
import type { Command } from '../decision.ts';
import { DirectoryError } from '../errors.ts';
import { databaseUnavailable } from './database-error.ts';

/** Commits commands, many in one transaction, one transaction per connection at a time. */
export interface Committer extends AsyncDisposable {
  /**
   * Decides a command and commits what it decides. Settles only after the commit, with the reply or with the
   * DirectoryError that refused it. DATABASE_UNAVAILABLE means that the outcome is unknown.
   */
  submit<Reply>(command: Command<Reply>): Promise<Reply>;
}

/** A command in its connection's queue. */
export interface Waiting {
  /** The command. */
  readonly command: Command<unknown>;
  /** Answers it. */
  readonly resolve: (reply: unknown) => void;
  /** Refuses it. */
  readonly reject: (error: unknown) => void;
  /** Set when it must be decided without neighbours. */
  alone: boolean;
  /** How often a unique index refused it although nobody had the value. */
  duplicates: number;
}

/** What is known of a connection's writes while it has any. */
export interface Queue {
  /** The connection. */
  readonly connection: string;
  /** The position after this process's last commit. */
  position: number | undefined;
  /** When another instance was last seen to write, in milliseconds since 1970. */
  rivalSeen: number;
}

/** Commits a batch and settles its commands; gives back those that must be decided again. What it throws refuses all. */
export type CommitBatch = (queue: Queue, batch: readonly Waiting[]) => Promise<readonly Waiting[]>;

const maxCommands = 64;
// Connections whose transactions run side by side; the others take turns.
const maxTransactions = 16;
// How long another instance counts as writing too.
const rivalMs = 1_000;
const maxCourtesyMs = 100;

interface WorkingQueue extends Queue {
  waiting: Waiting[];
  active: boolean;
  lastDuration: number;
}

/**
 * Queues commands by connection: an idle connection's command is committed at once, what arrives meanwhile goes together
 * in the next batch, and connections take turns. Disposing it refuses what is queued and waits for what runs.
 */
export function createCommitQueues(commit: CommitBatch, logger: Logger): Committer {
  const queues = new Map<string, WorkingQueue>();
  const ready: WorkingQueue[] = [];
  const running = new Set<Promise<void>>();
  let closed = false;

  function queueOf(connection: string): WorkingQueue {
    const known = queues.get(connection);
    if (known) return known;
    const queue: WorkingQueue = {
      connection,
      position: undefined,
      rivalSeen: 0,
      waiting: [],
      active: false,
      lastDuration: 0,
    };
    queues.set(connection, queue);
    return queue;
  }

  function schedule(queue: WorkingQueue) {
    if (queue.active || queue.waiting.length === 0) return;
    queue.active = true;
    ready.push(queue);
    startReady();
  }

  function startReady() {
    while (running.size < maxTransactions) {
      const queue = ready.shift();
      if (!queue) return;
      const run = takeTurn(queue).finally(() => {
        running.delete(run);
        queue.active = false;
        if (queue.waiting.length === 0 && Date.now() - queue.rivalSeen > rivalMs)
          queues.delete(queue.connection);
        schedule(queue);
        startReady();
      });
      running.add(run);
    }
  }

  async function takeTurn(queue: WorkingQueue) {
    // Commands that arrive in the same turn of the event loop belong together.
    await nextTurn();
    // Instances that write the same connection leave each other room; otherwise one of them loses again and again.
    if (Date.now() - queue.rivalSeen < rivalMs)
      await delay(Math.min(maxCourtesyMs, queue.lastDuration * (0.5 + Math.random())));
    const batch = takeBatch(queue);
    const started = performance.now();
    try {
      queue.waiting.unshift(...(await commit(queue, batch)));
    } catch (error) {
      if (!(error instanceof DirectoryError))
        logger.error({ err: error, connection: queue.connection }, 'a transaction failed');
      for (const { reject } of batch) reject(error);
    }
    queue.lastDuration = performance.now() - started;
    if (closed) refuseWaiting(queue);
  }

  function takeBatch(queue: WorkingQueue): Waiting[] {
    const firstAlone = queue.waiting.findIndex(({ alone, command }) => alone || command.alone);
    const together = firstAlone < 0 ? queue.waiting.length : Math.max(firstAlone, 1);
    return queue.waiting.splice(0, Math.min(together, maxCommands));
  }

  function refuseWaiting(queue: WorkingQueue) {
    for (const { reject } of queue.waiting.splice(0)) reject(databaseUnavailable());
  }

  return {
    submit<Reply>(command: Command<Reply>): Promise<Reply> {
      if (closed) return Promise.reject(databaseUnavailable());
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const queue = queueOf(command.connection);
      queue.waiting.push({ command, resolve, reject, alone: false, duplicates: 0 });
      schedule(queue);
      return promise as Promise<Reply>;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const queue of queues.values()) refuseWaiting(queue);
      await Promise.allSettled(running);
    },
  };
}
