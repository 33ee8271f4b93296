import type { AccessCache } from './access-cache.ts';
import { createSnapshotRouter } from './access-router.ts';
import { createChangesRouter } from './changes-router.ts';
import { createFilterReader } from './connection-filters.ts';
import { createConnectionsRouter } from './connections-router.ts';
import { createConsumersRouter } from './consumers-router.ts';
import type { DirectoryClient } from './directory-client.ts';
import { createGroupsRouter } from './groups-router.ts';
import { createMembershipsRouter } from './memberships-router.ts';
import { createRolesRouter } from './roles-router.ts';
import { router } from './trpc.ts';
import { createUsersRouter } from './users-router.ts';

/** Every procedure of the access service. What is asked about one user's access is answered by the cache; the rest asks the directory anew. */
export function createAccessRouter(directory: DirectoryClient, cache: AccessCache) {
  const readFilter = createFilterReader(directory);
  return router({
    users: createUsersRouter(directory, readFilter),
    groups: createGroupsRouter(directory, readFilter),
    memberships: createMembershipsRouter(directory, cache),
    roles: createRolesRouter(directory, cache),
    access: createSnapshotRouter(cache),
    connections: createConnectionsRouter(directory),
    changes: createChangesRouter(directory),
    consumers: createConsumersRouter(directory),
  });
}

// Never called. The compiler spells out its result, so that the declarations of the client end there and do not go on
// to the parameter, the directory's client and all of gRPC.
const spellOut = () => createAccessRouter({} as DirectoryClient, {} as AccessCache);

/** The type of the router, from which clients know every procedure. */
export type AccessRouter = ReturnType<typeof spellOut>;
