import {
  BatchCheckMembershipsResponse,
  ChangeMembersResponse,
  CheckMembershipResponse,
  ListMembersResponse,
  ListUserGroupsResponse,
  MemberKind,
  type MembershipServiceService,
} from '#proto/rollcall/directory/v1/membership_service.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { MembershipReads } from '../memberships.ts';
import { type PageTokens, queryDigest } from '../mongo/page-token.ts';
import { checkConnection, maxPageSize, readFreshness, readLimits, requestInvalid } from './request-checks.ts';
import type { ResourceService } from './resource-service.ts';

// So many chains of groups stay below what one message may hold.
const checksPerMessage = 100;

/** Serves MembershipService. */
export function membershipService(
  memberships: MembershipReads,
  groups: ResourceService,
  pageTokens: PageTokens,
): ServiceHandlers<typeof MembershipServiceService> {
  return {
    async *listMembers(request, call) {
      const { connectionId, groupId, nested, includeInactive, pageSize, pageToken } = request;
      const connection = checkConnection(connectionId);
      if (pageSize < 0 || pageSize > maxPageSize)
        throw requestInvalid('page_size', `must be 0 to ${maxPageSize}`);
      const query = queryDigest(connection, 'members', groupId, String(nested), String(includeInactive));
      let after = pageToken === '' ? '' : pageTokens.open(pageToken, query).afterId;
      for (let first = true; ; first = false) {
        const { asOf, result } = await memberships.membersOf(
          connection,
          groupId,
          { nested, includeInactive },
          { after, limit: pageSize || maxPageSize },
          readFreshness(first ? request.freshness : undefined),
          readLimits(call),
        );
        const { next } = result;
        const last = pageSize > 0 || next === undefined;
        yield ListMembersResponse.fromPartial({
          asOf: first ? asOf : 0,
          members: result.members.map(({ id, kind, active, path }) => ({
            id,
            kind: kind === 'User' ? MemberKind.USER : MemberKind.GROUP,
            active,
            path: [...path],
          })),
          nextPageToken: last && next !== undefined ? pageTokens.seal({ query, afterId: next }) : '',
        });
        if (last || next === undefined) return;
        after = next;
      }
    },
    async changeMembers(request, call) {
      const { message, position, changed } = await groups.patch(
        {
          ...request,
          id: request.groupId,
          operations: [],
          onNoTarget: OnNoTarget.ERROR,
        },
        request.changes,
        call,
      );
      const version = Group.fromPartial(message).meta?.version ?? '';
      return ChangeMembersResponse.fromPartial({ position, changed, version });
    },
    async *listUserGroups(request, call) {
      const { nested, includeInactive } = request;
      const { asOf, result } = await memberships.groupsOf(
        checkConnection(request.connectionId),
        request.userId,
        { nested, includeInactive },
        readFreshness(request.freshness),
        readLimits(call),
      );
      const { active, groups: found } = result;
      for (let start = 0; start === 0 || start < found.length; start += maxPageSize) {
        yield ListUserGroupsResponse.fromPartial({
          asOf: start === 0 ? asOf : 0,
          active,
          groups: found
            .slice(start, start + maxPageSize)
            .map((group) => ({ ...group, path: [...group.path] })),
        });
      }
    },
    async checkMembership(request, call) {
      const { userId, groupId, nested, includeInactive } = request;
      const { asOf, result } = await memberships.check(
        checkConnection(request.connectionId),
        [{ member: userId, group: groupId }],
        { nested, includeInactive },
        readFreshness(request.freshness),
        readLimits(call),
      );
      return CheckMembershipResponse.fromPartial({ asOf, ...result[0], path: [...(result[0]?.path ?? [])] });
    },
    async *batchCheckMemberships({ connectionId, pairs, nested, includeInactive, freshness }, call) {
      if (pairs.length === 0 || pairs.length > maxPageSize)
        throw requestInvalid('pairs', `must name 1 to ${maxPageSize} memberships`);
      const { asOf, result } = await memberships.check(
        checkConnection(connectionId),
        pairs.map(({ userId, groupId }) => ({ member: userId, group: groupId })),
        { nested, includeInactive },
        readFreshness(freshness),
        readLimits(call),
      );
      const checks = pairs.map((pair, index) => ({ ...pair, ...result[index] }));
      for (let start = 0; start < checks.length; start += checksPerMessage) {
        yield BatchCheckMembershipsResponse.fromPartial({
          asOf: start === 0 ? asOf : 0,
          checks: checks
            .slice(start, start + checksPerMessage)
            .map((check) => ({ ...check, path: [...(check.path ?? [])] })),
        });
      }
    },
  };
}
