import { LRUCache } from 'lru-cache';
import type { HeadDocument } from './documents.ts';

/** The heads that the last commits of this process have left: what a transaction would read unless another instance wrote. */
export interface KnownHeads {
  /** The head of a connection, as far as it is known. */
  get(connection: string): HeadDocument | undefined;
  /** Notes what a commit has left. */
  committed(head: HeadDocument): void;
  /** Forgets the head of a connection after a transaction that failed. */
  forget(connection: string): void;
  /** Notes that another instance writes a connection: for a minute its head is not known. */
  shared(connection: string): void;
}

const maxConnections = 10_000;
const sharedMs = 60_000;

/** Makes an empty one. */
export function createKnownHeads(): KnownHeads {
  const heads = new LRUCache<string, HeadDocument>({ max: maxConnections });
  const shared = new LRUCache<string, true>({ max: maxConnections, ttl: sharedMs });
  return {
    get: (connection) => heads.get(connection),
    committed(head) {
      if (!shared.has(head.connection)) heads.set(head.connection, head);
    },
    forget: (connection) => void heads.delete(connection),
    shared(connection) {
      heads.delete(connection);
      shared.set(connection, true);
    },
  };
}
