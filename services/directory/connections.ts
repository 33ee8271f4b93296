import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { isExpired } from './credentials.ts';
import type { Command, ConnectionDetails, ConnectionUpdate, WriteSettings } from './decision.ts';
import { connectionNotFound, DirectoryError } from './errors.ts';
import { findConnection, findLiveConnection } from './find-connection.ts';
import type { Committer } from './mongo/commit-queues.ts';
import type { Database } from './mongo/database.ts';
import type { ConnectionDocument, HeadDocument, ServiceTokenDocument } from './mongo/documents.ts';
import type { Purge } from './mongo/purge.ts';
import { newConnectionId, newSecret, newTokenId } from './secrets.ts';
import { newToken, type TokenInput, tokenInvalid, tokenNotFound } from './tokens.ts';

/** A connection with its counts. */
export interface ConnectionWithHead {
  /** The connection. */
  readonly connection: ConnectionDocument;
  /** Its counts and position; absent while it is being deleted. */
  readonly head: HeadDocument | undefined;
}

/** What operators do with connections and with the tokens of internal services, which access asks about. */
export interface Connections {
  /** Creates a connection with one token. */
  create(input: ConnectionDetails & WriteSettings): Promise<ConnectionWithHead & { token: string }>;
  /** Changes what is given. CONNECTION_NOT_FOUND, also for one that is being deleted; UNIQUENESS. */
  update(id: string, update: ConnectionUpdate): Promise<ConnectionWithHead>;
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

const firstToken: TokenInput = { label: 'first token', expires: undefined, readOnly: false, userId: '' };

function operatorCommand(
  connection: string,
  now: number,
  { load, decide }: Pick<Command<void>, 'load' | 'decide'>,
): Command<void> {
  return {
    connection,
    requestId: '',
    time: new Date(now),
    deadline: now + 30_000,
    alone: true,
    validateOnly: false,
    operator: true,
    load,
    decide,
  };
}

function statusCommand(connection: string, status: ConnectionStatus, now: number): Command<void> {
  return operatorCommand(connection, now, {
    async load() {},
    decide: () => ({ status, reply: () => undefined }),
  });
}

function updateCommand(connection: string, update: ConnectionUpdate, now: number): Command<void> {
  let shared: readonly (readonly [string, string])[] = [];
  return operatorCommand(connection, now, {
    async load(reader) {
      const begins = update.uniqueGroupNames === true && !reader.settings.uniqueGroupNames;
      shared = begins ? await reader.groupsOfOneName() : [];
    },
    decide() {
      if (shared.length > 0) throw namesShared(shared);
      return { update, reply: () => undefined };
    },
  });
}

function namesShared(pairs: readonly (readonly [string, string])[]): DirectoryError {
  const named = pairs.map(([first, second]) => `${first} and ${second}`).join(', ');
  return new DirectoryError(
    ErrorReason.UNIQUENESS,
    `Group names cannot be made unique while groups share them: rename or delete one of ${named}.`,
    {
      resource_type: 'Group',
      attribute: 'displayName',
      ids: pairs.map((pair) => pair.join('=')).join(),
    },
  );
}

/** Makes the operations on connections. */
export function createConnections(
  database: Database,
  committer: Committer,
  purge: Purge,
  clock: () => number,
): Connections {
  async function withHead(connection: ConnectionDocument): Promise<ConnectionWithHead> {
    const head = await database.heads.findOne(database.point(connection._id, connection._id));
    return { connection, head: head ?? undefined };
  }

  return {
    async create({ uniqueGroupNames, requiredAttributes, onDelete, ...details }) {
      const id = newConnectionId();
      const settings = { uniqueGroupNames, requiredAttributes, onDelete };
      const { token, secret } = newToken(firstToken, clock());
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
        settings,
      };
      const connection: ConnectionDocument = {
        _id: id,
        connection: id,
        ...details,
        ...settings,
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
    async update(id, update) {
      await findLiveConnection(database, id);
      await committer.submit(updateCommand(id, update, clock()));
      return withHead(await findLiveConnection(database, id));
    },
    get: async (id) => withHead(await findConnection(database, id)),
    async *list() {
      const connections = await database.connections.find().toArray();
      connections.sort((a, b) => a.created.getTime() - b.created.getTime());
      for (const connection of connections) yield await withHead(connection);
    },
    async setStatus(id, status) {
      const connection = await findLiveConnection(database, id);
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
      await findConnection(database, id);
      const status = ConnectionStatus.DELETING;
      // The head first: what is to be purged must take no more writes, also when this process ends in between.
      await committer.submit(statusCommand(id, status, clock()));
      await database.connections.updateOne(database.point(id, id), {
        $set: { status, tokens: {}, clients: {}, accessTokens: {} },
        $unset: { trustedIssuer: '' },
      });
      purge.start(id);
    },
    async createServiceToken({ label, connections, allConnections, expires }) {
      for (const id of connections) await findLiveConnection(database, id);
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
      if (!token || isExpired(token, clock())) throw tokenInvalid();
      return token;
    },
  };
}
