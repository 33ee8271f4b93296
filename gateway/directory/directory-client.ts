import {
  AuthenticateRequest,
  type Connection,
  ConnectionServiceService,
  ConnectionStatus,
  type Extension,
  type TrustedIssuer,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  type Exchange as ExchangeRecord,
  ExchangeServiceService,
} from '#proto/rollcall/directory/v1/exchange_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { isDirectoryServing } from '#rpc/directory-health.ts';
import { createRpcClient, type RpcChannel } from '#rpc/rpc-client.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { createSharedLookUps } from '#rpc/shared-look-ups.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { createGroupCalls } from './group-calls.ts';
import type { ResourceCalls } from './resource-calls.ts';
import { createSearch, type Search } from './search-call.ts';
import { createUserCalls } from './user-calls.ts';

/** What the stages know of a connection. */
export interface ConnectionSettings {
  /** Whether it wants the RFC to the letter. */
  readonly strict: boolean;
  /** Whether no two of its groups may share a displayName. */
  readonly uniqueGroupNames: boolean;
  /** The names of attributes that the connection requires. */
  readonly requiredAttributes: readonly string[];
  /** The names of attributes that the sync log does not show. */
  readonly maskedAttributes: readonly string[];
  /** The extensions that it declares. */
  readonly extensions: readonly Extension[];
  /** Whether it keeps what no schema knows; a strict one refuses that. */
  readonly keepsUnknown: boolean;
}

/** What a token opens, and how. */
export interface Admission extends ConnectionSettings {
  /** Whether the connection is paused, which only who has a good token may know: the request is to be refused. */
  readonly isPaused: boolean;
  /** The token's id; of one that changes by the hour, that of whom it was made for. */
  readonly tokenId: string;
  /** Whether it may only read. */
  readonly readOnly: boolean;
  /** The id of the user on whose behalf it is used; empty for none. */
  readonly userId: string;
}

/** Whose signed tokens open a connection. */
export interface IssuerTrust {
  /** The issuer, and what its tokens must say. */
  readonly issuer: TrustedIssuer;
  /** Whether the connection is paused, which only who has a good token may know. */
  readonly isPaused: boolean;
  /** What such a token opens. */
  readonly settings: ConnectionSettings;
}

/** The directory, as the gateway asks it: this folder alone knows that it is asked over gRPC. */
export interface DirectoryClient {
  /** Says what a token opens. Rejects with RpcError TOKEN_INVALID. */
  authenticate(connectionId: string, tokenDigest: Buffer): Promise<Admission>;
  /** Gives an OAuth client an access token, good for so many seconds. Rejects with RpcError CLIENT_INVALID, CONNECTION_PAUSED. */
  issueAccessToken(
    connectionId: string,
    clientId: string,
    secretDigest: Buffer,
  ): Promise<{ readonly accessToken: string; readonly expiresIn: number }>;
  /** Says whose signed tokens open a connection. Rejects with RpcError TOKEN_INVALID. */
  trustedIssuer(connectionId: string): Promise<IssuerTrust>;
  /** Adds exchanges to the sync log. Rejects with RpcError; see `isRefused`. */
  recordExchanges(exchanges: readonly ExchangeRecord[], signal: AbortSignal): Promise<void>;
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
  ConnectionServiceService.getTrustedIssuer,
  UserServiceService.getUser,
  GroupServiceService.getGroup,
  SearchServiceService.searchResources,
  SearchServiceService.lookUpResources,
] as const;

// Nobody waits for it, and an answer that comes late is sent again without harm.
const recordTimeoutMs = 10_000;

/** Whether the directory refused a call for what it says, as it would another time. */
export function isRefused(error: unknown): boolean {
  return error instanceof RpcError && error.reason === ErrorReason.REQUEST_INVALID;
}

/** Makes the client over a channel. */
export function createDirectoryClient(channel: RpcChannel): DirectoryClient {
  const connections = createRpcClient(ConnectionServiceService, channel);
  const exchanges = createRpcClient(ExchangeServiceService, channel);
  const searches = createRpcClient(SearchServiceService, channel);
  const lookUp = createSharedLookUps(searches);
  const calls = new Map<string, ResourceCalls>([
    ['User', createUserCalls(createRpcClient(UserServiceService, channel), lookUp)],
    ['Group', createGroupCalls(createRpcClient(GroupServiceService, channel), lookUp)],
  ]);
  return {
    async authenticate(connectionId, tokenDigest) {
      const request = AuthenticateRequest.fromPartial({ connectionId, tokenDigest });
      const { connection, tokenId, readOnly, userId } = await connections.authenticate(request);
      return { ...settingsOf(connection), isPaused: isPaused(connection), tokenId, readOnly, userId };
    },
    issueAccessToken: (connectionId, clientId, secretDigest) =>
      connections.issueAccessToken({ connectionId, clientId, secretDigest }),
    async trustedIssuer(connectionId) {
      const { connection } = await connections.getTrustedIssuer({ connectionId });
      if (connection?.trustedIssuer === undefined) throw new Error('The directory named no trusted issuer.');
      const settings = settingsOf(connection);
      return { issuer: connection.trustedIssuer, isPaused: isPaused(connection), settings };
    },
    async recordExchanges(records, signal) {
      await exchanges.recordExchanges({ exchanges: [...records] }, { signal, timeoutMs: recordTimeoutMs });
    },
    search: createSearch(searches, lookUp),
    resources({ name }) {
      const found = calls.get(name);
      if (found === undefined) throw new Error(`No calls for resources of type ${name}.`);
      return found;
    },
    isServing: () => isDirectoryServing(channel),
  };
}

/** What the stages know of a connection, from its message. */
export function settingsOf(connection: Connection | undefined): ConnectionSettings {
  const { strict = false, uniqueGroupNames = false, requiredAttributes = [] } = connection ?? {};
  const { maskedAttributes = [], extensions = [], unknownAttributes } = connection ?? {};
  const keepsUnknown = !strict && unknownAttributes === UnknownAttributes.KEEP;
  return { strict, uniqueGroupNames, requiredAttributes, maskedAttributes, extensions, keepsUnknown };
}

function isPaused(connection: Connection | undefined): boolean {
  return connection?.status === ConnectionStatus.PAUSED;
}
