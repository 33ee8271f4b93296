import { randomUUID } from 'node:crypto';
import type { ClientSession, Collection, Document } from 'mongodb';
import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import type { ChangeContent } from '../../../services/directory/decision.ts';
import type { Database } from '../../../services/directory/mongo/database.ts';
import {
  changeKey,
  edgeKey,
  type HeadDocument,
  idOfKey,
  type ResourceDocument,
  resourceKey,
} from '../../../services/directory/mongo/documents.ts';
import { limitEdge, limitUser } from './limit-connection.ts';
import type { LimitDatabases } from './limit-databases.ts';

/**
 * What a SCIM request asks of the database, without SCIM. Reads are of the product's own documents, writes of those of
 * a connection of the limits; each write is one durable transaction that moves the head and leaves a change record.
 */
export type DatabaseCall =
  | { readonly do: 'get-user'; readonly connection: string; readonly id: string }
  | {
      readonly do: 'find-user';
      readonly connection: string;
      readonly index: 'unique' | 'lookup';
      readonly entry: string;
    }
  | { readonly do: 'read-users'; readonly connection: string; readonly ids: readonly string[] }
  | { readonly do: 'create-user'; readonly connection: string; readonly resource: JsonObject }
  | {
      readonly do: 'patch-user';
      readonly connection: string;
      readonly id: string;
      readonly active: boolean;
    }
  | {
      readonly do: 'add-member' | 'remove-member';
      readonly connection: string;
      readonly group: string;
      readonly member: string;
    };

type MemberCall = Extract<DatabaseCall, { readonly group: string }>;

/** Does calls. Those that write one connection go one after the other: its head is in each of them. */
export interface DatabaseWork {
  /** Does a call and answers what a client would be told of; null for nothing. */
  run(call: DatabaseCall): Promise<JsonValue>;
  /** Runs writes in one durable transaction after a read of the connection's head, and moves that by `changes`. */
  transaction(
    connection: string,
    changes: readonly ChangeContent[],
    write: (session: ClientSession, head: HeadDocument) => Promise<unknown>,
  ): Promise<void>;
}

/** Makes what does the calls. */
export function createDatabaseWork({ product, limits }: LimitDatabases): DatabaseWork {
  const usersOf = ({ db }: Database): Collection<ResourceDocument> => db.collection('users');
  const groups: Collection<ResourceDocument> = limits.db.collection('groups');
  const queues = new Map<string, Promise<unknown>>();

  /** Lets the writes of a connection follow each other. */
  function inTurn<Result>(connection: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (queues.get(connection) ?? Promise.resolve()).then(work, work);
    queues.set(connection, turn);
    return turn;
  }

  async function transact(...[connection, changes, write]: Parameters<DatabaseWork['transaction']>) {
    await using session = limits.client.startSession();
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority', journal: true },
    });
    const head = await limits.heads.findOne({ _id: connection }, { session });
    if (!head) throw new Error('the connection of the limit is not there');
    await write(session, head);
    const time = new Date();
    const batch = randomUUID();
    const records = changes.map((content, index) => {
      const position = head.position + index + 1;
      return {
        _id: changeKey(connection, position),
        connection,
        position,
        time,
        requestId: batch,
        batch,
        content,
      };
    });
    await limits.changes.insertMany(records, { session });
    const moved = { position: head.position + changes.length };
    await limits.heads.updateOne({ _id: connection }, { $set: moved }, { session });
    await session.commitTransaction();
  }
  const transaction: DatabaseWork['transaction'] = (connection, changes, write) =>
    inTurn(connection, () => transact(connection, changes, write));

  /** The groups that users are in, as a user is shown with them. */
  async function edgesOf(connection: string, ids: readonly string[]): Promise<JsonValue> {
    const found = await product.memberships
      .find(
        { connection, member: { $in: [...ids] } },
        { projection: { _id: 0, group: 1, member: 1, kind: 1 } },
      )
      .toArray();
    return found.map(({ group, member, kind }) => ({ group, member, kind }));
  }

  async function changeMember(call: MemberCall): Promise<JsonValue> {
    const { connection, group, member } = call;
    const _id = edgeKey(connection, group, member);
    await transaction(connection, [memberChange(call)], async (session) => {
      await groups.findOne({ _id: resourceKey(connection, group) }, { session });
      await limits.memberships.findOne({ _id }, { session });
      const version = { $set: { lastModified: new Date() }, $inc: { version: 1 } };
      await groups.updateOne({ _id: resourceKey(connection, group) }, version, { session });
      if (call.do === 'add-member')
        await limits.memberships.insertOne(limitEdge(connection, group, member), { session });
      else await limits.memberships.deleteOne({ _id }, { session });
    });
    return null;
  }

  async function run(call: DatabaseCall): Promise<JsonValue> {
    const { connection } = call;
    switch (call.do) {
      case 'get-user': {
        const [user, edges] = await Promise.all([
          usersOf(product).findOne({ _id: resourceKey(connection, call.id) }),
          edgesOf(connection, [call.id]),
        ]);
        return { ...shown(user), groups: edges };
      }
      case 'find-user': {
        const user = await usersOf(product).findOne({ connection, [call.index]: call.entry });
        return { ...shown(user), groups: await edgesOf(connection, [idOfKey(user?._id ?? '')]) };
      }
      case 'read-users': {
        const keys = call.ids.map((id) => resourceKey(connection, id));
        const [users, edges] = await Promise.all([
          usersOf(product)
            .find({ _id: { $in: keys } })
            .toArray(),
          edgesOf(connection, call.ids),
        ]);
        return { Resources: users.map(shown), groups: edges };
      }
      case 'create-user': {
        let created: Document | undefined;
        await transaction(connection, [userChange(ResourceAction.CREATED)], async (session, head) => {
          created = limitUser(connection, head.position, call.resource);
          await usersOf(limits).insertOne(created as ResourceDocument, { session });
        });
        return shown(created);
      }
      case 'patch-user': {
        let patched: Document | undefined;
        const _id = resourceKey(connection, call.id);
        await transaction(connection, [userChange(ResourceAction.UPDATED)], async (session) => {
          const user = await usersOf(limits).findOne({ _id }, { session });
          if (!user) throw new Error('the user of the limit is not there');
          const resource = { ...user.resource, active: call.active };
          const { unique, lookup, definitions, created, version } = user;
          const lastModified = new Date();
          const set = { unique, lookup, definitions, created, lastModified, version: version + 1 };
          await usersOf(limits).updateOne(
            { _id },
            { $set: { ...set, resource, fold: resource } },
            { session },
          );
          patched = { ...user, resource };
        });
        return shown(patched);
      }
      case 'add-member':
      case 'remove-member':
        return await changeMember(call);
      default:
        return call satisfies never;
    }
  }

  return { run, transaction };
}

function shown(document: Document | null | undefined): JsonObject {
  if (!document) throw new Error('the document of the limit is not there');
  return { id: idOfKey(document._id), ...document.resource };
}

function userChange(action: ResourceAction): ChangeContent {
  const id = randomUUID();
  return { kind: 'resource', resourceType: 'User', id, action, version: 1, active: true, attributes: [] };
}

function memberChange({ do: what, group, member }: MemberCall): ChangeContent {
  const [added, removed] = what === 'add-member' ? [[member], []] : [[], [member]];
  return { kind: 'membership', group, added, removed, version: 1 };
}
