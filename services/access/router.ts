import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { createSnapshotRouter } from './access-router.ts';
import { createChangesRouter } from './changes-router.ts';
import { createConnectionsRouter } from './connections-router.ts';
import { createConsumersRouter } from './consumers-router.ts';
import type { DirectoryClient } from './directory-client.ts';
import { createGroupsRouter } from './groups-router.ts';
import { createMembershipsRouter } from './memberships-router.ts';
import { createRolesRouter } from './roles-router.ts';
import { router } from './trpc.ts';
import { createUsersRouter } from './users-router.ts';

/** Every procedure of the access service. Each asks the directory anew, so no answer is older than the question. */
export function createAccessRouter(directory: DirectoryClient) {
  const registry = createSchemaRegistry();
  const resourceType = (name: string) => {
    const found = registry.resourceType(name);
    if (found === undefined) throw new Error(`The schema registry has no resource type ${name}`);
    return found;
  };
  return router({
    users: createUsersRouter(directory, resourceType('User')),
    groups: createGroupsRouter(directory, resourceType('Group')),
    memberships: createMembershipsRouter(directory),
    roles: createRolesRouter(directory),
    access: createSnapshotRouter(directory),
    connections: createConnectionsRouter(directory),
    changes: createChangesRouter(directory),
    consumers: createConsumersRouter(directory),
  });
}

// Never called. The compiler spells out its result, so that the declarations of the client end there and do not go on
// to the parameter, the directory's client and all of gRPC.
const spellOut = () => createAccessRouter({} as DirectoryClient);

/** The type of the router, from which clients know every procedure. */
export type AccessRouter = ReturnType<typeof spellOut>;
