import {
  AuthenticateRequest,
  ConnectionServiceService,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { isDirectoryServing } from '#rpc/directory-health.ts';
import { createRpcClient, type RpcChannel } from '#rpc/rpc-client.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { createGroupCalls } from './group-calls.ts';
import type { ResourceCalls } from './resource-calls.ts';
import { createSearch, type Search } from './search-call.ts';
import { createUserCalls } from './user-calls.ts';

/** What a token opens, and how. */
export interface Admission {
  /** Whether its connection wants the RFC to the letter. */
  readonly strict: boolean;
  /** Whether no two of its groups may share a displayName. */
  readonly uniqueGroupNames: boolean;
  /** The token's id. */
  readonly tokenId: string;
  /** Whether it may only read. */
  readonly readOnly: boolean;
  /** The id of the user on whose behalf it is used; empty for none. */
  readonly userId: string;
}

/** The directory, as the gateway asks it: this folder alone knows that it is asked over gRPC. */
export interface DirectoryClient {
  /** Says what a token opens. Rejects with RpcError TOKEN_INVALID, CONNECTION_PAUSED. */
  authenticate(connectionId: string, tokenDigest: Buffer): Promise<Admission>;
  /** Reads a page of a list. */
  readonly search: Search;
  /** The calls for a resource type. */
  resources(resourceType: ResourceType): ResourceCalls;
  /** Whether it serves. Never rejects. */
  isServing(): Promise<boolean>;
}

/** The calls that may be sent again when the directory was not there. */
export const repeatableMethods = [
  ConnectionServiceService.authenticate,
  UserServiceService.getUser,
  GroupServiceService.getGroup,
  SearchServiceService.searchResources,
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
      const { connection, tokenId, readOnly, userId } = await connections.authenticate(request);
      const { strict = false, uniqueGroupNames = false } = connection ?? {};
      return { strict, uniqueGroupNames, tokenId, readOnly, userId };
    },
    search: createSearch(createRpcClient(SearchServiceService, channel)),
    resources({ name }) {
      const found = calls.get(name);
      if (found === undefined) throw new Error(`No calls for resources of type ${name}.`);
      return found;
    },
    isServing: () => isDirectoryServing(channel),
  };
}
