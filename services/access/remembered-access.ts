import { isDeepStrictEqual } from 'node:util';
import type { AccessSnapshot } from './access-cache.ts';
import { type AffectedHistory, createAffectedHistory } from './affected-history.ts';
import type { WatchAnswer } from './changes-router.ts';
import { rollcallError } from './rollcall-error.ts';

/** What is remembered. */
export interface RememberOptions {
  /** The connection. */
  readonly connection: string;
  /**
   * Called when the access of a user who was asked about is other than before: whether it is active, its groups, its roles
   * or the reasons for them. A user that was deleted is neither `known` nor `active`. Must not throw.
   */
  readonly onChange?: (access: AccessSnapshot) => void;
  /** What is remembered answers only while it lacks nothing older, in milliseconds; 1,000 when absent. */
  readonly maxStalenessMs?: number;
  /** How many users are remembered; 10,000 when absent. Beyond it, who was first asked about longest ago is forgotten. */
  readonly maxUsers?: number;
}

/** The access of the users that a service has to do with, in its own memory, kept right by watching the changes. */
export interface RememberedAccess extends AsyncDisposable {
  /**
   * What a session needs of a user: from memory, or where that is not current enough from Rollcall; then it rejects like
   * `access.snapshot`. A user that there is not is neither `known` nor `active`.
   */
  of(user: string): Promise<AccessSnapshot>;
  /** Forgets a user: `onChange` is no longer called for it. */
  forget(user: string): void;
}

/** How Rollcall is asked. */
export interface RememberSources {
  /** Asks for a snapshot. */
  readonly ask: (question: { connection: string; user: string; atLeast?: number }) => Promise<AccessSnapshot>;
  /** Watches the changes. */
  readonly watch: (options: { connection: string; signal: AbortSignal }) => AsyncIterable<WatchAnswer>;
}

interface Entry {
  readonly snapshot: AccessSnapshot;
  readonly history: AffectedHistory | undefined;
  readonly ends: number;
  shown: number;
}

const maxIds = 10_000;
const asksAtOnce = 20;

/** Begins to remember; it watches until it is disposed. */
export function rememberAccess(
  { ask, watch }: RememberSources,
  { connection, onChange, maxStalenessMs = 1_000, maxUsers = 10_000 }: RememberOptions,
): RememberedAccess {
  const stopped = new AbortController();
  // The one that was first asked about longest ago comes first.
  const entries = new Map<string, Entry>();
  let history: AffectedHistory | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let renewing = false;

  /** Whether an entry is as good as what was heard last. */
  function holds(user: string, entry: Entry): boolean {
    const { groups } = entry.snapshot;
    if (!history || entry.history !== history) return false;
    if (entry.shown < history.position) {
      if (!history.holds({ user, groups: groups.map(({ id }) => id) }, entry.shown)) return false;
      entry.shown = history.position;
    }
    return true;
  }

  async function askAgain(user: string): Promise<AccessSnapshot> {
    const atLeast = history?.position;
    const judge = history;
    const snapshot = await ask({ connection, user, ...(atLeast !== undefined && { atLeast }) }).catch(
      (error: unknown): AccessSnapshot => {
        if (rollcallError(error)?.reason !== 'ERROR_REASON_RESOURCE_NOT_FOUND') throw error;
        return { user, known: false, active: false, roles: [], groups: [], asOf: atLeast ?? 0 };
      },
    );
    const before = entries.get(user)?.snapshot;
    if (before && before.asOf > snapshot.asOf) return snapshot;
    const ends =
      snapshot.validUntil === undefined ? Number.POSITIVE_INFINITY : Date.parse(snapshot.validUntil);
    entries.set(user, { snapshot, history: judge, ends, shown: snapshot.asOf });
    for (const oldest of entries.keys()) {
      if (entries.size <= maxUsers) break;
      entries.delete(oldest);
    }
    if (before && !isSame(before, snapshot)) onChange?.(snapshot);
    return snapshot;
  }

  /** Asks again for everybody whose access may have changed. Who cannot be asked for now is tried again later. */
  async function renew(): Promise<void> {
    if (renewing) return;
    renewing = true;
    const users = [...entries].filter(([user, entry]) => !holds(user, entry)).map(([user]) => user);
    for (let start = 0; start < users.length && !stopped.signal.aborted; start += asksAtOnce) {
      const wanted = users.slice(start, start + asksAtOnce).filter((user) => entries.has(user));
      await Promise.allSettled(wanted.map(askAgain));
    }
    renewing = false;
  }

  async function follow(): Promise<void> {
    const { signal } = stopped;
    while (!signal.aborted) {
      try {
        for await (const { changes, position, ageMs } of watch({ connection, signal })) {
          const now = performance.now();
          history ??= createAffectedHistory(position, maxIds);
          history.advance(position, changes);
          if (ageMs !== undefined) readAt = now - ageMs;
          void renew();
        }
      } catch (error) {
        history = undefined;
        // Watched from now on, everything that is remembered is asked for again.
        if (rollcallError(error)?.reason !== 'ERROR_REASON_POSITION_PURGED') return;
      }
    }
  }

  const following = follow();
  return {
    async of(user) {
      const entry = entries.get(user);
      const isCurrent = performance.now() - readAt < maxStalenessMs;
      if (entry && isCurrent && Date.now() < entry.ends && holds(user, entry))
        return { ...entry.snapshot, asOf: entry.shown };
      return askAgain(user);
    },
    forget: (user) => void entries.delete(user),
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await following;
    },
  };
}

function isSame(before: AccessSnapshot, after: AccessSnapshot): boolean {
  return isDeepStrictEqual({ ...before, asOf: 0 }, { ...after, asOf: 0 });
}
