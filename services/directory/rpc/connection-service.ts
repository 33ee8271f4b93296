import {
  AuthenticateResponse,
  AuthenticateServiceResponse,
  ClearTrustedIssuerResponse,
  Client,
  type ConnectionServiceService,
  ConnectionStatus,
  CreateClientResponse,
  CreateConnectionResponse,
  CreateServiceTokenResponse,
  CreateTokenResponse,
  DeclareExtensionResponse,
  DeleteConnectionResponse,
  GetConnectionResponse,
  GetTrustedIssuerResponse,
  IssueAccessTokenResponse,
  ListClientsResponse,
  ListConnectionsResponse,
  ListServiceTokensResponse,
  ListTokensResponse,
  PauseConnectionResponse,
  PreviewAttributeMappingResponse,
  RemoveExtensionResponse,
  ResumeConnectionResponse,
  RevokeClientResponse,
  RevokeServiceTokenResponse,
  RevokeTokenResponse,
  ServiceToken,
  SetTrustedIssuerResponse,
  Token,
  type TrustedIssuer,
  UpdateConnectionResponse,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { defaultAttributeMapping, parseAttributeMapping } from '../attribute-mapping.ts';
import type { Clients } from '../clients.ts';
import type { Connections } from '../connections.ts';
import { keySetUrlProblem } from '../key-set-url.ts';
import type { PreviewMapping } from '../mapping-preview.ts';
import type {
  ClientRecord,
  ServiceTokenDocument,
  TokenRecord,
  TrustedIssuerRecord,
} from '../mongo/documents.ts';
import type { Heads } from '../mongo/heads.ts';
import type { ServiceTokens } from '../service-tokens.ts';
import type { Tokens } from '../tokens.ts';
import type { TrustedIssuers } from '../trusted-issuers.ts';
import { connectionMessage, readConnectionUpdate, readNewConnection } from './connection-message.ts';
import {
  boundedText,
  checkConnection,
  readFreshness,
  readLimits,
  requestInvalid,
  required,
} from './request-checks.ts';

const maxLabelLength = 200;
const maxServiceConnections = 1_000;
const maxClaimLength = 500;
const maxUrlLength = 2_000;
const digestLength = 32;
const defaultSamples = 10;
const maxSamples = 100;

function tokenMessage(
  { id, label, created, expires, readOnly = false, userId = '' }: TokenRecord,
  lastUsed?: Date,
): Token {
  return Token.fromPartial({ id, label, created, expires: expires ?? undefined, lastUsed, readOnly, userId });
}

function clientMessage({ id, label, created, expires, readOnly }: ClientRecord, lastUsed?: Date): Client {
  return Client.fromPartial({ id, label, created, expires: expires ?? undefined, lastUsed, readOnly });
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

function checkDigest(digest: Uint8Array, field: string): Uint8Array {
  if (digest.length !== digestLength) throw requestInvalid(field, `must have ${digestLength} bytes`);
  return digest;
}

function checkIssuer(issuer: TrustedIssuer): TrustedIssuerRecord {
  const jwksUri = boundedText(issuer.jwksUri, 'issuer.jwks_uri', 1, maxUrlLength);
  const problem = keySetUrlProblem(jwksUri);
  if (problem !== undefined) throw requestInvalid('issuer.jwks_uri', problem);
  return {
    issuer: boundedText(issuer.issuer, 'issuer.issuer', 1, maxClaimLength),
    audience: boundedText(issuer.audience, 'issuer.audience', 1, maxClaimLength),
    jwksUri,
    applicationId: boundedText(issuer.applicationId, 'issuer.application_id', 0, maxClaimLength),
  };
}

function checkExpiry(expires: Date | undefined, now: number): Date | undefined {
  if (expires && expires.getTime() <= now) throw requestInvalid('expires', 'must lie in the future');
  return expires;
}

/** Serves ConnectionService. */
export function connectionService(
  {
    connections,
    tokens,
    clients,
    trustedIssuers,
    serviceTokens,
    previewMapping,
  }: {
    readonly connections: Connections;
    readonly tokens: Tokens;
    readonly clients: Clients;
    readonly trustedIssuers: TrustedIssuers;
    readonly serviceTokens: ServiceTokens;
    readonly previewMapping: PreviewMapping;
  },
  heads: Heads,
  registry: SchemaRegistry,
  clock: () => number,
): ServiceHandlers<typeof ConnectionServiceService> {
  return {
    async createConnection(request) {
      const { token, ...created } = await connections.create(readNewConnection(registry, request));
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
    async updateConnection({ connectionId, ...request }) {
      const registry = await connections.registryOf(connectionId);
      const updated = await connections.update(connectionId, readConnectionUpdate(registry, request));
      return UpdateConnectionResponse.fromPartial({ connection: connectionMessage(updated) });
    },
    async previewAttributeMapping({ connectionId, mapping, sampleSize = defaultSamples }, call) {
      const connection = checkConnection(connectionId);
      if (sampleSize < 0 || sampleSize > maxSamples)
        throw requestInvalid('sample_size', `must be 0 to ${maxSamples}`);
      const registry = await connections.registryOf(connection);
      const parsed = parseAttributeMapping(registry, mapping ?? defaultAttributeMapping, 'mapping');
      const { counts, ...read } = await previewMapping(connection, parsed, sampleSize, readLimits(call));
      const samples = [...counts.samples];
      return PreviewAttributeMappingResponse.fromPartial({ mapping: parsed, ...read, ...counts, samples });
    },
    async declareExtension({ connectionId, extension }) {
      const declared = await connections.declareExtension(connectionId, required(extension, 'extension'));
      return DeclareExtensionResponse.fromPartial({ connection: connectionMessage(declared) });
    },
    async removeExtension({ connectionId, urn }) {
      const removed = await connections.removeExtension(connectionId, urn);
      return RemoveExtensionResponse.fromPartial({ connection: connectionMessage(removed) });
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
        label: boundedText(label, 'label', 0, maxLabelLength),
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
      const digest = checkDigest(tokenDigest, 'token_digest');
      const { connection, credential } = await tokens.authenticate(connectionId, digest);
      return AuthenticateResponse.fromPartial({
        connection: connectionMessage({ connection, head: undefined }),
        tokenId: credential.id,
        readOnly: credential.readOnly,
        userId: credential.userId,
      });
    },
    async createClient({ connectionId, label, expires, readOnly }) {
      const { client, secret } = await clients.create(connectionId, {
        label: boundedText(label, 'label', 0, maxLabelLength),
        expires: checkExpiry(expires, clock()),
        readOnly,
      });
      return CreateClientResponse.fromPartial({ client: clientMessage(client), secret });
    },
    async listClients({ connectionId }) {
      const listed = await clients.list(connectionId);
      return ListClientsResponse.fromPartial({
        clients: listed.map(({ lastUsed, ...client }) => clientMessage(client, lastUsed)),
      });
    },
    async revokeClient({ connectionId, clientId }) {
      await clients.revoke(connectionId, clientId);
      return RevokeClientResponse.fromPartial({});
    },
    async issueAccessToken({ connectionId, clientId, secretDigest }) {
      const digest = checkDigest(secretDigest, 'secret_digest');
      return IssueAccessTokenResponse.fromPartial(await clients.issue(connectionId, clientId, digest));
    },
    async setTrustedIssuer({ connectionId, issuer }) {
      await trustedIssuers.set(connectionId, checkIssuer(required(issuer, 'issuer')));
      return SetTrustedIssuerResponse.fromPartial({});
    },
    async clearTrustedIssuer({ connectionId }) {
      await trustedIssuers.clear(connectionId);
      return ClearTrustedIssuerResponse.fromPartial({});
    },
    async getTrustedIssuer({ connectionId }) {
      const connection = await trustedIssuers.get(connectionId);
      return GetTrustedIssuerResponse.fromPartial({
        connection: connectionMessage({ connection, head: undefined }),
      });
    },
    async createServiceToken({ label, connectionIds, allConnections, expires }) {
      if (!allConnections && connectionIds.length === 0)
        throw requestInvalid('connection_ids', 'must name at least one connection, or set all_connections');
      if (connectionIds.length > maxServiceConnections)
        throw requestInvalid('connection_ids', `must be at most ${maxServiceConnections}`);
      const { token, secret } = await serviceTokens.create({
        label: boundedText(label, 'label', 0, maxLabelLength),
        connections: [...new Set(connectionIds)],
        allConnections,
        expires: checkExpiry(expires, clock()),
      });
      return CreateServiceTokenResponse.fromPartial({ token: serviceTokenMessage(token), secret });
    },
    async listServiceTokens() {
      const tokens = await serviceTokens.list();
      return ListServiceTokensResponse.fromPartial({ tokens: tokens.map(serviceTokenMessage) });
    },
    async revokeServiceToken({ tokenId }) {
      await serviceTokens.revoke(tokenId);
      return RevokeServiceTokenResponse.fromPartial({});
    },
    async authenticateService({ tokenDigest }) {
      const token = await serviceTokens.authenticate(checkDigest(tokenDigest, 'token_digest'));
      return AuthenticateServiceResponse.fromPartial({ token: serviceTokenMessage(token) });
    },
  };
}
