import {
  AuthenticateRequest,
  type Connection,
  ConnectionServiceService,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { isDirectoryServing } from '#rpc/directory-health.ts';
import { createRpcClient, type RpcChannel } from '#rpc/rpc-client.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { createGroupCalls } from './group-calls.ts';
import type { ResourceCalls } from './resource-calls.ts';
import { createUserCalls } from './user-calls.ts';

/** The directory, as the gateway asks it: this folder alone knows that it is asked over gRPC. */
export interface DirectoryClient {
  /** Says what a token opens. Rejects with RpcError TOKEN_INVALID, CONNECTION_PAUSED. */
  authenticate(connectionId: string, tokenDigest: Buffer): Promise<Pick<Connection, 'strict'>>;
  /** The calls for a resource type. */
  resources(resourceType: ResourceType): ResourceCalls;
  /** Whether it serves. Never rejects. */
  isServing(): Promise<boolean>;
}

/** The calls that may be sent again when the directory was not there. */
export const repeatableMethods = [
  ConnectionServiceService.authenticate,
  UserServiceService.getUser,
  UserServiceService.listUsers,
  GroupServiceService.getGroup,
  GroupServiceService.listGroups,
] as const;

/** Makes the client over a channel. */
export function createDirectoryClient(channel: RpcChannel): DirectoryClient {
  const connections = createRpcClient(ConnectionServiceService, channel);
  const calls = new Map<string, ResourceCalls>([
    ['User', createUserCalls(createRpcClient(UserServiceService, channel))],
    ['Group', createGroupCalls(createRpcClient(GroupServiceService, channel))],
  ]);
  return {
    async authenticate(connectionId, tokenDigest) {
      const request = AuthenticateRequest.fromPartial({ connectionId, tokenDigest });
      const { connection } = await connections.authenticate(request);
      return { strict: connection?.strict ?? false };
    },
    resources({ name }) {
      const found = calls.get(name);
      if (found === undefined) throw new Error(`No calls for resources of type ${name}.`);
      return found;
    },
    isServing: () => isDirectoryServing(channel),
  };
}
