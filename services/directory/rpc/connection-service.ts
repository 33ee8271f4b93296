import {
  AuthenticateResponse,
  AuthenticateServiceResponse,
  Connection,
  type ConnectionServiceService,
  ConnectionStatus,
  CreateConnectionResponse,
  CreateServiceTokenResponse,
  CreateTokenResponse,
  DeleteConnectionResponse,
  GetConnectionResponse,
  ListConnectionsResponse,
  ListServiceTokensResponse,
  ListTokensResponse,
  PauseConnectionResponse,
  ResumeConnectionResponse,
  RevokeServiceTokenResponse,
  RevokeTokenResponse,
  ServiceToken,
  Token,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { Connections, ConnectionWithHead } from '../connections.ts';
import type { ServiceTokenDocument, TokenRecord } from '../mongo/documents.ts';
import type { Heads } from '../mongo/heads.ts';
import type { Tokens } from '../tokens.ts';
import { boundedText, readFreshness, readLimits, requestInvalid } from './request-checks.ts';

const maxNameLength = 200;
const maxServiceConnections = 1_000;
const digestLength = 32;

function connectionMessage({ connection, head }: ConnectionWithHead): Connection {
  const { _id: id, name, provider, strict, uniqueGroupNames, status, created } = connection;
  const { users = 0, groups = 0, position = 0 } = head ?? {};
  return Connection.fromPartial({
    id,
    name,
    provider,
    strict,
    uniqueGroupNames,
    status,
    created,
    users,
    groups,
    position,
  });
}

function tokenMessage(
  { id, label, created, expires, readOnly = false, userId = '' }: TokenRecord,
  lastUsed?: Date,
): Token {
  return Token.fromPartial({ id, label, created, expires: expires ?? undefined, lastUsed, readOnly, userId });
}

function serviceTokenMessage({
  id,
  label,
  connections,
  allConnections,
  created,
  expires,
}: ServiceTokenDocument): ServiceToken {
  return ServiceToken.fromPartial({
    id,
    label,
    connectionIds: connections,
    allConnections,
    created,
    expires: expires ?? undefined,
  });
}

function checkDigest(digest: Uint8Array): Uint8Array {
  if (digest.length !== digestLength) throw requestInvalid('token_digest', `must have ${digestLength} bytes`);
  return digest;
}

function checkExpiry(expires: Date | undefined, now: number): Date | undefined {
  if (expires && expires.getTime() <= now) throw requestInvalid('expires', 'must lie in the future');
  return expires;
}

/** Serves ConnectionService. */
export function connectionService(
  connections: Connections,
  tokens: Tokens,
  heads: Heads,
  clock: () => number,
): ServiceHandlers<typeof ConnectionServiceService> {
  return {
    async createConnection({ name, provider, strict }) {
      const text = boundedText(name, 'name', 1, maxNameLength);
      const { token, ...created } = await connections.create({ name: text, provider, strict });
      return CreateConnectionResponse.fromPartial({ connection: connectionMessage(created), token });
    },
    async getConnection({ connectionId, freshness }, call) {
      const { atLeast } = readFreshness(freshness);
      if (atLeast !== undefined) await heads.reached(connectionId, atLeast, readLimits(call));
      return GetConnectionResponse.fromPartial({
        connection: connectionMessage(await connections.get(connectionId)),
      });
    },
    async *listConnections() {
      for await (const connection of connections.list())
        yield ListConnectionsResponse.fromPartial({ connection: connectionMessage(connection) });
    },
    async pauseConnection({ connectionId }) {
      const paused = await connections.setStatus(connectionId, ConnectionStatus.PAUSED);
      return PauseConnectionResponse.fromPartial({ connection: connectionMessage(paused) });
    },
    async resumeConnection({ connectionId }) {
      const resumed = await connections.setStatus(connectionId, ConnectionStatus.ACTIVE);
      return ResumeConnectionResponse.fromPartial({ connection: connectionMessage(resumed) });
    },
    async deleteConnection({ connectionId }) {
      await connections.remove(connectionId);
      return DeleteConnectionResponse.fromPartial({});
    },
    async createToken({ connectionId, label, expires, readOnly, userId }) {
      const { token, secret } = await tokens.create(connectionId, {
        label: boundedText(label, 'label', 0, maxNameLength),
        expires: checkExpiry(expires, clock()),
        readOnly,
        userId,
      });
      return CreateTokenResponse.fromPartial({ token: tokenMessage(token), secret });
    },
    async listTokens({ connectionId }) {
      const listed = await tokens.list(connectionId);
      return ListTokensResponse.fromPartial({
        tokens: listed.map(({ lastUsed, ...token }) => tokenMessage(token, lastUsed)),
      });
    },
    async revokeToken({ connectionId, tokenId }) {
      await tokens.revoke(connectionId, tokenId);
      return RevokeTokenResponse.fromPartial({});
    },
    async authenticate({ connectionId, tokenDigest }) {
      const { connection, token } = await tokens.authenticate(connectionId, checkDigest(tokenDigest));
      return AuthenticateResponse.fromPartial({
        connection: connectionMessage({ connection, head: undefined }),
        tokenId: token.id,
        readOnly: token.readOnly ?? false,
        userId: token.userId ?? '',
      });
    },
    async createServiceToken({ label, connectionIds, allConnections, expires }) {
      if (!allConnections && connectionIds.length === 0)
        throw requestInvalid('connection_ids', 'must name at least one connection, or set all_connections');
      if (connectionIds.length > maxServiceConnections)
        throw requestInvalid('connection_ids', `must be at most ${maxServiceConnections}`);
      const { token, secret } = await connections.createServiceToken({
        label: boundedText(label, 'label', 0, maxNameLength),
        connections: [...new Set(connectionIds)],
        allConnections,
        expires: checkExpiry(expires, clock()),
      });
      return CreateServiceTokenResponse.fromPartial({ token: serviceTokenMessage(token), secret });
    },
    async listServiceTokens() {
      const tokens = await connections.listServiceTokens();
      return ListServiceTokensResponse.fromPartial({ tokens: tokens.map(serviceTokenMessage) });
    },
    async revokeServiceToken({ tokenId }) {
      await connections.revokeServiceToken(tokenId);
      return RevokeServiceTokenResponse.fromPartial({});
    },
    async authenticateService({ tokenDigest }) {
      const token = await connections.authenticateService(checkDigest(tokenDigest));
      return AuthenticateServiceResponse.fromPartial({ token: serviceTokenMessage(token) });
    },
  };
}
