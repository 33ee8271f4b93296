import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListChangesRequest, WatchChangesRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  CreateConnectionRequest,
  GetConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  CreateGroupRequest,
  DeleteGroupRequest,
  GetGroupRequest,
  type GroupHeader,
  ListGroupsRequest,
  PatchGroupRequest,
  ReplaceGroupRequest,
} from '#proto/rollcall/directory/v1/group_service.ts';
import {
  BatchCheckMembershipsRequest,
  ChangeMembersRequest,
  CheckMembershipRequest,
  ListMembersRequest,
  ListUserGroupsRequest,
} from '#proto/rollcall/directory/v1/membership_service.ts';
import type { ListHeader } from '#proto/rollcall/directory/v1/reads.ts';
import {
  LookUpResourcesRequest,
  SearchResourcesRequest,
} from '#proto/rollcall/directory/v1/search_service.ts';
import {
  CreateUserRequest,
  DeleteUserRequest,
  GetUserRequest,
  ListUsersRequest,
  PatchUserRequest,
  ReplaceUserRequest,
} from '#proto/rollcall/directory/v1/user_service.ts';
import type { Group, Member } from '#proto/rollcall/scim/v1/group.ts';
import { type MemberChunk, PatchOp, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { User } from '#proto/rollcall/scim/v1/user.ts';
import type { CallOptions } from '#rpc/rpc-client.ts';
import { RpcError, reasonCodes } from '#rpc/rpc-error.ts';
import { parseAttributeName, parseAttributePath } from '#scim/attribute-path.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { JsonValue } from '#scim/json.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import type { DirectoryClients } from './directory.ts';

type InPart<Message extends { fromPartial(object: never): unknown }> = Parameters<Message['fromPartial']>[0];
type Request<Message extends { fromPartial(object: never): unknown }, Given extends string = never> = Omit<
  InPart<Message>,
  'connectionId' | Given
>;
type PartialUser = NonNullable<InPart<typeof CreateUserRequest>['user']>;
type PartialGroup = NonNullable<InPart<typeof CreateGroupRequest>['group']>;
type PartialChange = NonNullable<InPart<typeof ChangeMembersRequest>['changes']>[number];

/** A group's answer, put together. */
export interface WholeGroup {
  /** The group. */
  readonly group: Group;
  /** Its members, in the order they came. */
  readonly members: readonly Member[];
  /** How many members came in each message. */
  readonly chunks: readonly number[];
  /** See GroupHeader. */
  readonly position: number;
  /** See GroupHeader. */
  readonly changed: boolean;
}

/** The resource types, for paths and filters in tests. */
export const resourceTypes = { user: typeNamed('User'), group: typeNamed('Group') };

/** Ids of no form that a resource's id can have. */
export const oddIds: readonly string[] = [
  '',
  ' ',
  'ada',
  '/',
  '..',
  '%2e%2e',
  '\u0000',
  '$where',
  '{"$ne":null}',
  // A UUIDv4, and one in upper case: what only looks like one of ours.
  '2819c223-7f76-453a-919d-413861904646',
  '0190A2CD-698C-73D9-852B-338C6B9C09B4',
  '0190a2cd-698c-73d9-852b-338c6b9c09b4/0190a2cd-698c-73d9-852b-338c6b9c09b4',
  'x'.repeat(10_000),
];

/** One operation of a PATCH, with its path as text. */
export function operation(
  type: ResourceType,
  op: keyof typeof PatchOp,
  path: string,
  value?: JsonValue,
  index = 0,
): PatchOperation {
  return PatchOperation.fromPartial({ op: PatchOp[op], path: parseAttributePath(type, path), value, index });
}

/** Member changes, for requests. */
export const members = {
  add: (...ids: string[]): PartialChange => ({ change: { $case: 'add', value: { ids } } }),
  remove: (...ids: string[]): PartialChange => ({ change: { $case: 'remove', value: { ids } } }),
  replace: (...ids: string[]): PartialChange => ({ change: { $case: 'replace', value: { ids } } }),
  /** With a filter as it stands between the brackets of `members[…]`. */
  removeWhere(filter: string): PartialChange {
    const { valueFilter } = parseAttributePath(resourceTypes.group, `members[${filter}]`);
    return { change: { $case: 'removeWhere', value: given(valueFilter) } };
  },
};

/** What a call is refused with. Fails when it is not refused, or not with an RpcError. */
export async function refusal(call: Promise<unknown>): Promise<RpcError> {
  const [result] = await Promise.allSettled([call]);
  assert.ok(result.status === 'rejected', 'the call was not refused');
  assert.ok(result.reason instanceof RpcError, String(result.reason?.stack));
  return result.reason;
}

/** Checks with which reason and metadata a call is refused, and that the code is the reason's own. */
export async function refused(
  call: Promise<unknown>,
  reason: ErrorReason,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const error = await refusal(call);
  assert.deepEqual({ reason: error.reason, metadata: { ...error.metadata } }, { reason, metadata });
  assert.equal(error.code, reasonCodes[reason]);
  assert.doesNotMatch(error.message, /mongo|E11000|node:|\bat .*\.ts/i);
}

/** Makes a `test` of which each runs in a connection of its own. */
export function testInConnection(clients: () => DirectoryClients) {
  return (name: string, run: (connection: ConnectionDriver) => Promise<void>) =>
    test(name, async () => run(await createDriver(clients())));
}

/** Checks that something leaves a connection's position, and so everything in it, as it is. */
export async function writesNothing(connection: ConnectionDriver, run: () => Promise<void>): Promise<void> {
  const before = await connection.position();
  await run();
  assert.equal(await connection.position(), before);
  assert.deepEqual(await connection.listChanges(before), []);
}

/** Creates a connection and drives it. */
export async function createDriver(clients: DirectoryClients, options: { strict?: boolean } = {}) {
  const { connection } = await clients.connections.createConnection(
    CreateConnectionRequest.fromPartial({ name: 'test', ...options }),
  );
  return driveConnection(clients, connection?.id ?? '');
}

/** What `driveConnection` gives. */
export type ConnectionDriver = ReturnType<typeof driveConnection>;

/** Calls the directory about one connection: requests in part, streamed answers put together. */
export function driveConnection(clients: DirectoryClients, connectionId: string) {
  const { users, groups, search, memberships, connections, changes } = clients;

  return {
    connectionId,

    async connection() {
      const { connection } = await connections.getConnection(
        GetConnectionRequest.fromPartial({ connectionId }),
      );
      assert.ok(connection);
      return connection;
    },
    async position() {
      return (await this.connection()).position;
    },

    async createUser(user: PartialUser | string, rest: Request<typeof CreateUserRequest, 'user'> = {}) {
      const asked = typeof user === 'string' ? { userName: user } : user;
      const answer = await users.createUser(
        CreateUserRequest.fromPartial({ ...rest, connectionId, user: asked }),
      );
      return { ...answer, user: given(answer.user) };
    },
    /** Creates users, many at once, and gives their ids in the order of the names. */
    async createUsers(userNames: readonly string[]): Promise<string[]> {
      const created = await inParallel(userNames, (userName) => this.createUser(userName));
      return created.map(({ user }) => idOf(user));
    },
    async getUser(id: string, rest: Request<typeof GetUserRequest, 'id'> = {}, options?: CallOptions) {
      const answer = await users.getUser(GetUserRequest.fromPartial({ ...rest, connectionId, id }), options);
      return { ...answer, user: given(answer.user) };
    },
    async listUsers(rest: Request<typeof ListUsersRequest, 'filter'> & { filter?: string } = {}) {
      const filter = rest.filter === undefined ? undefined : parseFilter(resourceTypes.user, rest.filter);
      let header: ListHeader | undefined;
      const found: User[] = [];
      for await (const { part } of users.listUsers(
        ListUsersRequest.fromPartial({ ...rest, connectionId, filter }),
      )) {
        if (part?.$case === 'header') header = part.value;
        else if (part) found.push(...part.value.users.map(({ user }) => given(user)));
      }
      return { header: given(header), users: found, ids: found.map(idOf) };
    },
    async replaceUser(
      id: string,
      user: PartialUser,
      rest: Request<typeof ReplaceUserRequest, 'id' | 'user'> = {},
    ) {
      const answer = await users.replaceUser(
        ReplaceUserRequest.fromPartial({ ...rest, connectionId, id, user }),
      );
      return { ...answer, user: given(answer.user) };
    },
    async patchUser(
      id: string,
      operations: readonly PatchOperation[],
      rest: Request<typeof PatchUserRequest, 'id' | 'operations'> = {},
    ) {
      const answer = await users.patchUser(
        PatchUserRequest.fromPartial({ ...rest, connectionId, id, operations: [...operations] }),
      );
      return { ...answer, user: given(answer.user) };
    },
    deleteUser(id: string, rest: Request<typeof DeleteUserRequest, 'id'> = {}) {
      return users.deleteUser(DeleteUserRequest.fromPartial({ ...rest, connectionId, id }));
    },

    createGroup(
      group: PartialGroup | string,
      memberIds: readonly string[] = [],
      rest: Request<typeof CreateGroupRequest, 'group' | 'members'> = {},
    ) {
      const asked = typeof group === 'string' ? { displayName: group } : group;
      const request = { ...rest, connectionId, group: asked, members: { ids: [...memberIds] } };
      return wholeGroup(groups.createGroup(CreateGroupRequest.fromPartial(request)));
    },
    /** Creates a group and gives its id. */
    async groupOf(displayName: string, memberIds: readonly string[] = []): Promise<string> {
      const { group } = await this.createGroup(displayName, memberIds, { mask: { withoutMembers: true } });
      return idOf(group);
    },
    getGroup(id: string, rest: Request<typeof GetGroupRequest, 'id'> = {}) {
      return wholeGroup(groups.getGroup(GetGroupRequest.fromPartial({ ...rest, connectionId, id })));
    },
    async listGroups(rest: Request<typeof ListGroupsRequest, 'filter'> & { filter?: string } = {}) {
      const filter = rest.filter === undefined ? undefined : parseFilter(resourceTypes.group, rest.filter);
      let header: ListHeader | undefined;
      const found: { group: Group; memberIds: string[] }[] = [];
      const request = ListGroupsRequest.fromPartial({ ...rest, connectionId, filter });
      for await (const { part } of groups.listGroups(request)) {
        if (part?.$case === 'header') header = part.value;
        else if (part?.$case === 'groups')
          found.push(...part.value.groups.map((group) => ({ group, memberIds: [] })));
        else if (part) found.at(-1)?.memberIds.push(...part.value.members.map(({ value }) => value ?? ''));
      }
      return { header: given(header), groups: found, ids: found.map(({ group }) => idOf(group)) };
    },
    /** A page of the resources of several types; a filter is text, and so is `sortBy`. */
    async search(
      types: readonly { readonly type: ResourceType; readonly filter?: string; readonly sortBy?: string }[],
      rest: Request<typeof SearchResourcesRequest, 'types'> = {},
    ) {
      const request = SearchResourcesRequest.fromPartial({
        ...rest,
        connectionId,
        types: types.map(({ type, filter, sortBy }) => ({
          resourceType: type.name,
          ...(filter !== undefined && { filter: parseFilter(type, filter) }),
          ...(sortBy !== undefined && { sortBy: parseAttributeName(type, sortBy) }),
        })),
      });
      let header: ListHeader | undefined;
      const found: { type: 'User' | 'Group'; resource: User | Group; memberIds: string[] }[] = [];
      for await (const { part } of search.searchResources(request)) {
        if (part?.$case === 'header') header = part.value;
        else if (part?.$case === 'members')
          found.at(-1)?.memberIds.push(...part.value.members.map(({ value }) => value ?? ''));
        else if (part?.$case === 'users')
          for (const resource of part.value.users) found.push({ type: 'User', resource, memberIds: [] });
        else if (part)
          for (const resource of part.value.groups) found.push({ type: 'Group', resource, memberIds: [] });
      }
      return { header: given(header), found, ids: found.map(({ resource }) => idOf(resource)) };
    },
    /** Looks up resources of a type together; gives the ids that each question found, undefined for one that is to be asked alone. */
    async lookUp(
      type: ResourceType,
      lookUps: readonly ({ readonly id: string } | { readonly filter: string })[],
      rest: Request<typeof LookUpResourcesRequest, 'resourceType' | 'lookUps'> = {},
    ) {
      const request = LookUpResourcesRequest.fromPartial({
        ...rest,
        connectionId,
        resourceType: type.name,
        lookUps: lookUps.map((lookUp) => ({
          by:
            'id' in lookUp
              ? { $case: 'id' as const, value: lookUp.id }
              : { $case: 'filter' as const, value: parseFilter(type, lookUp.filter) },
        })),
      });
      const { answers, asOf } = await search.lookUpResources(request);
      const ids = answers.map(({ alone, users: found, groups: foundGroups }) =>
        alone ? undefined : [...found, ...foundGroups].map(idOf),
      );
      return { answers, ids, asOf };
    },
    /** `memberIds` absent sends no member list. */
    replaceGroup(
      id: string,
      group: PartialGroup,
      memberIds: readonly string[] | undefined,
      rest: Request<typeof ReplaceGroupRequest, 'id' | 'group' | 'members'> = {},
    ) {
      const list = memberIds && { ids: [...memberIds] };
      return wholeGroup(
        groups.replaceGroup(
          ReplaceGroupRequest.fromPartial({ ...rest, connectionId, id, group, members: list }),
        ),
      );
    },
    patchGroup(
      id: string,
      operations: readonly PatchOperation[],
      memberChanges: readonly PartialChange[] = [],
      rest: Request<typeof PatchGroupRequest, 'id' | 'operations' | 'memberChanges'> = {},
    ) {
      const request = {
        ...rest,
        connectionId,
        id,
        operations: [...operations],
        memberChanges: [...memberChanges],
      };
      return wholeGroup(groups.patchGroup(PatchGroupRequest.fromPartial(request)));
    },
    deleteGroup(id: string, rest: Request<typeof DeleteGroupRequest, 'id'> = {}) {
      return groups.deleteGroup(DeleteGroupRequest.fromPartial({ ...rest, connectionId, id }));
    },

    changeMembers(
      groupId: string,
      memberChanges: readonly PartialChange[],
      rest: Request<typeof ChangeMembersRequest, 'groupId' | 'changes'> = {},
    ) {
      return memberships.changeMembers(
        ChangeMembersRequest.fromPartial({ ...rest, connectionId, groupId, changes: [...memberChanges] }),
      );
    },
    async listMembers(groupId: string, rest: Request<typeof ListMembersRequest, 'groupId'> = {}) {
      const request = ListMembersRequest.fromPartial({ ...rest, connectionId, groupId });
      const parts = await Array.fromAsync(memberships.listMembers(request));
      const entries = parts.flatMap((part) => part.members);
      return {
        asOf: parts[0]?.asOf ?? 0,
        entries,
        ids: entries.map(({ id }) => id),
        paths: Object.fromEntries(entries.map(({ id, path }) => [id, path])),
        chunks: parts.map((part) => part.members.length),
        nextPageToken: parts.at(-1)?.nextPageToken ?? '',
      };
    },
    async listUserGroups(userId: string, rest: Request<typeof ListUserGroupsRequest, 'userId'> = {}) {
      const request = ListUserGroupsRequest.fromPartial({ ...rest, connectionId, userId });
      const parts = await Array.fromAsync(memberships.listUserGroups(request));
      const entries = parts.flatMap((part) => part.groups);
      return {
        asOf: parts[0]?.asOf ?? 0,
        active: parts[0]?.active ?? false,
        entries,
        ids: entries.map(({ id }) => id),
        paths: Object.fromEntries(entries.map(({ id, path }) => [id, path])),
      };
    },
    check(
      userId: string,
      groupId: string,
      rest: Request<typeof CheckMembershipRequest, 'userId' | 'groupId'> = {},
    ) {
      return memberships.checkMembership(
        CheckMembershipRequest.fromPartial({ ...rest, connectionId, userId, groupId }),
      );
    },
    /** Checks memberships by one call: `[user, group]` each. */
    async checkMany(
      pairs: readonly (readonly [string, string])[],
      rest: Request<typeof BatchCheckMembershipsRequest, 'pairs'> = {},
    ) {
      const request = BatchCheckMembershipsRequest.fromPartial({
        ...rest,
        connectionId,
        pairs: pairs.map(([userId, groupId]) => ({ userId, groupId })),
      });
      const parts = await Array.fromAsync(memberships.batchCheckMemberships(request));
      return {
        asOf: parts[0]?.asOf ?? 0,
        checks: parts.flatMap((part) => part.checks),
        chunks: parts.map((part) => part.checks.length),
      };
    },

    async listChanges(after = 0, pageSize = 1_000) {
      const request = ListChangesRequest.fromPartial({ connectionId, after, pageSize });
      const parts = await Array.fromAsync(changes.listChanges(request));
      return parts.flatMap((part) => part.changes);
    },
    /** Goes on until the signal of the options is aborted, or its iteration ends. */
    watchChanges(rest: Request<typeof WatchChangesRequest> = {}, options: CallOptions = {}) {
      const request = WatchChangesRequest.fromPartial({ ...rest, connectionId });
      return changes.watchChanges(request, { timeoutMs: Number.POSITIVE_INFINITY, ...options });
    },
  };
}

/** Runs a call for every item, 64 at a time, and keeps their order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  call: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const rest = items.entries();
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (const [index, item] of rest) results[index] = await call(item, index);
    }),
  );
  return results;
}

/** A resource's id. */
export function idOf({ id }: { readonly id?: string | undefined }): string {
  return given(id);
}

type GroupPart = {
  part: { $case: 'header'; value: GroupHeader } | { $case: 'members'; value: MemberChunk } | undefined;
};

async function wholeGroup(parts: AsyncIterable<GroupPart>): Promise<WholeGroup> {
  let header: GroupHeader | undefined;
  const found: Member[] = [];
  const chunks: number[] = [];
  for await (const { part } of parts) {
    if (part?.$case === 'header') header = part.value;
    else if (part) {
      found.push(...part.value.members);
      chunks.push(part.value.members.length);
    }
  }
  const { group, position, changed } = given(header);
  return { group: given(group), members: found, chunks, position, changed };
}

function given<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined, 'the answer lacks what it always has');
  return value;
}

function typeNamed(name: string): ResourceType {
  return given(createSchemaRegistry().resourceType(name));
}
