import { setTimeout as delay } from 'node:timers/promises';
import {
  type Change,
  ListChangesRequest,
  WatchChangesRequest,
} from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Freshness } from '#proto/rollcall/directory/v1/reads.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { createSharedReads } from '#rpc/shared-reads.ts';
import { type AffectedHistory, type AffectingChange, createAffectedHistory } from './affected-history.ts';
import type { DirectoryClient } from './directory-client.ts';

/** What is known of a connection by following its changes. */
export interface ConnectionWatch {
  /** Whom the changes have affected; undefined until the directory has said where it begins, and once that is lost. */
  readonly history: AffectedHistory | undefined;
  /** For how many milliseconds at most `history` may lack what was acknowledged since; Infinity when nobody knows. */
  age(): number;
  /**
   * Brings `history` up to where the connection is, as currently as is asked; `age` then counts from when that was asked.
   * Who ask at the same time share it. Rejects when it cannot be found out, also when there is no history yet.
   */
  catchUp(freshness: Freshness): Promise<void>;
  /** Says that the connection was asked about: a watch that nobody needs for a minute ends. */
  keepAlive(): void;
}

/** How a connection is watched. */
export interface WatchOptions {
  /** Says what changes. */
  readonly directory: Pick<DirectoryClient, 'changes'>;
  /** Milliseconds on a clock that only goes forward. */
  readonly elapsed: () => number;
  /**
   * A watch that was silent for more milliseconds is begun anew: what comes after that may have been on its way all the
   * time, and its age would be too low.
   */
  readonly maxSilenceMs: number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Called once it has ended: unused, aborted, or the connection is gone. */
  readonly onEnd: () => void;
}

const unusedMs = 60_000;
const maxIds = 10_000;
const maxRetryMs = 1_000;
// As many as the directory gives at a time.
const pageSize = 1_000;

/** Follows the changes of a connection from now on, over broken streams and stopped directories, until it ends. */
export function watchConnection(connectionId: string, options: WatchOptions): ConnectionWatch {
  const { directory, elapsed, maxSilenceMs, signal } = options;
  const call = { signal, timeoutMs: Number.POSITIVE_INFINITY };
  const soon = { signal, timeoutMs: maxSilenceMs };
  let history: AffectedHistory | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let usedAt = elapsed();
  const isUsed = () => elapsed() - usedAt < unusedMs;

  /** Follows one stream until it falls silent or nobody needs it. */
  async function follow(): Promise<void> {
    const request = WatchChangesRequest.fromPartial({ connectionId, after: history?.position });
    let heardAt = elapsed();
    for await (const { changes, position, ageMs } of directory.changes.watchChanges(request, call)) {
      const now = elapsed();
      if (now - heardAt > maxSilenceMs || !isUsed()) return;
      heardAt = now;
      history ??= createAffectedHistory(position, maxIds);
      history.advance(position, changes.map(affectingChange));
      if (ageMs !== undefined) readAt = now - ageMs;
    }
  }

  /** Reads what follows the history, up to where the connection is. */
  async function readOn(freshness: Freshness): Promise<void> {
    const begun = elapsed();
    const known = history;
    for (let isBehind = true; isBehind; ) {
      if (!known || known !== history) throw new Error('There is no history that could be gone on with');
      const { position: after } = known;
      const request = ListChangesRequest.fromPartial({ connectionId, after, pageSize, freshness });
      for await (const { changes, position, asOf } of directory.changes.listChanges(request, soon)) {
        known.advance(position, changes.map(affectingChange));
        isBehind = position < asOf;
      }
    }
    readAt = Math.max(readAt, begun);
  }

  const readings = createSharedReads<Freshness, 'until now', undefined>({
    maxBatch: Number.POSITIVE_INFINITY,
    async read(freshness, asked) {
      await readOn(freshness);
      return asked.map(() => undefined);
    },
  });

  async function run(): Promise<void> {
    let retryMs = 0;
    while (isUsed() && !signal.aborted) {
      const begun = history?.position;
      try {
        await follow();
        retryMs = 0;
      } catch (error) {
        const reason = error instanceof RpcError ? error.reason : undefined;
        if (reason === ErrorReason.CONNECTION_NOT_FOUND) return;
        // What changed in between cannot be had, or it is another history: nothing remembered counts any more.
        if (reason === ErrorReason.POSITION_PURGED || reason === ErrorReason.POSITION_NOT_REACHED)
          history = undefined;
        retryMs = history?.position === begun ? Math.min(2 * retryMs + 50, maxRetryMs) : 50;
        await delay(retryMs, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
  }

  void run().finally(() => {
    history = undefined;
    options.onEnd();
  });
  return {
    get history() {
      return history;
    },
    age: () => (history === undefined ? Number.POSITIVE_INFINITY : elapsed() - readAt),
    catchUp: (freshness) => readings.ask(freshness, 'until now'),
    keepAlive() {
      usedAt = elapsed();
    },
  };
}

function affectingChange({ position, affected }: Change): AffectingChange {
  return {
    position,
    affected: {
      users: affected?.userIds ?? [],
      groups: affected?.groupIds ?? [],
      everyone: affected?.everyone ?? false,
    },
  };
}
