import { ConnectionStatus, Provider } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Command } from './decision.ts';
import { connectionNotFound, DirectoryError } from './errors.ts';
import type { Committer } from './mongo/commit-queues.ts';
import type { Database } from './mongo/database.ts';
import {
  type ConnectionDocument,
  type HeadDocument,
  isConnectionId,
  type ServiceTokenDocument,
  type TokenRecord,
} from './mongo/documents.ts';
import type { Purge } from './mongo/purge.ts';
import { digestEquals, newConnectionId, newSecret, newTokenId } from './secrets.ts';

/** How many tokens a connection may have. */
export const maxTokens = 20;

/** A connection with its counts. */
export interface ConnectionWithHead {
  /** The connection. */
  readonly connection: ConnectionDocument;
  /** Its counts and position; absent while it is being deleted. */
  readonly head: HeadDocument | undefined;
}

/** A token as operators see it. */
export type ListedToken = TokenRecord & { readonly lastUsed: Date | undefined };

/** What operators do with connections and tokens, and what gateway and access ask when a token comes in. */
export interface Connections {
  /** Creates a connection with one token. */
  create(input: {
    name: string;
    provider: Provider;
    strict: boolean;
  }): Promise<ConnectionWithHead & { token: string }>;
  /** Reads one. CONNECTION_NOT_FOUND. */
  get(id: string): Promise<ConnectionWithHead>;
  /** Reads all, oldest first. */
  list(): AsyncIterable<ConnectionWithHead>;
  /** Pauses or resumes one. CONNECTION_NOT_FOUND, also for one that is being deleted. */
  setStatus(
    id: string,
    status: 'CONNECTION_STATUS_ACTIVE' | 'CONNECTION_STATUS_PAUSED',
  ): Promise<ConnectionWithHead>;
  /** Refuses a connection's requests at once and removes what it holds in the background. CONNECTION_NOT_FOUND. */
  remove(id: string): Promise<void>;
  /** Creates a token. CONNECTION_NOT_FOUND, LIMIT_EXCEEDED. */
  createToken(
    id: string,
    label: string,
    expires: Date | undefined,
  ): Promise<{ token: TokenRecord; secret: string }>;
  /** Reads the tokens, oldest first. CONNECTION_NOT_FOUND. */
  listTokens(id: string): Promise<readonly ListedToken[]>;
  /** Revokes a token. CONNECTION_NOT_FOUND, TOKEN_NOT_FOUND. */
  revokeToken(id: string, tokenId: string): Promise<void>;
  /** Says whether a bearer token opens a connection. TOKEN_INVALID, CONNECTION_PAUSED. */
  authenticate(id: string, digest: Uint8Array): Promise<{ connection: ConnectionDocument; tokenId: string }>;
  /** Creates a token of an internal service. CONNECTION_NOT_FOUND. */
  createServiceToken(input: {
    label: string;
    connections: readonly string[];
    allConnections: boolean;
    expires: Date | undefined;
  }): Promise<{ token: ServiceTokenDocument; secret: string }>;
  /** Reads the tokens of internal services, oldest first. */
  listServiceTokens(): Promise<readonly ServiceTokenDocument[]>;
  /** Revokes the token of an internal service. TOKEN_NOT_FOUND. */
  revokeServiceToken(tokenId: string): Promise<void>;
  /** Says what an internal service's token opens. TOKEN_INVALID. */
  authenticateService(digest: Uint8Array): Promise<ServiceTokenDocument>;
}

// `lastUsed` is for people who look for tokens that nobody uses.
const lastUsedMs = 60_000;

function tokenInvalid(): DirectoryError {
  return new DirectoryError(
    ErrorReason.TOKEN_INVALID,
    'The token is unknown, revoked or expired, or belongs to another connection.',
  );
}

function tokenNotFound(id: string): DirectoryError {
  return new DirectoryError(ErrorReason.TOKEN_NOT_FOUND, 'No token has this id.', { token: id.slice(0, 64) });
}

function statusCommand(connection: string, status: ConnectionStatus, now: number): Command<void> {
  return {
    connection,
    requestId: '',
    time: new Date(now),
    deadline: now + 30_000,
    alone: true,
    validateOnly: false,
    operator: true,
    async load() {},
    decide: () => ({ status, reply: () => undefined }),
  };
}

