import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#runtime/logger.ts';
import { isConnectionGone } from '../errors.ts';
import type { Committer } from '../mongo/commit-queues.ts';
import type { Database } from '../mongo/database.ts';
import { type HeadDocument, noRoleMappings } from '../mongo/documents.ts';
import type { Heads } from '../mongo/heads.ts';
import { recordHolders } from './access-commands.ts';
import type { RoleLoader } from './role-loader.ts';
import type { RoleReads } from './role-reads.ts';

/**
 * Records when a protected role loses its last holder. What is recorded stands in the heads, so that any directory takes up
 * what another one left.
 */
export interface HolderWatch extends AsyncDisposable {
  /** Told of every commit of this process. Returns at once: no write waits for what is looked up then. */
  committed(head: HeadDocument): void;
  /** Begins; looks at the protected roles of all connections once, for what an earlier process did not come to. */
  start(): Promise<void>;
}

/** What the watch works with. */
export interface HolderWatchOptions {
  /** Where heads are read. */
  readonly database: Database;
  /** Reads that agree with a position. */
  readonly heads: Heads;
  /** Commits the records. */
  readonly committer: Committer;
  /** Reads mappings. */
  readonly loader: RoleLoader;
  /** Says which roles nobody has. */
  readonly reads: Pick<RoleReads, 'unheld'>;
  /** Gives the time, in milliseconds since 1970. */
  readonly clock: () => number;
  /** Gets the losses, at `warn`. */
  readonly logger: Logger;
}

// Looking for holders takes at most a tenth of the time, however often a connection is written.
const restFactor = 10;
const leastRestMs = 50;
const lookMs = 60_000;

/** Makes the watch. Disposing it stops after what is under way. */
export function createHolderWatch(options: HolderWatchOptions): HolderWatch {
  const { database, heads, committer, loader, reads, clock, logger } = options;
  const stopped = new AbortController();
  /** Connections whose holders are looked at, and whether they were written again meanwhile. */
  const looking = new Map<string, { again: boolean; readonly done: Promise<void> }>();

  const rest = (ms: number) =>
    delay(ms, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
  /** Whether what was found out could be recorded, or has to be found out again. */
  async function look(connection: string): Promise<boolean> {
    const limits = { signal: stopped.signal, deadline: Date.now() + lookMs };
    const { asOf, result } = await heads.consistent(connection, {}, limits, async (head, session) => {
      const state = head.roleMappings ?? noRoleMappings;
      const { mappings } = await loader.current(head, session);
      return { state, unheld: await reads.unheld(head, mappings, state.protectedRoles, session) };
    });
    const { state, unheld } = result;
    if (unheld.join() === state.unheld.join()) return true;
    const record = recordHolders(connection, { unheld, position: asOf }, new Date(clock()));
    const { stale, lost } = await committer.submit(record);
    for (const role of lost) logger.warn({ connection, role }, 'a protected role has lost its last holder');
    return !stale;
  }

  async function lookUntilQuiet(connection: string, turn: { again: boolean }) {
    while (turn.again && !stopped.signal.aborted) {
      turn.again = false;
      const started = performance.now();
      try {
        if (!(await look(connection))) turn.again = true;
      } catch (err) {
        if (stopped.signal.aborted || isConnectionGone(err)) return;
        logger.warn({ err, connection }, 'the holders of protected roles are not known yet; trying again');
        turn.again = true;
      }
      await rest(Math.max(leastRestMs, restFactor * (performance.now() - started)));
    }
  }

  function lookAt(connection: string) {
    const known = looking.get(connection);
    if (known) known.again = true;
    if (known || stopped.signal.aborted) return;
    const turn = { again: true };
    const done = lookUntilQuiet(connection, turn).finally(() => looking.delete(connection));
    looking.set(connection, Object.assign(turn, { done }));
  }

  return {
    committed({ connection, roleMappings }) {
      if (roleMappings && roleMappings.protectedRoles.length > 0) lookAt(connection);
    },
    async start() {
      const found = await database.heads
        .find({ 'roleMappings.protectedRoles.0': { $exists: true } }, { projection: { connection: 1 } })
        .toArray();
      for (const { connection } of found) lookAt(connection);
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await Promise.allSettled([...looking.values()].map(({ done }) => done));
    },
  };
}
