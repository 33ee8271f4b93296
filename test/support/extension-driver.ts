import assert from 'node:assert/strict';
import {
  type Connection,
  DeclareExtensionRequest,
  RemoveExtensionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ListUsersRequest } from '#proto/rollcall/directory/v1/user_service.ts';
import type { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import type { User } from '#proto/rollcall/scim/v1/user.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { type ConnectionDriver, idOf, operation } from './connection-driver.ts';
import type { DirectoryClients } from './directory.ts';

/** An extension, in part. */
export type PartialExtension = NonNullable<
  Parameters<typeof DeclareExtensionRequest.fromPartial>[0]['extension']
>;
/** An attribute of one, in part. */
export type PartialAttribute = NonNullable<NonNullable<PartialExtension['schema']>['attributes']>[number];

/** The URN of the extension of users that tests declare unless they say another. */
export const badge = 'urn:example:params:scim:schemas:Badge:1.0:User';
/** An attribute of it. */
export const number = { name: 'number', type: 'string' } as const;

/** An extension of these attributes. */
export function extension(attributes: readonly PartialAttribute[], id = badge, resourceType = 'User') {
  return { resourceType, schema: { id, attributes: [...attributes] } };
}

/** Calls the directory about what connections declare. */
export function driveExtensions(clients: () => DirectoryClients) {
  return {
    /** Declares an extension, and does not wait until what is stored is folded again. */
    async begin({ connectionId }: ConnectionDriver, declared: PartialExtension) {
      const request = DeclareExtensionRequest.fromPartial({ connectionId, extension: declared });
      return (await clients().connections.declareExtension(request)).connection;
    },
    /** Declares an extension of these attributes, and gives the connection once all is folded again. */
    async declare(acme: ConnectionDriver, ...declared: Parameters<typeof extension>) {
      await this.begin(acme, extension(...declared));
      return this.folded(acme);
    },
    /** Takes an extension back, and gives the connection once all is folded again. */
    async remove(acme: ConnectionDriver, urn = badge) {
      const request = RemoveExtensionRequest.fromPartial({ connectionId: acme.connectionId, urn });
      await clients().connections.removeExtension(request);
      return this.folded(acme);
    },
    /** The connection, once all that is stored is folded by its definitions. */
    async folded(acme: ConnectionDriver): Promise<Connection> {
      for (;;) {
        const connection = await acme.connection();
        if (!connection.refolding) return connection;
      }
    },
    /** Changes settings of the connection. */
    update(
      { connectionId }: ConnectionDriver,
      changes: Parameters<typeof UpdateConnectionRequest.fromPartial>[0],
    ) {
      const request = UpdateConnectionRequest.fromPartial({ ...changes, connectionId });
      return clients().connections.updateConnection(request);
    },
    /** Users as the connection has them, for paths and filters. */
    async typeOf(acme: ConnectionDriver): Promise<ResourceType> {
      const type = createDeclaredRegistry((await acme.connection()).extensions).resourceType('User');
      assert.ok(type);
      return type;
    },
    /** Patches a user by one operation. */
    async patch(
      acme: ConnectionDriver,
      id: string,
      ...[op, path, value]: [op: keyof typeof PatchOp, path: string, value?: JsonValue]
    ): Promise<User> {
      return (await acme.patchUser(id, [operation(await this.typeOf(acme), op, path, value)])).user;
    },
    /** The userNames of the users that a filter finds, in the order of the list; asks another directory `at` its clients. */
    async find(
      acme: ConnectionDriver,
      text: string,
      options: {
        readonly type?: ResourceType;
        readonly sortBy?: string;
        readonly descending?: boolean;
        readonly at?: DirectoryClients;
      } = {},
    ): Promise<(string | undefined)[]> {
      const { type = await this.typeOf(acme), sortBy, descending = false, at = clients() } = options;
      const request = ListUsersRequest.fromPartial({
        connectionId: acme.connectionId,
        filter: parseFilter(type, text),
        sort: sortBy === undefined ? undefined : { path: parseAttributeName(type, sortBy), descending },
      });
      const found: (string | undefined)[] = [];
      for await (const { part } of at.users.listUsers(request))
        if (part?.$case === 'users') found.push(...part.value.users.map(({ user }) => user?.userName));
      return found;
    },
    /** Creates users with values of the badge; gives their ids by name. */
    async addUsers(acme: ConnectionDriver, values: Readonly<Record<string, JsonObject | undefined>>) {
      const ids: Record<string, string> = {};
      for (const [userName, held] of Object.entries(values)) {
        const { user } = await acme.createUser({ userName, ...(held && { extensions: { [badge]: held } }) });
        ids[userName] = idOf(user);
      }
      return (name: string) => ids[name] ?? assert.fail(name);
    },
  };
}
