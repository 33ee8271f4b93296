import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ClientSession } from 'mongodb';
import type { Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import { connectionNotFound } from '../errors.ts';
import type { Database } from './database.ts';
import { databaseUnavailable } from './database-error.ts';
import { registryFingerprint } from './definitions.ts';
import type { HeadDocument } from './documents.ts';

/** The resource types of connections: the built-in ones with the extensions that each declares. */
export interface ConnectionTypes {
  /** The types without any declared extension. */
  readonly builtIn: SchemaRegistry;
  /** The fingerprint of the built-in ones; see `FoldedBy`. */
  readonly builtInFingerprint: string;
  /** The types by which a head's connection goes. CONNECTION_NOT_FOUND. */
  of(head: HeadDocument, session?: ClientSession): Promise<SchemaRegistry>;
}

const maxRegistries = 1_000;
// A change of the declarations between the reads of head and connection is rare, two are rarer.
const maxAttempts = 5;

/** Names a set of declared extensions: another set has another name, and none at all the empty one. */
export function extensionsRevision(extensions: readonly Extension[]): string {
  if (extensions.length === 0) return '';
  return createHash('sha256').update(JSON.stringify(extensions)).digest('hex').slice(0, 16);
}

/** The type as a registry has it, which may know more extensions of it. */
export function typeIn(registry: SchemaRegistry, { name }: Pick<ResourceType, 'name'>): ResourceType {
  const type = registry.resourceType(name);
  if (!type) throw new TypeError(`no resource type ${name}`);
  return type;
}

/** Makes the types of connections. Heads carry only the revision of the declarations, which are read once for each. */
export function createConnectionTypes(database: Database, builtIn: SchemaRegistry): ConnectionTypes {
  const known = new LRUCache<string, SchemaRegistry>({ max: maxRegistries });
  return {
    builtIn,
    builtInFingerprint: registryFingerprint(builtIn),
    async of(head, session) {
      const { connection } = head;
      const options = session ? { session } : {};
      let revision = head.settings?.extensionsRevision ?? '';
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        if (revision === '') return builtIn;
        const key = `${connection}/${revision}`;
        const registry = known.get(key);
        if (registry) return registry;
        const found = await database.connections.findOne(database.point(connection, connection), options);
        if (!found) throw connectionNotFound(connection);
        if (found.extensionsRevision === revision) {
          known.set(key, createDeclaredRegistry(found.extensions ?? []));
          continue;
        }
        const current = await database.heads.findOne(database.point(connection, connection), options);
        revision = current?.settings?.extensionsRevision ?? '';
      }
      throw databaseUnavailable();
    },
  };
}
