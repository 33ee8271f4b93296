import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';
import type { BatchState, ResourceWrite, StoredResource } from './batch-state.ts';
import type { Database } from './database.ts';
import { definitionsFingerprint } from './definitions.ts';
import {
  type ChangeDocument,
  changeKey,
  type EdgeDocument,
  edgeKey,
  keyParts,
  type ResourceDocument,
  resourceKey,
} from './documents.ts';
import { foldResource, lookupEntries, uniqueEntries } from './fold.ts';
import { roleMappingsDocument } from './role-mappings-store.ts';

/** Who wrote the change records of a batch. */
export interface ChangeOrigin {
  /** The request that made the change. */
  readonly requestId: string;
  /** When it arrived. */
  readonly time: Date;
}

/** Thrown when a unique index refuses a write; names the resource, whose command is then decided apart. */
export class DuplicateResourceError extends Error {
  /** The id of the resource that could not be written. */
  readonly id: string;
  constructor(id: string) {
    super('a unique value is taken');
    this.name = 'DuplicateResourceError';
    this.id = id;
  }
}

/** Whether an error is a unique index's refusal, and at which of the statement's documents. */
export function duplicateIndex(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 11000) return undefined;
  const [first] = 'writeErrors' in error && Array.isArray(error.writeErrors) ? error.writeErrors : [];
  return typeof first?.index === 'number' ? first.index : 0;
}

/**
 * Sends a batch's net writes, inside its transaction: documents, edges, change records, and the head last. One
 * statement per kind and collection, because mixed ones are several times slower on the embedded server.
 */
export async function writeBatch(
  database: Database,
  session: ClientSession,
  state: BatchState,
  origins: readonly ChangeOrigin[],
  batch: string,
): Promise<void> {
  const { settings, head } = state;
  const connection = settings.id;
  const now = origins[0]?.time ?? new Date(0);

  function folded({ type, id }: ResourceWrite, after: StoredResource) {
    const { resource, version, created, lastModified } = after;
    return {
      resource,
      fold: foldResource(type, resource),
      unique: uniqueEntries(type, id, resource),
      lookup: lookupEntries(type, resource),
      definitions: definitionsFingerprint(type),
      version,
      created,
      lastModified,
    };
  }

  async function refuseDuplicates(writes: readonly ResourceWrite[], statement: () => Promise<unknown>) {
    try {
      await statement();
    } catch (error) {
      const index = duplicateIndex(error);
      const write = index === undefined ? undefined : writes[index];
      throw write ? new DuplicateResourceError(write.id) : error;
    }
  }

  const writesByType = Map.groupBy(state.resourceWrites(), ({ type }) => type);
  for (const [type, writes] of writesByType) {
    const collection = database.resources(type);
    const deleted = writes.filter(({ before, after }) => before && !after);
    const updated = writes.filter(({ before, after }) => before && after);
    const created = writes.filter(({ before, after }) => !before && after);
    if (deleted.length > 0) {
      const keys = deleted.map(({ id }) => resourceKey(connection, id));
      for (const part of keyParts(keys))
        await collection.deleteMany(database.points(part, connection), { session });
    }
    const kept = writes.flatMap(({ id, kept }) => (kept ? [{ id, kept }] : []));
    if (kept.length > 0) {
      const operations = kept.map(({ id, kept: { resource, version, created, lastModified } }) => {
        const _id = resourceKey(connection, id);
        const replacement = { connection, resource, version, created, deleted: lastModified };
        // A caller that chooses ids may create and delete a user again.
        return { replaceOne: { filter: database.point(_id, connection), replacement, upsert: true } };
      });
      await database.deletedUsers.bulkWrite(operations, { session });
    }
    if (updated.length > 0) {
      const operations = updated.flatMap((write): AnyBulkWriteOperation<ResourceDocument>[] => {
        const { before, after } = write;
        if (!after) return [];
        // A membership change leaves the resource itself as it is: then two numbers are all that is sent.
        const set =
          before?.resource === after.resource
            ? { version: after.version, lastModified: after.lastModified }
            : folded(write, after);
        const filter = database.point(resourceKey(connection, write.id), connection);
        return [{ updateOne: { filter, update: { $set: set } } }];
      });
      await refuseDuplicates(updated, () => collection.bulkWrite(operations, { session }));
    }
    if (created.length > 0) {
      const documents = created.flatMap((write): ResourceDocument[] => {
        const { after } = write;
        if (!after) return [];
        const _id = resourceKey(connection, write.id);
        return [{ _id, connection, ordinal: after.ordinal, ...folded(write, after) }];
      });
      await refuseDuplicates(created, () => collection.insertMany(documents, { session }));
    }
  }

  const edges = state.edgeWrites();
  const removed = edges.filter(({ added }) => !added);
  if (removed.length > 0) {
    const keys = removed.map(({ edge }) => edgeKey(connection, edge.group, edge.member));
    for (const part of keyParts(keys))
      await database.memberships.deleteMany(database.points(part, connection), { session });
  }
  const added = edges.filter((write) => write.added);
  if (added.length > 0) {
    const documents = added.map(
      ({ edge: { group, member, kind } }): EdgeDocument => ({
        _id: edgeKey(connection, group, member),
        connection,
        group,
        member,
        kind,
        since: now,
      }),
    );
    await database.memberships.insertMany(documents, { session });
  }

  const base = head.position - state.changes.length;
  if (state.changes.length > 0) {
    const documents = state.changes.map((content, index): ChangeDocument => {
      const position = base + index + 1;
      const origin = origins[index];
      return {
        _id: changeKey(connection, position),
        connection,
        position,
        time: origin?.time ?? now,
        requestId: origin?.requestId ?? '',
        batch,
        content,
      };
    });
    await database.changes.insertMany(documents, { session });
  }

  if (state.roleMappingsVersions.length > 0) {
    const documents = state.roleMappingsVersions.map((version) => roleMappingsDocument(connection, version));
    await database.roleMappings.insertMany(documents, { session });
  }
  if (state.update) {
    const filter = database.point(connection, connection);
    await database.connections.updateOne(filter, { $set: state.update }, { session });
  }
  const { _id, connection: tenant, ...fields } = head;
  await database.heads.updateOne(database.point(_id, tenant), { $set: fields }, { session });
}
