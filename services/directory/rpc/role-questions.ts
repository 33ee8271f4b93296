import {
  BatchGetAccessResponse,
  BatchListUserRolesResponse,
  CheckUserRoleResponse,
  GetAccessResponse,
  ListRoleHoldersResponse,
  ListUserRolesResponse,
  type RoleServiceService,
  type UserAccess,
} from '#proto/rollcall/directory/v1/role_service.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import { type PageTokens, queryDigest } from '../mongo/page-token.ts';
import type { RoleReads } from '../roles/role-reads.ts';
import { firstPlace, type WalkPlace } from '../roles/walk-mapped-users.ts';
import { resourceNotFound } from '../write-command.ts';
import { checkConnection, maxPageSize, readFreshness, readLimits, requestInvalid } from './request-checks.ts';
import { accessMessages, reasonMessage, userRolesMessage } from './role-messages.ts';

// Some reasons of some roles each stay below what one message may hold.
const usersPerMessage = 100;
// So many go into one message, but for their groups.
const maxAccessUsers = usersPerMessage;

/** The calls of RoleService about who has which role. */
export type RoleQuestions = Pick<
  ServiceHandlers<typeof RoleServiceService>,
  | 'listUserRoles'
  | 'batchListUserRoles'
  | 'checkUserRole'
  | 'listRoleHolders'
  | 'getAccess'
  | 'batchGetAccess'
>;

/** Serves the questions of RoleService. */
export function roleQuestions(reads: RoleReads, pageTokens: PageTokens): RoleQuestions {
  return {
    async listUserRoles({ connectionId, userId, freshness }, call) {
      const connection = checkConnection(connectionId);
      const { asOf, result } = await reads.ofUser(
        connection,
        userId,
        readFreshness(freshness),
        readLimits(call),
      );
      return ListUserRolesResponse.fromPartial({
        asOf,
        user: userRolesMessage(result.answer, result.version),
      });
    },
    async *batchListUserRoles({ connectionId, userIds, freshness }, call) {
      if (userIds.length === 0 || userIds.length > maxPageSize)
        throw requestInvalid('user_ids', `must name 1 to ${maxPageSize} users`);
      const connection = checkConnection(connectionId);
      const { asOf, result } = await reads.ofUsers(
        connection,
        userIds,
        readFreshness(freshness),
        readLimits(call),
      );
      const { version, answer } = result;
      for (let start = 0; start < answer.length; start += usersPerMessage) {
        yield BatchListUserRolesResponse.fromPartial({
          asOf: start === 0 ? asOf : 0,
          users: answer.slice(start, start + usersPerMessage).map((user) => userRolesMessage(user, version)),
        });
      }
    },
    async checkUserRole({ connectionId, userId, role, freshness }, call) {
      const connection = checkConnection(connectionId);
      const { asOf, result } = await reads.check(
        connection,
        userId,
        role,
        readFreshness(freshness),
        readLimits(call),
      );
      const { active, because, validUntil } = result.answer;
      return CheckUserRoleResponse.fromPartial({
        asOf,
        active,
        hasRole: because.length > 0,
        because: because.map((reason) => reasonMessage(reason, result.version)),
        validUntil,
      });
    },
    async *listRoleHolders({ connectionId, role, pageSize, pageToken, freshness }, call) {
      const connection = checkConnection(connectionId);
      if (pageSize < 0 || pageSize > maxPageSize)
        throw requestInvalid('page_size', `must be 0 to ${maxPageSize}`);
      // With other mappings the place of a page means nothing.
      let query: Buffer = Buffer.of();
      let token = pageToken;
      for (let first = true; ; first = false) {
        const placeOf = (version: number, mappings: readonly string[]): WalkPlace => {
          query = queryDigest(connection, 'holders', role, String(version), ...mappings);
          if (token === '') return firstPlace;
          const { source, passed, afterId } = pageTokens.open(token, query);
          return { source, ordinal: passed, afterId };
        };
        const { asOf, result } = await reads.holders(
          connection,
          role,
          { placeOf, limit: pageSize || maxPageSize },
          readFreshness(first ? freshness : undefined),
          readLimits(call),
        );
        const { holders, next, validUntil } = result.answer;
        token = next
          ? pageTokens.seal({ query, source: next.source, passed: next.ordinal, afterId: next.afterId })
          : '';
        const last = pageSize > 0 || token === '';
        yield ListRoleHoldersResponse.fromPartial({
          asOf: first ? asOf : 0,
          validUntil: first ? validUntil : undefined,
          holders: holders.map(({ id, because }) => ({
            userId: id,
            because: because.map((reason) => reasonMessage(reason, result.version)),
          })),
          nextPageToken: last ? token : '',
        });
        if (last) return;
      }
    },
    async *getAccess({ connectionId, userId, freshness }, call) {
      const connection = checkConnection(connectionId);
      const { asOf, result } = await reads.access(
        connection,
        [userId],
        readFreshness(freshness),
        readLimits(call),
      );
      const [access] = result.answer;
      if (!access?.known) throw resourceNotFound({ name: 'User' }, userId);
      for (const { user, groups } of accessMessages(access, result.version))
        yield GetAccessResponse.fromPartial({ asOf: user ? asOf : 0, user, groups });
    },
    async *batchGetAccess({ connectionId, userIds, freshness }, call) {
      if (userIds.length === 0 || userIds.length > maxAccessUsers)
        throw requestInvalid('user_ids', `must name 1 to ${maxAccessUsers} users`);
      const connection = checkConnection(connectionId);
      const { asOf, result } = await reads.access(
        connection,
        userIds,
        readFreshness(freshness),
        readLimits(call),
      );
      const parts = result.answer.flatMap((access) => accessMessages(access, result.version));
      let position = asOf;
      for (const users of inMessages(parts)) {
        yield BatchGetAccessResponse.fromPartial({ asOf: position, users });
        position = 0;
      }
    },
  };
}

/** Puts what is said of users together into messages of at most 1,000 groups. */
function* inMessages(parts: readonly UserAccess[]): Generator<UserAccess[]> {
  let message: UserAccess[] = [];
  let groups = 0;
  for (const part of parts) {
    if (groups + part.groups.length > maxPageSize) {
      yield message;
      [message, groups] = [[], 0];
    }
    message.push(part);
    groups += part.groups.length;
  }
  yield message;
}
