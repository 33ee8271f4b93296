import { z } from 'zod';
import {
  BatchCheckMembershipsRequest,
  ListMembersRequest,
  ListUserGroupsRequest,
  type MemberEntry,
  MemberKind,
} from '#proto/rollcall/directory/v1/membership_service.ts';
import { createSharedReads } from '#rpc/shared-reads.ts';
import type { AccessCache } from './access-cache.ts';
import type { CallOptions, DirectoryClient } from './directory-client.ts';
import { pageFields, resourceId } from './find-input.ts';
import { type GroupOfUser, groupOfUser } from './group-of-user.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

// One message of the directory answers so many.
const maxBatch = 100;

const scopeFields = {
  /** Also memberships through groups that are members of groups. */
  nested: z.boolean().default(false),
  /** Also users who are inactive; without, they are members of nothing. */
  includeInactive: z.boolean().default(false),
};

const ofUserInput = queryInput({ user: resourceId, ...scopeFields });
const ofGroupInput = queryInput({
  group: resourceId,
  ...scopeFields,
  /** How many members at most, 1 to 1,000; 100 when absent. */
  pageSize: z.int().min(1).max(1_000).default(100),
  pageToken: pageFields.pageToken,
});
const checkInput = queryInput({ user: resourceId, group: resourceId, ...scopeFields });
const checkManyInput = queryInput({
  /** The memberships to check, 1 to 1,000. */
  pairs: z
    .array(z.strictObject({ user: resourceId, group: resourceId }))
    .min(1)
    .max(1_000),
  ...scopeFields,
});

/** A member of a group. */
export interface MemberOfGroup {
  /** The id of the user or group. */
  id: string;
  /** Which of the two. */
  kind: 'User' | 'Group';
  /** Whether a user is active; true for a group. */
  active: boolean;
  /** The groups through which it is a member, from the one asked about down; one entry when direct. */
  path: string[];
}

