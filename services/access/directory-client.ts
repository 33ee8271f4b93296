import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { RoleServiceService } from '#proto/rollcall/directory/v1/role_service.ts';
import { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { createRpcClient, type RpcChannel, type RpcClient } from '#rpc/rpc-client.ts';
import { createSharedLookUps, type SharedLookUps } from '#rpc/shared-look-ups.ts';

export type { CallOptions } from '#rpc/rpc-client.ts';

/** The services of the directory that the access service asks. */
export interface DirectoryClient {
  /** Connections and service tokens. */
  readonly connections: RpcClient<typeof ConnectionServiceService>;
  /** Users. */
  readonly users: RpcClient<typeof UserServiceService>;
  /** Users and groups by what few share, many by one call. */
  readonly lookUp: SharedLookUps;
  /** Groups. */
  readonly groups: RpcClient<typeof GroupServiceService>;
  /** Who is a member of what. */
  readonly memberships: RpcClient<typeof MembershipServiceService>;
  /** Who has which role. */
  readonly roles: RpcClient<typeof RoleServiceService>;
  /** What changed, and who follows that. */
  readonly changes: RpcClient<typeof ChangeServiceService>;
}

/** What the access service calls and what may be sent again: it reads, or says what was said already. */
export const repeatableMethods = [
  ConnectionServiceService.getConnection,
  ConnectionServiceService.authenticateService,
  UserServiceService.getUser,
  UserServiceService.listUsers,
  GroupServiceService.getGroup,
  GroupServiceService.listGroups,
  SearchServiceService.lookUpResources,
  MembershipServiceService.listMembers,
  MembershipServiceService.listUserGroups,
  MembershipServiceService.batchCheckMemberships,
  RoleServiceService.batchListUserRoles,
  RoleServiceService.checkUserRole,
  RoleServiceService.listRoleHolders,
  RoleServiceService.batchGetAccess,
  ChangeServiceService.listChanges,
  ChangeServiceService.export,
  ChangeServiceService.registerConsumer,
  ChangeServiceService.acknowledge,
] as const;

/** Makes the clients; they share the channel. */
export function createDirectoryClient(channel: RpcChannel): DirectoryClient {
  return {
    connections: createRpcClient(ConnectionServiceService, channel),
    users: createRpcClient(UserServiceService, channel),
    lookUp: createSharedLookUps(createRpcClient(SearchServiceService, channel)),
    groups: createRpcClient(GroupServiceService, channel),
    memberships: createRpcClient(MembershipServiceService, channel),
    roles: createRpcClient(RoleServiceService, channel),
    changes: createRpcClient(ChangeServiceService, channel),
  };
}
