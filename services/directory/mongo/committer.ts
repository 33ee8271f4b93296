import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ClientSession, TransactionOptions } from 'mongodb';
import { Counter, type Registry } from 'prom-client';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Logger } from '#runtime/logger.ts';
import { connectionNotFound, DirectoryError } from '../errors.ts';
import { OtherHeadError, writeBatch } from './batch-writer.ts';
import { type Committer, createCommitQueues, type Queue, type Waiting } from './commit-queues.ts';
import type { ConnectionTypes } from './connection-types.ts';
import type { Database } from './database.ts';
import { databaseUnavailable, isDuplicate, isTransient, isUnavailable } from './database-error.ts';
import { type DecidedBatch, decideBatch } from './decide-batch.ts';
import { changeKey, type HeadDocument } from './documents.ts';
import { createKnownHeads } from './known-heads.ts';
import { DuplicateResourceError } from './send-writes.ts';
import { readSettings } from './settings.ts';

/** What a committer needs. */
export interface CommitterOptions {
  /** Where to commit. */
  readonly database: Database;
  /** The resource types of connections. */
  readonly types: ConnectionTypes;
  /** Told of every committed position, with the head that it is from, before the replies leave. */
  readonly onCommit: (connection: string, position: number, head: HeadDocument) => void;
  /** For what nobody expects. */
  readonly logger: Logger;
  /** Counts commands and transactions. */
  readonly metrics?: Registry | undefined;
}

// A transaction that wins against all others for so long without committing was abandoned.
const abandonedMs = 1_000;

const transactionOptions: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', journal: true },
};

/** An earlier attempt whose commit ended in an error: it may have happened. */
interface Unresolved {
  readonly batch: string;
  readonly firstPosition: number;
  readonly decided: DecidedBatch;
}

const tooLate = new DirectoryError(
  ErrorReason.DEADLINE_EXCEEDED,
  'The deadline passed before the write began; nothing was written.',
);