/** The answer of `memberships.ofUser`. */
export interface GroupsOfUserAnswer {
  /** Whether the user is active. An inactive one has no groups unless `includeInactive` was asked for. */
  active: boolean;
  /** The groups, each once. */
  groups: GroupOfUser[];
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** The answer of `memberships.ofGroup`. */
export interface MembersOfGroupAnswer {
  /** The members in the order of their ids, each once. */
  members: MemberOfGroup[];
  /** Asks for the next page, as `pageToken`; absent on the last one. */
  nextPageToken?: string;
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** The answer of `memberships.check`. */
export interface MembershipAnswer {
  /** Whether the user is a member. */
  member: boolean;
  /** Whether the user is active; false for an unknown one. */
  active: boolean;
  /** The shortest chain of groups that makes it so, from the user's own group up to the one asked about; empty for no member. */
  path: string[];
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** Whether there is a membership. */
export interface CheckedMembership {
  /** The id of the user or group, as it was asked for. */
  user: string;
  /** The id of the group, as it was asked for. */
  group: string;
  /** Whether the user is a member. */
  member: boolean;
  /** Whether the user is active; false for an unknown one. */
  active: boolean;
  /** The shortest chain of groups that makes it so, from the user's own group up to the one asked about; empty for no member. */
  path: string[];
}

/** The answer of `memberships.checkMany`. */
export interface MembershipsAnswer {
  /** One answer for each pair, in their order. */
  checks: CheckedMembership[];
  /** A position: all of the answer shows every change up to it. */
  asOf: number;
}

/** `memberships.ofUser`, `.ofGroup`, `.check` and `.checkMany`. */
export function createMembershipsRouter(directory: DirectoryClient, cache: AccessCache) {
  const checks = createSharedReads<CheckSubject, { user: string; group: string }, MembershipAnswer>({
    maxBatch,
    async read(subject, pairs) {
      const { checks: answers, asOf } = await checkMemberships(directory, subject, pairs);
      return answers.map(({ member, active, path }) => ({ member, active, path, asOf }));
    },
  });
  return router({
    /**
     * All groups of a user. Fails with RESOURCE_NOT_FOUND.
     * @example
     * const { groups } = await rollcall.memberships.ofUser.query({ connection, user, nested: true });
     */
    ofUser: connectionProcedure
      .input(ofUserInput)
      .query(async ({ ctx, input }): Promise<GroupsOfUserAnswer> => {
        const request = ListUserGroupsRequest.fromPartial({
          connectionId: ctx.connection,
          userId: input.user,
          nested: input.nested,
          includeInactive: input.includeInactive,
          freshness: freshness(input),
        });
        let answer: GroupsOfUserAnswer | undefined;
        for await (const { asOf, active, groups } of directory.memberships.listUserGroups(
          request,
          ctx.call,
        )) {
          answer ??= { active, groups: [], asOf };
          answer.groups.push(...groups.map(groupOfUser));
        }
        if (answer === undefined) throw new Error('The directory answered without a header');
        return answer;
      }),

    /**
     * A page of a group's members. Fails with RESOURCE_NOT_FOUND, PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED.
     * @example
     * const { members, nextPageToken } = await rollcall.memberships.ofGroup.query({ connection, group, nested: true });
     */
    ofGroup: connectionProcedure
      .input(ofGroupInput)
      .query(async ({ ctx, input }): Promise<MembersOfGroupAnswer> => {
        const request = ListMembersRequest.fromPartial({
          connectionId: ctx.connection,
          groupId: input.group,
          nested: input.nested,
          includeInactive: input.includeInactive,
          pageSize: input.pageSize,
          pageToken: input.pageToken ?? '',
          freshness: freshness(input),
        });
        let answer: MembersOfGroupAnswer | undefined;
        for await (const { asOf, members, nextPageToken } of directory.memberships.listMembers(
          request,
          ctx.call,
        )) {
          answer ??= { members: [], asOf };
          answer.members.push(...members.map(memberOfGroup));
          if (nextPageToken !== '') answer.nextPageToken = nextPageToken;
        }
        if (answer === undefined) throw new Error('The directory answered without a header');
        return answer;
      }),

    /**
     * Whether a user is a member of a group, and through which groups. An unknown user or group is no member.
     * @example
     * const { member, path } = await rollcall.memberships.check.query({ connection, user, group, nested: true, fresh: true });
     */
    check: connectionProcedure.input(checkInput).query(async ({ ctx, input }): Promise<MembershipAnswer> => {
      const { connection, call } = ctx;
      const snapshot = input.includeInactive
        ? undefined
        : await cache.snapshotFor(connection, input.user, freshness(input), call);
      if (snapshot) {
        const { groups, active, asOf } = snapshot;
        const found = groups.find(
          ({ id, path }) => id === input.group && (input.nested || path.length === 1),
        );
        return { member: found !== undefined, active, path: found?.path ?? [], asOf };
      }
      const { user, group, nested, includeInactive } = input;
      const subject = { connectionId: connection, nested, includeInactive, freshness: freshness(input) };
      return checks.ask(subject, { user, group }, call.signal);
    }),

    /**
     * Whether users are members of groups, for up to 1,000 pairs at one position, as `memberships.check` says it of each.
     * @example
     * const pairs = documents.map(({ group }) => ({ user, group }));
     * const { checks } = await rollcall.memberships.checkMany.query({ connection, pairs, nested: true });
     */
    checkMany: connectionProcedure
      .input(checkManyInput)
      .query(async ({ ctx, input }): Promise<MembershipsAnswer> => {
        const { pairs, nested, includeInactive } = input;
        const { connection: connectionId, call } = ctx;
        const subject = { connectionId, nested, includeInactive, freshness: freshness(input) };
        return checkMemberships(directory, subject, pairs, call);
      }),
  });
}

/** What the checks of one call have in common. */
type CheckSubject = Omit<BatchCheckMembershipsRequest, 'pairs'>;

async function checkMemberships(
  directory: DirectoryClient,
  subject: CheckSubject,
  pairs: readonly { readonly user: string; readonly group: string }[],
  call?: CallOptions,
): Promise<MembershipsAnswer> {
  const request = BatchCheckMembershipsRequest.fromPartial({
    ...subject,
    pairs: pairs.map(({ user, group }) => ({ userId: user, groupId: group })),
  });
  let answer: MembershipsAnswer | undefined;
  for await (const { asOf, checks } of directory.memberships.batchCheckMemberships(request, call)) {
    answer ??= { checks: [], asOf };
    answer.checks.push(
      ...checks.map(({ userId, groupId, ...check }) => ({ user: userId, group: groupId, ...check })),
    );
  }
  if (answer === undefined) throw new Error('The directory answered without a header');
  return answer;
}

function memberOfGroup({ id, kind, active, path }: MemberEntry): MemberOfGroup {
  return { id, kind: kind === MemberKind.GROUP ? 'Group' : 'User', active, path };
}
