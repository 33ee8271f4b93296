import type { ClientSession } from 'mongodb';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { type Command, type ConnectionSettings, NotLoadedError } from '../decision.ts';
import { connectionNotFound, connectionPaused, DirectoryError } from '../errors.ts';
import { createBatchReader } from './batch-reader.ts';
import { type BatchState, createBatchState, writeCount } from './batch-state.ts';
import type { ChangeOrigin } from './batch-writer.ts';
import type { Waiting } from './commit-queues.ts';
import type { Database } from './database.ts';
import type { HeadDocument } from './documents.ts';

/** What became of a command; it is told so only after the commit. */
export type Outcome =
  | { readonly waiting: Waiting; readonly reply: unknown }
  | { readonly waiting: Waiting; readonly error: DirectoryError };

/** What became of a batch. */
export interface DecidedBatch {
  /** What to tell, once it is committed. */
  readonly outcomes: readonly Outcome[];
  /** Commands that the next transaction decides. */
  readonly deferred: readonly Waiting[];
  /** What is to be written. */
  readonly state: BatchState;
  /** Who made each change record. */
  readonly origins: readonly ChangeOrigin[];
  /** Whether there is anything to write. */
  readonly dirty: boolean;
  /** Which command wrote a resource last, by the resource's id. */
  readonly writers: ReadonlyMap<string, Waiting>;
}

// A batch of more writes than this leaves what comes next to the next transaction.
const maxWrites = 500;

function refuseByStatus(command: Command<unknown>, head: HeadDocument): void {
  if (command.operator || head.status === ConnectionStatus.ACTIVE) return;
  const { connection } = command;
  if (head.status !== ConnectionStatus.PAUSED) throw connectionNotFound(connection);
  throw connectionPaused(connection);
}

/**
 * Loads what a batch of commands needs, inside its transaction, and decides them in order, each on what those before it
 * have left. A command that is refused harms no other.
 */
export async function decideBatch(
  source: { readonly database: Database; readonly session: ClientSession },
  batch: readonly Waiting[],
  settings: ConnectionSettings,
  head: HeadDocument,
): Promise<DecidedBatch> {
  const state = createBatchState(head, settings);
  const reader = createBatchReader(source.database, source.session, state);
  const refusals = new Map<Waiting, DirectoryError>();
  const loads = await Promise.allSettled(
    batch.map(async (waiting) => {
      try {
        refuseByStatus(waiting.command, head);
        await waiting.command.load(reader);
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error;
        refusals.set(waiting, error);
      }
    }),
  );
  // Only now: while another read of the session is under way, the transaction cannot be ended.
  for (const load of loads) if (load.status === 'rejected') throw load.reason;
  const outcomes: Outcome[] = [];
  const deferred: Waiting[] = [];
  const origins: ChangeOrigin[] = [];
  let writes = 0;
  let dirty = false;
  const writers = new Map<string, Waiting>();
  for (const waiting of batch) {
    const { command } = waiting;
    const refusal = refusals.get(waiting);
    if (refusal) {
      outcomes.push({ waiting, error: refusal });
      continue;
    }
    try {
      const decision = command.decide(state);
      if (command.validateOnly) {
        outcomes.push({ waiting, reply: decision.reply(state.head.position) });
        continue;
      }
      const count = writeCount(decision);
      if (
        batch.length > 1 &&
        (state.takesFreedEntry(decision) || (writes > 0 && writes + count > maxWrites))
      ) {
        deferred.push(waiting);
        continue;
      }
      state.apply(decision);
      writes += count;
      dirty ||=
        count > 0 ||
        [
          decision.status,
          decision.drained,
          decision.folded,
          decision.floor,
          decision.update,
          decision.roleMappings,
        ].some((part) => part !== undefined);
      for (const _ of decision.changes ?? []) origins.push(command);
      for (const { id } of decision.resources ?? []) writers.set(id, waiting);
      outcomes.push({ waiting, reply: decision.reply(state.head.position) });
    } catch (error) {
      if (error instanceof NotLoadedError && batch.length > 1) {
        waiting.alone = true;
        deferred.push(waiting);
      } else if (error instanceof DirectoryError) outcomes.push({ waiting, error });
      else throw error;
    }
  }
  return { outcomes, deferred, state, origins, dirty, writers };
}
