import type { Document } from 'mongodb';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { isExpired } from './credentials.ts';
import { connectionPaused, DirectoryError } from './errors.ts';
import { findLiveConnection, findNamedConnection } from './find-connection.ts';
import type { Database } from './mongo/database.ts';
import type { AccessTokenRecord, ClientRecord, ConnectionDocument } from './mongo/documents.ts';
import { digestEquals, newSecret, newTokenId } from './secrets.ts';

const maxClients = 20;
// Of one client. More than one, because several workers of an identity provider may each ask for their own.
const maxAccessTokens = 20;
const lifetimeMs = 60 * 60 * 1_000;

/** What a new client is to be. */
export interface ClientInput {
  /** A note for operators. */
  readonly label: string;
  /** When it ends; undefined is never. */
  readonly expires: Date | undefined;
  /** Its access tokens may read but not write. */
  readonly readOnly: boolean;
}

/** A client as operators see it. */
export type ListedClient = ClientRecord & { readonly lastUsed: Date | undefined };

/** What operators do with the OAuth clients of a connection, and what the gateway asks for one (RFC 6749, section 4.4). */
export interface Clients {
  /** Creates a client. CONNECTION_NOT_FOUND, LIMIT_EXCEEDED. */
  create(id: string, input: ClientInput): Promise<{ client: ClientRecord; secret: string }>;
  /** Reads the clients, oldest first. CONNECTION_NOT_FOUND. */
  list(id: string): Promise<readonly ListedClient[]>;
  /** Revokes a client and its access tokens. CONNECTION_NOT_FOUND, CLIENT_NOT_FOUND. */
  revoke(id: string, clientId: string): Promise<void>;
  /** Gives a client that presents its secret's digest an access token, good for so many seconds. CLIENT_INVALID, CONNECTION_PAUSED. */
  issue(
    id: string,
    clientId: string,
    secretDigest: Uint8Array,
  ): Promise<{ accessToken: string; expiresIn: number }>;
}

/** Makes the operations on OAuth clients. */
export function createClients(database: Database, clock: () => number): Clients {
  async function update(id: string, operators: Document): Promise<void> {
    await database.connections.updateOne(database.point(id, id), operators);
  }

  /** Keeps an access token beside the newest of its client, and drops what has expired. */
  async function store(
    { _id: id, accessTokens = {} }: ConnectionDocument,
    clientId: string,
    token: AccessTokenRecord,
  ): Promise<void> {
    const now = clock();
    const owners = Object.entries(accessTokens)
      .filter(([, tokens]) => tokens.some((each) => isExpired(each, now)))
      .map(([owner]) => tokensOf(owner));
    if (owners.length > 0) {
      const expired = { expires: { $lte: new Date(now) } };
      await update(id, { $pull: Object.fromEntries(owners.map((owner) => [owner, expired])) });
    }
    // The database keeps the bound: whatever is issued at the same time counts too.
    const newest = { $each: [token], $slice: -maxAccessTokens };
    await update(id, { $push: { [tokensOf(clientId)]: newest } });
  }

  return {
    async create(id, { label, expires, readOnly }) {
      const { clients = {} } = await findLiveConnection(database, id);
      if (Object.keys(clients).length >= maxClients) {
        throw new DirectoryError(
          ErrorReason.LIMIT_EXCEEDED,
          `A connection has at most ${maxClients} clients; revoke one first.`,
          { limit: 'clients', maximum: String(maxClients) },
        );
      }
      const { secret, digest } = newSecret();
      const created = new Date(clock());
      const client = { id: newTokenId(), digest, label, created, expires: expires ?? null, readOnly };
      await update(id, { $set: { [`clients.${client.id}`]: client } });
      return { client, secret };
    },
    async list(id) {
      const { clients = {}, lastUsed } = await findLiveConnection(database, id);
      return Object.values(clients)
        .map((client) => ({ ...client, lastUsed: lastUsed[client.id] }))
        .sort((a, b) => a.created.getTime() - b.created.getTime());
    },
    async revoke(id, clientId) {
      const { clients = {} } = await findLiveConnection(database, id);
      if (!Object.hasOwn(clients, clientId)) throw clientNotFound(clientId);
      const parts = [`clients.${clientId}`, tokensOf(clientId), `lastUsed.${clientId}`];
      await update(id, { $unset: Object.fromEntries(parts.map((part) => [part, ''])) });
    },
    async issue(id, clientId, secretDigest) {
      const connection = await findNamedConnection(database, id);
      const { clients = {} } = connection ?? {};
      const client = Object.hasOwn(clients, clientId) ? clients[clientId] : undefined;
      // Compared also where there is nothing to compare with, so that time tells nothing.
      const isSecret = digestEquals(client?.digest ?? '0'.repeat(64), secretDigest);
      const now = clock();
      if (!connection || !client || !isSecret || isExpired(client, now)) throw clientInvalid();
      if (connection.status === ConnectionStatus.PAUSED) throw connectionPaused(id);
      const { secret, digest } = newSecret();
      const ends = Math.min(now + lifetimeMs, client.expires?.getTime() ?? Number.POSITIVE_INFINITY);
      await store(connection, clientId, { digest, expires: new Date(ends) });
      return { accessToken: secret, expiresIn: Math.floor((ends - now) / 1_000) };
    },
  };
}

function tokensOf(clientId: string): string {
  return `accessTokens.${clientId}`;
}

function clientInvalid(): DirectoryError {
  return new DirectoryError(
    ErrorReason.CLIENT_INVALID,
    'The client is unknown, revoked or expired, belongs to another connection, or its secret is wrong.',
  );
}

function clientNotFound(id: string): DirectoryError {
  return new DirectoryError(ErrorReason.CLIENT_NOT_FOUND, 'No client has this id.', {
    client: id.slice(0, 64),
  });
}
