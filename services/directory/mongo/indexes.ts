import type { SchemaRegistry } from '#scim/schema-registry.ts';
import type { Database } from './database.ts';

/** Creates the indexes that are missing; every one but that of the expiry begins with the tenant. Safe to repeat and to run side by side. */
export async function createIndexes(database: Database, registry: SchemaRegistry): Promise<void> {
  for (const type of registry.resourceTypes) {
    await database.resources(type).createIndexes([
      // One owner per unique value; `userName eq`, and the check before a write.
      { key: { connection: 1, unique: 1 }, unique: true },
      // `externalId eq`, `emails.value eq` and other equalities by which clients match.
      { key: { connection: 1, lookup: 1 } },
      // Lists and walks in the order of creation.
      { key: { connection: 1, ordinal: 1 } },
    ]);
  }
  await database.memberships.createIndexes([
    // A group's members, and whether one is among them.
    { key: { connection: 1, group: 1, member: 1 } },
    // The groups of a member.
    { key: { connection: 1, member: 1, group: 1 } },
    // The groups in groups, without reading past the users in them.
    { key: { connection: 1, kind: 1, group: 1 }, partialFilterExpression: { kind: 'Group' } },
  ]);
  // What is removed with a connection; all else is read by key.
  await database.deletedUsers.createIndexes([{ key: { connection: 1 } }]);
  // The consumers of a connection.
  await database.consumers.createIndexes([{ key: { connection: 1 } }]);
  // What is removed with a connection; all else is read by key.
  await database.roleMappings.createIndexes([{ key: { connection: 1 } }]);
  // Connections in which a validity date takes effect.
  await database.heads.createIndexes([{ key: { 'roleMappings.nextEdge': 1 }, sparse: true }]);
  await database.exchanges.createIndexes([
    // The sync log of a connection, newest first.
    { key: { connection: 1, time: 1 } },
    // The server itself removes what is old.
    { key: { expire: 1 }, expireAfterSeconds: 0 },
  ]);
}