/** Starts a committer. Disposing it waits for the transactions that run and refuses what is still queued. */
export function createCommitter(options: CommitterOptions): Committer {
  const { database, types, onCommit, logger, metrics } = options;
  const registers = metrics ? [metrics] : [];
  const transactions = new Counter({
    name: 'rollcall_directory_transactions_total',
    help: 'Write transactions that were committed',
    registers,
  });
  const commands = new Counter({
    name: 'rollcall_directory_commands_total',
    help: 'Commands that were answered after a commit',
    registers,
  });
  const knownHeads = createKnownHeads();

  /** Commits a batch and settles its commands; returns those that must be decided again. */
  async function commitBatch(queue: Queue, batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const { connection } = queue;
    const deadline = Math.max(...batch.map(({ command }) => command.deadline));
    const unresolved: Unresolved[] = [];
    let live = batch;
    let stalled = { position: -1, since: Date.now() };
    for (;;) {
      if (unresolved.length === 0) live = dropLate(live);
      if (live.length === 0) return [];
      const batchId = randomUUID();
      let decided: DecidedBatch | undefined;
      let attempt: Unresolved | undefined;
      const known = unresolved.length === 0 ? knownHead(connection, live) : undefined;
      try {
        await using session = database.client.startSession();
        session.startTransaction(transactionOptions);
        try {
          const head = known ?? (await readHead(connection, session));
          if (!known) {
            if (head.position !== stalled.position) stalled = { position: head.position, since: Date.now() };
            const happened = await findCommitted(connection, unresolved, session);
            if (happened) {
              await session.abortTransaction();
              return settle(queue, happened.decided);
            }
            noteRivals(queue, head);
          }
          const settings = await readSettings(database, types, head, session);
          decided = await decideBatch({ database, session }, live, settings, foldedHere(head));
          if (decided.dirty) {
            await writeBatch(database, session, decided, batchId, known);
            attempt = { batch: batchId, firstPosition: head.position + 1, decided };
          } else if (known && !isDeepStrictEqual(await readHead(connection, session), known))
            throw new OtherHeadError();
          await session.commitTransaction();
          return settle(queue, decided);
        } catch (error) {
          await session.abortTransaction().catch(() => undefined);
          throw error;
        }
      } catch (error) {
        knownHeads.forget(connection);
        if (error instanceof OtherHeadError) {
          knownHeads.shared(connection);
          continue;
        }
        if (error instanceof DuplicateResourceError) return evict(live, decided?.writers.get(error.id));
        if (error instanceof DirectoryError) throw error;
        if (attempt && attempt.decided.origins.length > 0) unresolved.push(attempt);
        const lostRace = isTransient(error) || isDuplicate(error);
        if (lostRace) {
          queue.rivalSeen = Date.now();
          knownHeads.shared(connection);
        } else if (!isUnavailable(error)) {
          if (live.length === 1 || attempt) throw error;
          // One command may be what the database cannot take; apart, it fails alone.
          for (const waiting of live) waiting.alone = true;
          logger.error(
            { err: error, connection },
            'a transaction of several commands failed; each is tried alone',
          );
          return live;
        }
        if (database.isSecantusDb && lostRace && Date.now() - stalled.since > abandonedMs) {
          logger.warn({ connection }, 'another process left a transaction open; all open ones are ended');
          await database.db.admin().command({ killAllSessions: [] });
          stalled = { position: -1, since: Date.now() };
        }
        if (Date.now() > deadline) throw databaseUnavailable();
        await delay(lostRace ? Math.random() * 4 : 50 + Math.random() * 50);
      }
    }
  }

  function dropLate(batch: readonly Waiting[]): readonly Waiting[] {
    const now = Date.now();
    return batch.filter(({ command, reject }) => {
      if (command.deadline > now) return true;
      reject(tooLate);
      return false;
    });
  }

  /**
   * The head that a first attempt may go by. What travels alone begins with several reads at once, which only a transaction
   * that has begun can take, and what operators do may leave all of a head as it is.
   */
  function knownHead(connection: string, batch: readonly Waiting[]): HeadDocument | undefined {
    return batch.some(({ command }) => command.alone) ? undefined : knownHeads.get(connection);
  }

  /** The head as this process goes by it: what another version writes too, this one does not count as folded. */
  function foldedHere(head: HeadDocument): HeadDocument {
    const { folded } = head;
    if (!folded || folded.builtIn === types.builtInFingerprint) return head;
    return { ...head, folded: { ...folded, builtIn: '' } };
  }

  async function readHead(connection: string, session: ClientSession): Promise<HeadDocument> {
    const head = await database.heads.findOne(database.point(connection, connection), { session });
    if (!head) throw connectionNotFound(connection);
    return head;
  }

  // A commit that ended in an error may have happened. Its change records say so.
  async function findCommitted(
    connection: string,
    unresolved: readonly Unresolved[],
    session: ClientSession,
  ) {
    for (const attempt of unresolved) {
      const key = changeKey(connection, attempt.firstPosition);
      const record = await database.changes.findOne(database.point(key, connection), { session });
      if (record?.batch === attempt.batch) return attempt;
    }
    return undefined;
  }

  function noteRivals(queue: Queue, head: HeadDocument) {
    if (queue.position !== undefined && head.position > queue.position) queue.rivalSeen = Date.now();
  }

  function settle(queue: Queue, decided: DecidedBatch): readonly Waiting[] {
    const { head } = decided.state;
    queue.position = head.position;
    if (decided.dirty) knownHeads.committed(head);
    if (decided.dirty) transactions.inc();
    commands.inc(decided.outcomes.length);
    if (decided.origins.length > 0) onCommit(queue.connection, head.position, head);
    for (const outcome of decided.outcomes) {
      if ('error' in outcome) outcome.waiting.reject(outcome.error);
      else outcome.waiting.resolve(outcome.reply);
    }
    return decided.deferred;
  }

  // The command whose value a unique index refused is decided again without neighbours, where its own read sees the
  // value's owner; when it never does, the index is right all the same.
  function evict(batch: readonly Waiting[], evicted: Waiting | undefined): readonly Waiting[] {
    if (!evicted) throw new TypeError('a unique index refused a resource that no command wrote');
    evicted.alone = true;
    evicted.duplicates += 1;
    const rest = batch.filter((waiting) => waiting !== evicted);
    if (evicted.duplicates < 3) return [...rest, evicted];
    evicted.reject(
      new DirectoryError(ErrorReason.UNIQUENESS, 'Another resource has a value that must be unique.'),
    );
    return rest;
  }

  return createCommitQueues(commitBatch, logger);
}
