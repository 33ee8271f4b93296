import { LRUCache } from 'lru-cache';
import { Counter, Gauge, type Registry } from 'prom-client';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Freshness } from '#proto/rollcall/directory/v1/reads.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { createAccessReads } from './access-reads.ts';
import type { AffectedHistory, AnswerSubject } from './affected-history.ts';
import { type ConnectionWatch, watchConnection } from './connection-watch.ts';
import type { CallOptions, DirectoryClient } from './directory-client.ts';
import type { GroupOfUser } from './group-of-user.ts';
import type { RolesOfUser } from './role-answer.ts';

/** The answer of `access.snapshot`. */
export interface AccessSnapshot extends RolesOfUser {
  /** The groups of an active user, nested ones included, each once. */
  groups: GroupOfUser[];
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** Answers what a session needs of a user, from memory where that is current enough. */
export interface AccessCache extends Disposable {
  /** The snapshot of a user, as current as is asked. Fails with RESOURCE_NOT_FOUND. */
  snapshot(
    connection: string,
    user: string,
    freshness: Freshness,
    call: CallOptions,
  ): Promise<AccessSnapshot>;
  /**
   * The snapshot of a user from which a narrower question can be answered too; undefined where the directory has to be
   * asked that question itself: for what must be fresh and is not remembered, and for users that there are not.
   */
  snapshotFor(
    connection: string,
    user: string,
    freshness: Freshness,
    call: CallOptions,
  ): Promise<AccessSnapshot | undefined>;
}

/** What the cache is made of. */
export interface AccessCacheOptions {
  /** Answers what is not remembered. */
  readonly directory: Pick<DirectoryClient, 'roles' | 'changes'>;
  /** An answer from memory lacks nothing that was acknowledged longer ago, in milliseconds; 0 remembers nothing. */
  readonly maxStalenessMs: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds on a clock that only goes forward. */
  readonly elapsed: () => number;
  /** Gets how often memory answered, and how old it is. */
  readonly metrics: Registry | undefined;
}

interface Entry {
  readonly snapshot: AccessSnapshot;
  readonly subject: AnswerSubject;
  /** By what the entry is judged; what another history says of positions means nothing for it. */
  readonly history: AffectedHistory;
  /** When a validity date alters it, in milliseconds since 1970. */
  readonly ends: number;
  /** The position up to which it is known to hold. */
  shown: number;
}

/** A question that the directory has not answered yet. */
interface Reading {
  readonly begun: number;
  readonly atLeast: number;
  readonly answer: Promise<AccessSnapshot>;
}

type Outcome = 'hit' | 'miss' | 'stale' | 'newer';

const keyOf = (connection: string, user: string) => `${connection}/${user}`;

/** Of JSON text; the objects take a few times as much. */
const maxBytes = 64 * 1024 * 1024;
const minSilenceMs = 500;

/** Makes the cache. It watches each connection that is asked about; disposing it ends that. */
export function createAccessCache(options: AccessCacheOptions): AccessCache {
  const { directory, maxStalenessMs, clock, elapsed } = options;
  const stopped = new AbortController();
  const watches = new Map<string, ConnectionWatch>();
  const entries = new LRUCache<string, Entry>({
    maxSize: maxBytes,
    sizeCalculation: ({ snapshot }) => JSON.stringify(snapshot).length,
  });
  const readings = new Map<string, Reading>();
  const counts: Record<Outcome, number> = { hit: 0, miss: 0, stale: 0, newer: 0 };
  if (options.metrics) addMetrics(options.metrics, counts, watches, () => entries.calculatedSize);
  const reads = createAccessReads(directory);

  function watch(connection: string): ConnectionWatch {
    const known = watches.get(connection);
    known?.keepAlive();
    if (known) return known;
    const opened = watchConnection(connection, {
      directory,
      elapsed,
      maxSilenceMs: Math.max(maxStalenessMs, minSilenceMs),
      signal: stopped.signal,
      onEnd: () => watches.delete(connection),
    });
    watches.set(connection, opened);
    return opened;
  }

  function find(
    watched: ConnectionWatch,
    key: string,
    { atLeast, fresh }: Freshness,
  ): Outcome | AccessSnapshot {
    if (fresh) return 'newer';
    if (watched.age() >= maxStalenessMs) return 'stale';
    const entry = entries.get(key);
    const { history } = watched;
    if (!entry || !history) return 'miss';
    if (entry.history !== history || clock() >= entry.ends || !history.holds(entry.subject, entry.shown)) {
      entries.delete(key);
      return 'miss';
    }
    entry.shown = Math.max(entry.shown, history.position);
    if (atLeast !== undefined && atLeast > entry.shown) return 'newer';
    return { ...entry.snapshot, asOf: entry.shown };
  }

  /** What is remembered, if it still holds once memory knows as much as is asked: one small question for all users. */
  async function renew(
    watched: ConnectionWatch,
    key: string,
    freshness: Freshness,
  ): Promise<AccessSnapshot | undefined> {
    if (!entries.has(key)) return undefined;
    try {
      await watched.catchUp(freshness);
    } catch {
      // Who asks for the user itself is told what is wrong.
      return undefined;
    }
    const found = find(watched, key, { ...freshness, fresh: false });
    return typeof found === 'string' ? undefined : found;
  }

  function remember({ history }: ConnectionWatch, key: string, snapshot: AccessSnapshot): void {
    if (!history) return;
    const { user, groups, validUntil, asOf } = snapshot;
    const subject = { user, groups: groups.map(({ id }) => id) };
    const ends = validUntil === undefined ? Number.POSITIVE_INFINITY : Date.parse(validUntil);
    entries.set(key, { snapshot, subject, history, ends, shown: asOf });
  }

  const cache: AccessCache = {
    async snapshot(connection, user, freshness, call) {
      const subject = { connectionId: connection, freshness };
      if (maxStalenessMs === 0) return reads.ask(subject, user, call.signal);
      const watched = watch(connection);
      const key = keyOf(connection, user);
      const found = find(watched, key, freshness);
      counts[typeof found === 'string' ? found : 'hit']++;
      if (typeof found !== 'string') return found;
      const renewed = found === 'miss' ? undefined : await renew(watched, key, freshness);
      if (renewed) return renewed;
      const { fresh, atLeast = 0 } = freshness;
      const reading = readings.get(key);
      // Who asks for the same meanwhile shares the answer, which is no older than one from memory may be.
      if (reading && !fresh && atLeast <= reading.atLeast && elapsed() - reading.begun < maxStalenessMs)
        return reading.answer;
      // So it goes on when the first who asked is gone.
      const answer = reads
        .ask(subject, user)
        .then((snapshot) => {
          remember(watched, key, snapshot);
          return snapshot;
        })
        .finally(() => {
          if (readings.get(key)?.answer === answer) readings.delete(key);
        });
      readings.set(key, { begun: elapsed(), atLeast, answer });
      return answer;
    },
    async snapshotFor(connection, user, freshness, call) {
      if (maxStalenessMs === 0 || (freshness.fresh && !entries.has(keyOf(connection, user))))
        return undefined;
      try {
        return await cache.snapshot(connection, user, freshness, call);
      } catch (error) {
        if (error instanceof RpcError && error.reason === ErrorReason.RESOURCE_NOT_FOUND) return undefined;
        throw error;
      }
    },
    [Symbol.dispose]: () => stopped.abort(),
  };
  return cache;
}

function addMetrics(
  metrics: Registry,
  counts: Readonly<Record<Outcome, number>>,
  watches: ReadonlyMap<string, ConnectionWatch>,
  size: () => number,
): void {
  const registers = [metrics];
  new Gauge({
    name: 'rollcall_access_cache_staleness_seconds',
    help: 'The age of the newest reading of a watched connection, of the connection where that is oldest.',
    registers,
    collect() {
      const ages = [...watches.values()].map((watch) => watch.age()).filter(Number.isFinite);
      this.set(Math.max(0, ...ages) / 1_000);
    },
  });
  new Gauge({
    name: 'rollcall_access_cache_bytes',
    help: 'The size of the remembered answers, as JSON text.',
    registers,
    collect() {
      this.set(size());
    },
  });
  new Gauge({
    name: 'rollcall_access_watched_connections',
    help: 'Connections whose changes are followed, because they were asked about in the last minute.',
    registers,
    collect() {
      this.set(watches.size);
    },
  });
  new Counter({
    name: 'rollcall_access_cache_answers_total',
    help: 'Questions about users: answered from memory (hit), not remembered or changed since (miss), the changes of the connection not known currently enough (stale), or asked for something newer (newer).',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(counts)) this.inc({ outcome }, count);
    },
  });
}
