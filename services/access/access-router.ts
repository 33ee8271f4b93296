import { GetAccessRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import type { DirectoryClient } from './directory-client.ts';
import { resourceId } from './find-input.ts';
import { type GroupOfUser, groupOfUser } from './memberships-router.ts';
import { type RolesOfUser, rolesAnswer } from './role-answer.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

const snapshotInput = queryInput({ user: resourceId });

/** The answer of `access.snapshot`. */
export interface AccessSnapshot extends RolesOfUser {
  /** The groups of an active user, nested ones included, each once. */
  groups: GroupOfUser[];
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** `access.snapshot`. */
export function createSnapshotRouter(directory: DirectoryClient) {
  return router({
    /**
     * All that a session needs of a user, as it was at one position: whether the user is active, its groups and its roles.
     * Fails with RESOURCE_NOT_FOUND.
     * @example
     * const { active, groups, roles, validUntil } = await rollcall.access.snapshot.query({ connection, user });
     */
    snapshot: connectionProcedure
      .input(snapshotInput)
      .query(async ({ ctx, input }): Promise<AccessSnapshot> => {
        const request = GetAccessRequest.fromPartial({
          connectionId: ctx.connection,
          userId: input.user,
          freshness: freshness(input),
        });
        let answer: AccessSnapshot | undefined;
        for await (const { asOf, user, groups } of directory.roles.getAccess(request, ctx.call)) {
          answer ??= { ...rolesAnswer(user), groups: [], asOf };
          answer.groups.push(...groups.map(groupOfUser));
        }
        if (answer === undefined) throw new Error('The directory answered without a header');
        return answer;
      }),
  });
}