/** Makes the operations on connections. */
export function createConnections(
  database: Database,
  committer: Committer,
  purge: Purge,
  clock: () => number,
): Connections {
  async function find(id: string): Promise<ConnectionDocument> {
    const found = isConnectionId(id) ? await database.connections.findOne(database.point(id, id)) : null;
    if (!found) throw connectionNotFound(id.slice(0, 64));
    return found;
  }

  async function findLive(id: string): Promise<ConnectionDocument> {
    const found = await find(id);
    if (found.status === ConnectionStatus.DELETING) throw connectionNotFound(id);
    return found;
  }

  async function withHead(connection: ConnectionDocument): Promise<ConnectionWithHead> {
    const head = await database.heads.findOne(database.point(connection._id, connection._id));
    return { connection, head: head ?? undefined };
  }

  function newToken(label: string, expires: Date | undefined) {
    const { secret, digest } = newSecret();
    const token: TokenRecord = {
      id: newTokenId(),
      digest,
      label,
      created: new Date(clock()),
      expires: expires ?? null,
    };
    return { token, secret };
  }

  const isExpired = ({ expires }: { expires: Date | null }) =>
    expires !== null && expires.getTime() <= clock();

  return {
    async create({ name, provider, strict }) {
      const id = newConnectionId();
      const { token, secret } = newToken('first token', undefined);
      const head: HeadDocument = {
        _id: id,
        connection: id,
        position: 0,
        floor: 1,
        users: 0,
        groups: 0,
        nextUser: 1,
        nextGroup: 1,
        draining: [],
        status: ConnectionStatus.ACTIVE,
      };
      const connection: ConnectionDocument = {
        _id: id,
        connection: id,
        name,
        provider: provider === Provider.UNSPECIFIED ? Provider.GENERIC : provider,
        strict,
        // RFC 7643 lets groups share a name; identity providers that match by it then mix groups up.
        uniqueGroupNames: !strict,
        status: ConnectionStatus.ACTIVE,
        created: new Date(clock()),
        tokens: { [token.id]: token },
        lastUsed: {},
      };
      // The head first: a connection without one would be there and serve nothing.
      await database.heads.insertOne(head);
      await database.connections.insertOne(connection);
      return { connection, head, token: secret };
    },
    get: async (id) => withHead(await find(id)),
    async *list() {
      const connections = await database.connections.find().toArray();
      connections.sort((a, b) => a.created.getTime() - b.created.getTime());
      for (const connection of connections) yield await withHead(connection);
    },
    async setStatus(id, status) {
      const connection = await findLive(id);
      // Whoever deletes it meanwhile has the last word.
      const { matchedCount } = await database.connections.updateOne(
        { ...database.point(id, id), status: { $ne: ConnectionStatus.DELETING } },
        { $set: { status } },
      );
      if (matchedCount === 0) throw connectionNotFound(id);
      await committer.submit(statusCommand(id, status, clock()));
      return withHead({ ...connection, status });
    },
    async remove(id) {
      await find(id);
      const status = ConnectionStatus.DELETING;
      // The head first: what is to be purged must take no more writes, also when this process ends in between.
      await committer.submit(statusCommand(id, status, clock()));
      await database.connections.updateOne(database.point(id, id), { $set: { status, tokens: {} } });
      purge.start(id);
    },
    async createToken(id, label, expires) {
      const connection = await findLive(id);
      if (Object.keys(connection.tokens).length >= maxTokens) {
        throw new DirectoryError(
          ErrorReason.LIMIT_EXCEEDED,
          `A connection has at most ${maxTokens} tokens; revoke one first.`,
          { limit: 'tokens', maximum: String(maxTokens) },
        );
      }
      const { token, secret } = newToken(label, expires);
      await database.connections.updateOne(database.point(id, id), {
        $set: { [`tokens.${token.id}`]: token },
      });
      return { token, secret };
    },
    async listTokens(id) {
      const { tokens, lastUsed } = await findLive(id);
      return Object.values(tokens)
        .map((token) => ({ ...token, lastUsed: lastUsed[token.id] }))
        .sort((a, b) => a.created.getTime() - b.created.getTime());
    },
    async revokeToken(id, tokenId) {
      const { tokens } = await findLive(id);
      if (!Object.hasOwn(tokens, tokenId)) throw tokenNotFound(tokenId);
      await database.connections.updateOne(database.point(id, id), {
        $unset: { [`tokens.${tokenId}`]: '', [`lastUsed.${tokenId}`]: '' },
      });
    },
    async authenticate(id, digest) {
      const connection = isConnectionId(id)
        ? await database.connections.findOne(database.point(id, id))
        : null;
      const token = Object.values(connection?.tokens ?? {}).find((record) =>
        digestEquals(record.digest, digest),
      );
      if (!connection || !token || isExpired(token) || connection.status === ConnectionStatus.DELETING)
        throw tokenInvalid();
      if (connection.status === ConnectionStatus.PAUSED) {
        throw new DirectoryError(
          ErrorReason.CONNECTION_PAUSED,
          'The connection is paused; try again later.',
          {
            connection: id,
          },
        );
      }
      const used = connection.lastUsed[token.id];
      if (!used || clock() - used.getTime() > lastUsedMs) {
        await database.connections.updateOne(database.point(id, id), {
          $set: { [`lastUsed.${token.id}`]: new Date(clock()) },
        });
      }
      return { connection, tokenId: token.id };
    },
    async createServiceToken({ label, connections, allConnections, expires }) {
      for (const id of connections) await findLive(id);
      const { secret, digest } = newSecret();
      const token: ServiceTokenDocument = {
        _id: digest,
        id: newTokenId(),
        label,
        connections: allConnections ? [] : [...connections],
        allConnections,
        created: new Date(clock()),
        expires: expires ?? null,
      };
      await database.serviceTokens.insertOne(token);
      return { token, secret };
    },
    async listServiceTokens() {
      const tokens = await database.serviceTokens.find().toArray();
      return tokens.sort((a, b) => a.created.getTime() - b.created.getTime());
    },
    async revokeServiceToken(tokenId) {
      const tokens = await database.serviceTokens.find().toArray();
      const token = tokens.find(({ id }) => id === tokenId);
      if (!token) throw tokenNotFound(tokenId);
      await database.serviceTokens.deleteOne({ _id: token._id });
    },
    async authenticateService(digest) {
      const token = await database.serviceTokens.findOne({ _id: Buffer.from(digest).toString('hex') });
      if (!token || isExpired(token)) throw tokenInvalid();
      return token;
    },
  };
}
