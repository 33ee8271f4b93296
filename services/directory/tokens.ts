import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { isActive } from './active.ts';
import { type Credential, findCredential } from './credentials.ts';
import { DirectoryError } from './errors.ts';
import { findLiveConnection, findNamedConnection } from './find-connection.ts';
import { noteUse } from './last-used.ts';
import type { Database } from './mongo/database.ts';
import type { ConnectionDocument, TokenRecord } from './mongo/documents.ts';
import { readResourceFields } from './mongo/resource-fields.ts';
import { newSecret, newTokenId } from './secrets.ts';
import { resourceNotFound } from './write-command.ts';

/** How many tokens a connection may have. */
export const maxTokens = 20;

/** What a new token is to be. */
export interface TokenInput {
  /** A note for operators. */
  readonly label: string;
  /** When it ends; undefined is never. */
  readonly expires: Date | undefined;
  /** It may read but not write. */
  readonly readOnly: boolean;
  /** The id of the user on whose behalf it is used; empty for none. */
  readonly userId: string;
}

/** A token as operators see it. */
export type ListedToken = TokenRecord & { readonly lastUsed: Date | undefined };

/** What operators do with the tokens of a connection, and what the gateway asks when one comes in. */
export interface Tokens {
  /** Creates a token. CONNECTION_NOT_FOUND, RESOURCE_NOT_FOUND (its user), LIMIT_EXCEEDED. */
  create(id: string, input: TokenInput): Promise<{ token: TokenRecord; secret: string }>;
  /** Reads the tokens, oldest first. CONNECTION_NOT_FOUND. */
  list(id: string): Promise<readonly ListedToken[]>;
  /** Revokes a token. CONNECTION_NOT_FOUND, TOKEN_NOT_FOUND. */
  revoke(id: string, tokenId: string): Promise<void>;
  /**
   * Says whether a bearer token, an OAuth client's access token included, opens a connection, paused or not; one that is
   * tied to a user only while that user is active. TOKEN_INVALID.
   */
  authenticate(
    id: string,
    digest: Uint8Array,
  ): Promise<{ connection: ConnectionDocument; credential: Credential }>;
}

/** The error for a token that opens nothing; it does not say why. */
export function tokenInvalid(): DirectoryError {
  return new DirectoryError(
    ErrorReason.TOKEN_INVALID,
    'The token is unknown, revoked or expired, belongs to another connection, or its user is deleted or inactive.',
  );
}

/** The error for an id that names no token. */
export function tokenNotFound(id: string): DirectoryError {
  return new DirectoryError(ErrorReason.TOKEN_NOT_FOUND, 'No token has this id.', { token: id.slice(0, 64) });
}

/** Makes a token and its secret; nothing is stored. */
export function newToken(
  { label, expires, readOnly, userId }: TokenInput,
  now: number,
): { readonly token: TokenRecord; readonly secret: string } {
  const { secret, digest } = newSecret();
  const token: TokenRecord = {
    id: newTokenId(),
    digest,
    label,
    created: new Date(now),
    expires: expires ?? null,
    readOnly,
    ...(userId !== '' && { userId }),
  };
  return { token, secret };
}

/**
 * Makes the operations on tokens.
 * @param userType the type of the resources that tokens may be tied to.
 */
export function createTokens(database: Database, userType: ResourceType, clock: () => number): Tokens {
  async function findUser(connection: string, id: string): Promise<JsonObject | undefined> {
    const found = await readResourceFields(database, userType, connection, [id], ['active'], undefined);
    return found.get(id);
  }

  // Asked each time, so that neither deleting nor deactivating a user has to find the user's tokens.
  async function isUserActive(connection: string, userId: string): Promise<boolean> {
    if (userId === '') return true;
    const user = await findUser(connection, userId);
    return user !== undefined && isActive(user);
  }

  return {
    async create(id, input) {
      const connection = await findLiveConnection(database, id);
      if (Object.keys(connection.tokens).length >= maxTokens) {
        throw new DirectoryError(
          ErrorReason.LIMIT_EXCEEDED,
          `A connection has at most ${maxTokens} tokens; revoke one first.`,
          { limit: 'tokens', maximum: String(maxTokens) },
        );
      }
      if (input.userId !== '' && !(await findUser(id, input.userId)))
        throw resourceNotFound(userType, input.userId);
      const { token, secret } = newToken(input, clock());
      await database.connections.updateOne(database.point(id, id), {
        $set: { [`tokens.${token.id}`]: token },
      });
      return { token, secret };
    },
    async list(id) {
      const { tokens, lastUsed } = await findLiveConnection(database, id);
      return Object.values(tokens)
        .map((token) => ({ ...token, lastUsed: lastUsed[token.id] }))
        .sort((a, b) => a.created.getTime() - b.created.getTime());
    },
    async revoke(id, tokenId) {
      const { tokens } = await findLiveConnection(database, id);
      if (!Object.hasOwn(tokens, tokenId)) throw tokenNotFound(tokenId);
      await database.connections.updateOne(database.point(id, id), {
        $unset: { [`tokens.${tokenId}`]: '', [`lastUsed.${tokenId}`]: '' },
      });
    },
    async authenticate(id, digest) {
      const connection = await findNamedConnection(database, id);
      const credential = connection && findCredential(connection, digest, clock());
      if (!connection || !credential) throw tokenInvalid();
      if (!(await isUserActive(id, credential.userId))) throw tokenInvalid();
      await noteUse(database, connection, credential.id, clock());
      return { connection, credential };
    },
  };
}
