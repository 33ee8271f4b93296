import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { RoleServiceService } from '#proto/rollcall/directory/v1/role_service.ts';
import {
  DeleteUserRequest,
  GetUserRequest,
  GetUserResponse,
  ListUsersRequest,
  ListUsersResponse,
  UserServiceService,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { type CallerRole, callerToken, createCallerCheck } from '#rpc/caller.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { connectUserClient, startUserRpcServer, userRpcToken } from '../support/user-rpc-server.ts';

const key = Buffer.alloc(32, 'a');
const olderKey = Buffer.alloc(32, 'b');
const getRequest = GetUserRequest.fromPartial({ connectionId: 'demo1234', id: 'a' });
const services = [
  UserServiceService,
  GroupServiceService,
  MembershipServiceService,
  ConnectionServiceService,
  ChangeServiceService,
  RoleServiceService,
];
const allMethods = services.flatMap((service) => Object.values(service).map(({ path }) => path));

const reads = `
  UserService/GetUser UserService/ListUsers GroupService/GetGroup GroupService/ListGroups
  MembershipService/ListMembers MembershipService/ListUserGroups MembershipService/CheckMembership
  MembershipService/BatchCheckMemberships
  RoleService/ListUserRoles RoleService/BatchListUserRoles RoleService/CheckUserRole RoleService/ListRoleHolders RoleService/GetAccess
  RoleService/BatchGetAccess
  ChangeService/ListChanges ChangeService/WatchChanges ChangeService/Export
  ChangeService/RegisterConsumer ChangeService/Acknowledge`;
/** What each role may call, in full: a new method is open to admin only until it is added here and in the table. */
const expected: Record<Exclude<CallerRole, 'admin'>, string> = {
  gateway: `
    UserService/CreateUser UserService/GetUser UserService/ListUsers
    UserService/ReplaceUser UserService/PatchUser UserService/DeleteUser
    GroupService/CreateGroup GroupService/GetGroup GroupService/ListGroups
    GroupService/ReplaceGroup GroupService/PatchGroup GroupService/DeleteGroup
    ConnectionService/Authenticate ConnectionService/IssueAccessToken ConnectionService/GetTrustedIssuer`,
  access: `${reads} ConnectionService/GetConnection ConnectionService/AuthenticateService`,
  service: reads,
};

suite('a call', () => {
  for (const [what, token] of [
    ['an unknown credential', 'rollcall_gateway_unknown'],
    ['no credential', ''],
    ['a credential of another key', callerToken(key, 'admin')],
  ] as const) {
    test(`with ${what} is CALLER_UNKNOWN before anything else happens`, async () => {
      let calls = 0;
      await using server = await startUserRpcServer({
        getUser: async () => {
          calls += 1;
          return GetUserResponse.fromPartial({});
        },
        async *listUsers() {
          calls += 1;
          yield ListUsersResponse.fromPartial({});
        },
      });
      using users = connectUserClient(server, { token });
      const refusal = {
        code: status.UNAUTHENTICATED,
        reason: ErrorReason.CALLER_UNKNOWN,
        message: 'Send a caller credential of this directory as metadata `authorization: Bearer <token>`.',
        metadata: {},
      };
      await assert.rejects(users.getUser(getRequest), refusal);
      const listRequest = ListUsersRequest.fromPartial({ connectionId: 'demo1234' });
      await assert.rejects(Array.fromAsync(users.listUsers(listRequest)), refusal);
      assert.equal(calls, 0);
      assert.deepEqual(server.logged, []);
    });
  }

  test('that the role may not make is CALLER_FORBIDDEN', async () => {
    await using server = await startUserRpcServer({ getUser: async () => GetUserResponse.fromPartial({}) });
    using users = connectUserClient(server, { token: userRpcToken('access') });
    await users.getUser(getRequest);
    const deletion = DeleteUserRequest.fromPartial({ connectionId: 'demo1234', id: 'a' });
    await assert.rejects(users.deleteUser(deletion), {
      code: status.PERMISSION_DENIED,
      reason: ErrorReason.CALLER_FORBIDDEN,
      metadata: { role: 'access', method: '/rollcall.directory.v1.UserService/DeleteUser' },
    });
  });
});

suite('the table of roles', () => {
  const check = createCallerCheck([key, olderKey]);

  for (const role of ['gateway', 'access', 'service'] as const) {
    test(`opens exactly these methods to ${role}`, () => {
      const allowed = allMethods.filter((method) => {
        try {
          return check(callerToken(key, role), method).role === role;
        } catch (error) {
          assert.ok(error instanceof RpcError && error.reason === ErrorReason.CALLER_FORBIDDEN);
          return false;
        }
      });
      const wanted = expected[role]
        .trim()
        .split(/\s+/)
        .map((name) => `/rollcall.directory.v1.${name}`);
      assert.deepEqual(allowed.toSorted(), wanted.toSorted());
    });
  }

  test('opens every method to admin', () => {
    for (const method of allMethods)
      assert.deepEqual(check(callerToken(key, 'admin'), method), { role: 'admin' });
  });
});

suite('a caller credential', () => {
  test('follows from key and role, and differs between them', () => {
    const roles = ['gateway', 'access', 'service', 'admin'] as const;
    const tokens = [key, olderKey].flatMap((secret) => roles.map((role) => callerToken(secret, role)));
    assert.equal(new Set(tokens.map((token) => token.split('_').at(-1))).size, tokens.length);
    assert.equal(callerToken(Buffer.alloc(32, 'a'), 'gateway'), callerToken(key, 'gateway'));
  });

  test('of an older key is accepted as long as the key is', () => {
    const method = UserServiceService.getUser.path;
    const token = callerToken(olderKey, 'gateway');
    assert.deepEqual(createCallerCheck([key, olderKey])(token, method), { role: 'gateway' });
    assert.throws(() => createCallerCheck([key])(token, method), { reason: ErrorReason.CALLER_UNKNOWN });
  });
});
