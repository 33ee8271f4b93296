import type { AccessCache, AccessSnapshot } from './access-cache.ts';
import { resourceId } from './find-input.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

const snapshotInput = queryInput({ user: resourceId });

/** `access.snapshot`. */
export function createSnapshotRouter(cache: AccessCache) {
  return router({
    /**
     * All that a session needs of a user, as it was at one position: whether the user is active, its groups and its roles.
     * Fails with RESOURCE_NOT_FOUND.
     * @example
     * const { active, groups, roles, validUntil } = await rollcall.access.snapshot.query({ connection, user });
     */
    snapshot: connectionProcedure
      .input(snapshotInput)
      .query(
        ({ ctx, input }): Promise<AccessSnapshot> =>
          cache.snapshot(ctx.connection, input.user, freshness(input), ctx.call),
      ),
  });
}
