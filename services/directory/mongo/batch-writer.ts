import type { ClientSession } from 'mongodb';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Edge } from '../decision.ts';
import type { BatchState, StoredResource } from './batch-state.ts';
import type { Database } from './database.ts';
import { definitionsFingerprint } from './definitions.ts';
import { changeKey, edgeKey, type HeadDocument, keyParts, resourceKey } from './documents.ts';
import { foldResource, lookupEntries, uniqueEntries } from './fold.ts';
import { roleMappingsDocument } from './role-mappings-store.ts';
import { sendWrites, type Write, writeTo } from './send-writes.ts';

/** Who wrote the change records of a batch. */
export interface ChangeOrigin {
  /** The request that made the change. */
  readonly requestId: string;
  /** When it arrived. */
  readonly time: Date;
}

/** Thrown when the head is not the one that a batch was decided on: another instance has written it. */
export class OtherHeadError extends Error {
  constructor() {
    super('the head was another one');
    this.name = 'OtherHeadError';
  }
}

/**
 * Sends a batch's net writes, inside its transaction: documents, edges, change records, and the head last.
 * @param batch names the transaction in its change records.
 * @param assumed the head that the batch was decided on, when the transaction has not read it.
 * @throws DuplicateResourceError, or OtherHeadError when the head is not the assumed one; then the transaction must end.
 */
export async function writeBatch(
  database: Database,
  session: ClientSession,
  { state, origins }: { readonly state: BatchState; readonly origins: readonly ChangeOrigin[] },
  batch: string,
  assumed: HeadDocument | undefined,
): Promise<void> {
  const { connection } = state.head;
  const writes = [
    ...resourceWrites(database, state),
    ...edgeWrites(database, state, origins[0]?.time ?? new Date(0)),
    ...changeWrites(database, state, origins, batch),
    ...state.roleMappingsVersions.map((version) =>
      writeTo(database.roleMappings, {
        insertOne: { document: roleMappingsDocument(connection, version) },
      }),
    ),
  ];
  if (state.update) {
    const filter = database.point(connection, connection);
    writes.push(writeTo(database.connections, { updateOne: { filter, update: { $set: state.update } } }));
  }
  writes.push(headWrite(database, state.head, assumed));
  const headsChanged = await sendWrites(database, session, writes);
  if (assumed && headsChanged === 0) throw new OtherHeadError();
}

function resourceWrites(database: Database, state: BatchState): readonly Write[] {
  const connection = state.settings.id;
  return [...Map.groupBy(state.resourceWrites(), ({ type }) => type)].flatMap(([type, changed]) => {
    const collection = database.resources(type);
    const key = ({ id }: { readonly id: string }) => resourceKey(connection, id);
    const deleted = changed.filter(({ before, after }) => before && !after).map(key);
    return [
      ...keyParts(deleted).map((part) =>
        writeTo(collection, { deleteMany: { filter: database.points(part, connection) } }),
      ),
      ...changed.flatMap(({ kept }): Write[] => {
        if (!kept) return [];
        const { resource, version, created, lastModified } = kept;
        const filter = database.point(key(kept), connection);
        const replacement = { connection, resource, version, created, deleted: lastModified };
        // A caller that chooses ids may create and delete a user again.
        return [writeTo(database.deletedUsers, { replaceOne: { filter, replacement, upsert: true } })];
      }),
      ...changed.flatMap(({ id, before, after }): Write[] => {
        if (!before || !after) return [];
        const { version, lastModified } = after;
        // A membership change leaves the resource itself as it is: then two numbers are all that is sent.
        const set =
          before.resource === after.resource ? { version, lastModified } : foldedFields(type, after);
        const filter = database.point(key(after), connection);
        return [writeTo(collection, { updateOne: { filter, update: { $set: set } } }, id)];
      }),
      ...changed.flatMap(({ id, before, after }): Write[] => {
        if (before || !after) return [];
        const document = {
          _id: key(after),
          connection,
          ordinal: after.ordinal,
          ...foldedFields(type, after),
        };
        return [writeTo(collection, { insertOne: { document } }, id)];
      }),
    ];
  });
}

function foldedFields(type: ResourceType, { id, resource, version, created, lastModified }: StoredResource) {
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

function edgeWrites(database: Database, state: BatchState, since: Date): readonly Write[] {
  const connection = state.settings.id;
  const changed = state.edgeWrites();
  const key = ({ group, member }: Edge) => edgeKey(connection, group, member);
  const removed = changed.filter(({ added }) => !added).map(({ edge }) => key(edge));
  return [
    ...keyParts(removed).map((part) =>
      writeTo(database.memberships, { deleteMany: { filter: database.points(part, connection) } }),
    ),
    ...changed
      .filter(({ added }) => added)
      .map(({ edge }) => {
        const { group, member, kind } = edge;
        const document = { _id: key(edge), connection, group, member, kind, since };
        return writeTo(database.memberships, { insertOne: { document } });
      }),
  ];
}

function changeWrites(
  database: Database,
  { settings: { id: connection }, head, changes }: BatchState,
  origins: readonly ChangeOrigin[],
  batch: string,
): readonly Write[] {
  const first = head.position - changes.length + 1;
  return changes.map((content, index) => {
    const position = first + index;
    const { time = new Date(0), requestId = '' } = origins[index] ?? {};
    const _id = changeKey(connection, position);
    const document = { _id, connection, position, time, requestId, batch, content };
    return writeTo(database.changes, { insertOne: { document } });
  });
}

function headWrite(database: Database, head: HeadDocument, assumed: HeadDocument | undefined): Write {
  const { _id, connection, ...fields } = head;
  const filter = database.point(_id, connection);
  if (!assumed) return writeTo(database.heads, { updateOne: { filter, update: { $set: fields } } });
  // It stays as it is unless it is the one assumed. A condition in the filter is a scan on the embedded server.
  const isAssumed = { $eq: ['$$ROOT', { $literal: assumed }] };
  const replacement = { $cond: [isAssumed, { $literal: head }, '$$ROOT'] };
  return writeTo(database.heads, { updateOne: { filter, update: [{ $replaceWith: replacement }] } });
}
