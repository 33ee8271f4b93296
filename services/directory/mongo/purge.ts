import { setTimeout as delay } from 'node:timers/promises';
import type { Collection, Filter } from 'mongodb';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Logger } from '#runtime/logger.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import type { Database } from './database.ts';
import {
  type ConsumerDocument,
  changeKey,
  type DeletedUserDocument,
  type EdgeDocument,
  type ExchangeDocument,
  type ResourceDocument,
  type RoleMappingsDocument,
} from './documents.ts';
import { retentionChunk } from './retention.ts';

/** Removes everything that a deleted connection holds. */
export interface Purge extends AsyncDisposable {
  /** Starts on a connection whose status is DELETING; repeated calls are harmless. */
  start(connection: string): void;
  /** Takes up what a process that ended left behind. */
  resume(): Promise<void>;
}

const chunk = 1_000;
const retryMs = 1_000;

/** Starts the purge. Disposing it stops after the chunk that is under way; `resume` goes on with the rest. */
export function createPurge(database: Database, registry: SchemaRegistry, logger: Logger): Purge {
  const running = new Map<string, Promise<void>>();
  const stopped = new AbortController();

  async function removeFrom<
    Owned extends
      | ConsumerDocument
      | DeletedUserDocument
      | EdgeDocument
      | ExchangeDocument
      | RoleMappingsDocument
      | ResourceDocument,
  >(collection: Collection<Owned>, connection: string) {
    while (!stopped.signal.aborted) {
      const owned: Filter<Owned> = { connection } as Filter<Owned>;
      const found = await collection.find(owned, { projection: { _id: 1 }, limit: chunk }).toArray();
      if (found.length === 0) return;
      const keys = found.map(({ _id }) => _id);
      await collection.deleteMany(database.points(keys, connection) as Filter<Owned>);
    }
  }

  // By key: the log has no other index, and its keys are known.
  async function removeChanges(connection: string) {
    const head = await database.heads.findOne(database.point(connection, connection));
    const last = head?.position ?? 0;
    // Where retention ended half-way, records are left below the floor.
    const lowest = Math.max(1, (head?.floor ?? 1) - retentionChunk);
    for (let first = lowest; first <= last && !stopped.signal.aborted; first += chunk) {
      const count = Math.min(chunk, last - first + 1);
      const keys = Array.from({ length: count }, (_, index) => changeKey(connection, first + index));
      await database.changes.deleteMany(database.points(keys, connection));
    }
  }

  async function removeAll(connection: string) {
    await removeFrom(database.memberships, connection);
    for (const type of registry.resourceTypes) await removeFrom(database.resources(type), connection);
    await removeFrom(database.deletedUsers, connection);
    await removeChanges(connection);
    await removeFrom(database.consumers, connection);
    await removeFrom(database.roleMappings, connection);
    await removeFrom(database.exchanges, connection);
    if (stopped.signal.aborted) return;
    await database.heads.deleteOne(database.point(connection, connection));
    await database.connections.deleteOne(database.point(connection, connection));
    logger.info({ connection }, 'a deleted connection is gone');
  }

  async function purge(connection: string) {
    while (!stopped.signal.aborted) {
      try {
        return await removeAll(connection);
      } catch (error) {
        if (stopped.signal.aborted) return;
        logger.warn({ err: error, connection }, 'a deleted connection is not removed yet; trying again');
        await delay(retryMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      }
    }
  }

  function start(connection: string) {
    if (running.has(connection) || stopped.signal.aborted) return;
    running.set(
      connection,
      purge(connection).finally(() => running.delete(connection)),
    );
  }

  return {
    start,
    async resume() {
      const connections = await database.connections
        .find({ status: ConnectionStatus.DELETING }, { projection: { _id: 1 } })
        .toArray();
      for (const { _id } of connections) start(_id);
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await Promise.allSettled(running.values());
    },
  };
}
