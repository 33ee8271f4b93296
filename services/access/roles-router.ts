import { z } from 'zod';
import {
  BatchListUserRolesRequest,
  CheckUserRoleRequest,
  ListRoleHoldersRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import type { AccessCache } from './access-cache.ts';
import type { DirectoryClient } from './directory-client.ts';
import { pageFields, resourceId } from './find-input.ts';
import {
  type RoleReasonAnswer,
  type RolesOfUser,
  reasonAnswer,
  rolesAnswer,
  untilAnswer,
} from './role-answer.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

/** The name of a role, as the mappings have it. */
const roleName = z.string().min(1).max(64);

const ofUserInput = queryInput({ user: resourceId });
const ofUsersInput = queryInput({
  /** The users' ids, 1 to 1,000. */
  users: z.array(resourceId).min(1).max(1_000),
});
const checkInput = queryInput({ user: resourceId, role: roleName });
const holdersInput = queryInput({
  role: roleName,
  /** How many holders at most, 1 to 1,000; 100 when absent. */
  pageSize: z.int().min(1).max(1_000).default(100),
  pageToken: pageFields.pageToken,
});

/** The answer of `roles.ofUser`. */
export interface RolesOfUserAnswer extends RolesOfUser {
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** The answer of `roles.ofUsers`. */
export interface RolesOfUsersAnswer {
  /** The users, in the order in which they were named. */
  users: RolesOfUser[];
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** The answer of `roles.check`. */
export interface RoleCheckAnswer {
  /** Whether the user has the role. */
  hasRole: boolean;
  /** Whether the user is active; false for an unknown one. */
  active: boolean;
  /** Every mapping that gives the role, by id; empty without it. */
  because: RoleReasonAnswer[];
  /** When a validity date may alter this answer, if nothing else does, in RFC 3339 form; absent for never. */
  validUntil?: string;
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** Who has a role. */
export interface RoleHolderAnswer {
  /** The user's id. */
  user: string;
  /** Every mapping that gives the role, by id. */
  because: RoleReasonAnswer[];
}

/** The answer of `roles.holders`. */
export interface RoleHoldersAnswer {
  /** Active users, each on one page only. */
  holders: RoleHolderAnswer[];
  /** Asks for the next page, as `pageToken`; absent on the last one. */
  nextPageToken?: string;
  /** When a validity date alters who has the role next, in RFC 3339 form; absent for never. */
  validUntil?: string;
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** `roles.ofUser`, `.ofUsers`, `.check` and `.holders`. */
export function createRolesRouter(directory: DirectoryClient, cache: AccessCache) {
  return router({
    /**
     * The roles of a user, and why. Fails with RESOURCE_NOT_FOUND.
     * @example
     * const { roles } = await rollcall.roles.ofUser.query({ connection, user });
     * // [{ role: 'editor', because: [{ mapping: 'editors', version: 3, cause: 'membership', path: ['0190…'] }] }]
     */
    ofUser: connectionProcedure
      .input(ofUserInput)
      .query(async ({ ctx, input }): Promise<RolesOfUserAnswer> => {
        const { connection, call } = ctx;
        const { groups: _, ...answer } = await cache.snapshot(connection, input.user, freshness(input), call);
        return answer;
      }),

    /**
     * The roles of up to 1,000 users; an unknown one has none.
     * @example
     * const { users } = await rollcall.roles.ofUsers.query({ connection, users: sessions.map(({ user }) => user) });
     */
    ofUsers: connectionProcedure
      .input(ofUsersInput)
      .query(async ({ ctx, input }): Promise<RolesOfUsersAnswer> => {
        const request = BatchListUserRolesRequest.fromPartial({
          connectionId: ctx.connection,
          userIds: input.users,
          freshness: freshness(input),
        });
        let answer: RolesOfUsersAnswer | undefined;
        for await (const { asOf, users } of directory.roles.batchListUserRoles(request, ctx.call)) {
          answer ??= { users: [], asOf };
          answer.users.push(...users.map(rolesAnswer));
        }
        if (answer === undefined) throw new Error('The directory answered without a header');
        return answer;
      }),

    /**
     * Whether a user has a role, and why. An unknown user has none.
     * @example
     * const { hasRole } = await rollcall.roles.check.query({ connection, user, role: 'editor', atLeast });
     */
    check: connectionProcedure.input(checkInput).query(async ({ ctx, input }): Promise<RoleCheckAnswer> => {
      const { connection, call } = ctx;
      const snapshot = await cache.snapshotFor(connection, input.user, freshness(input), call);
      if (snapshot) {
        const { active, roles, validUntil: until, asOf } = snapshot;
        const because = roles.find(({ role }) => role === input.role)?.because ?? [];
        return { hasRole: because.length > 0, active, because, ...(until && { validUntil: until }), asOf };
      }
      const request = CheckUserRoleRequest.fromPartial({
        connectionId: ctx.connection,
        userId: input.user,
        role: input.role,
        freshness: freshness(input),
      });
      const { hasRole, active, because, validUntil, asOf } = await directory.roles.checkUserRole(
        request,
        ctx.call,
      );
      return { hasRole, active, because: because.map(reasonAnswer), ...untilAnswer(validUntil), asOf };
    }),

    /**
     * A page of the active users that have a role. It can have fewer holders than asked for. Fails with PAGE_TOKEN_INVALID,
     * also when other mappings give the role by now: begin again; PAGE_TOKEN_EXPIRED; and for some seconds with
     * DEFINITIONS_CHANGING after the declaration of an attribute changed that a mapping goes by.
     * @example
     * const { holders, nextPageToken } = await rollcall.roles.holders.query({ connection, role: 'admin' });
     */
    holders: connectionProcedure
      .input(holdersInput)
      .query(async ({ ctx, input }): Promise<RoleHoldersAnswer> => {
        const request = ListRoleHoldersRequest.fromPartial({
          connectionId: ctx.connection,
          role: input.role,
          pageSize: input.pageSize,
          pageToken: input.pageToken ?? '',
          freshness: freshness(input),
        });
        let answer: RoleHoldersAnswer | undefined;
        for await (const part of directory.roles.listRoleHolders(request, ctx.call)) {
          answer ??= { holders: [], ...untilAnswer(part.validUntil), asOf: part.asOf };
          answer.holders.push(
            ...part.holders.map(({ userId, because }) => ({
              user: userId,
              because: because.map(reasonAnswer),
            })),
          );
          if (part.nextPageToken !== '') answer.nextPageToken = part.nextPageToken;
        }
        if (answer === undefined) throw new Error('The directory answered without a header');
        return answer;
      }),
  });
}
