import { LRUCache } from 'lru-cache';
import type { ConnectionSettings } from '../decision.ts';
import { connectionNotFound } from '../errors.ts';
import type { Database } from './database.ts';

const maxConnections = 10_000;
const maxAgeMs = 1_000;

/** Reads connections' settings, at most once a second each. CONNECTION_NOT_FOUND. */
export function createSettings(database: Database): (connection: string) => Promise<ConnectionSettings> {
  const cache = new LRUCache<string, ConnectionSettings>({
    max: maxConnections,
    ttl: maxAgeMs,
    fetchMethod: async (id) => {
      const found = await database.connections.findOne(database.point(id, id));
      return found ? { id, uniqueGroupNames: found.uniqueGroupNames } : undefined;
    },
  });
  return async (connection) => {
    const settings = await cache.fetch(connection);
    if (!settings) throw connectionNotFound(connection);
    return settings;
  };
}
