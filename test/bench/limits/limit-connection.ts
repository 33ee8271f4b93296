import { randomBytes } from 'node:crypto';
import { v7 as newUuid } from 'uuid';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { JsonObject } from '#scim/json.ts';
import type { Database } from '../../../services/directory/mongo/database.ts';
import {
  type EdgeDocument,
  edgeKey,
  keyParts,
  type ResourceDocument,
  resourceKey,
} from '../../../services/directory/mongo/documents.ts';
import { userResource } from '../scim-resources.ts';

/** A connection that only limits write. */
export interface LimitConnection {
  /** Its id. */
  readonly id: string;
  /** The ids of its users. */
  readonly users: readonly string[];
  /** The id of its group, whose members are nobody who is stored: a membership alone is written and read. */
  readonly group: string;
}

/** A user as the directory stores one, made without any of its code that decides, checks or folds. */
export function limitUser(connection: string, ordinal: number, sent: JsonObject): ResourceDocument {
  const { schemas: _, ...resource } = sent;
  const id = newUuid();
  const now = new Date();
  return {
    _id: resourceKey(connection, id),
    connection,
    ordinal,
    resource,
    fold: resource,
    unique: [`id=${id}`, `userName=${resource.userName}`],
    lookup: [`externalId=${resource.externalId}`, `emails.value=${resource.userName}`],
    definitions: 'limit',
    version: 1,
    created: now,
    lastModified: now,
  };
}

/** A membership as the directory stores one. */
export function limitEdge(connection: string, group: string, member: string): EdgeDocument {
  const _id = edgeKey(connection, group, member);
  return { _id, connection, group, member, kind: 'User', since: new Date() };
}

/** Makes a connection with so many users, and with a group of so many members; none when absent. */
export async function createLimitConnection(
  limits: Database,
  { users = 0, members = 0 }: { readonly users?: number; readonly members?: number },
): Promise<LimitConnection> {
  const connection = randomBytes(8).toString('hex');
  const group = newUuid();
  const documents = Array.from({ length: users }, (_, index) =>
    limitUser(connection, index + 1, userResource(`limit-${index}`)),
  );
  const ids = documents.map(({ _id }) => _id.slice(connection.length + 1));
  const groupUser = limitUser(connection, 1, { displayName: 'limit' });
  await limits.heads.insertOne({
    _id: connection,
    connection,
    position: 0,
    floor: 1,
    users,
    groups: 1,
    nextUser: users + 1,
    nextGroup: 2,
    draining: [],
    status: ConnectionStatus.ACTIVE,
  });
  for (const part of keyParts(documents))
    await limits.db.collection<ResourceDocument>('users').insertMany([...part]);
  await limits.db
    .collection<ResourceDocument>('groups')
    .insertOne({ ...groupUser, _id: resourceKey(connection, group), unique: [`id=${group}`], lookup: [] });
  const edges = Array.from({ length: members }, () => limitEdge(connection, group, newUuid()));
  for (const part of keyParts(edges)) await limits.memberships.insertMany([...part]);
  return { id: connection, users: ids, group };
}
