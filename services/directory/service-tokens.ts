import { isExpired } from './credentials.ts';
import { findLiveConnection } from './find-connection.ts';
import type { Database } from './mongo/database.ts';
import type { ServiceTokenDocument } from './mongo/documents.ts';
import { newSecret, newTokenId } from './secrets.ts';
import { tokenInvalid, tokenNotFound } from './tokens.ts';

/** The tokens by which internal services prove who they are, which access asks about. */
export interface ServiceTokens {
  /** Creates a token of an internal service. CONNECTION_NOT_FOUND. */
  create(input: {
    label: string;
    connections: readonly string[];
    allConnections: boolean;
    expires: Date | undefined;
  }): Promise<{ token: ServiceTokenDocument; secret: string }>;
  /** Reads the tokens of internal services, oldest first. */
  list(): Promise<readonly ServiceTokenDocument[]>;
  /** Revokes the token of an internal service. TOKEN_NOT_FOUND. */
  revoke(tokenId: string): Promise<void>;
  /** Says what an internal service's token opens. TOKEN_INVALID. */
  authenticate(digest: Uint8Array): Promise<ServiceTokenDocument>;
}

/** Makes the operations on tokens of internal services. */
export function createServiceTokens(database: Database, clock: () => number): ServiceTokens {
  return {
    async create({ label, connections, allConnections, expires }) {
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
    async list() {
      const tokens = await database.serviceTokens.find().toArray();
      return tokens.sort((a, b) => a.created.getTime() - b.created.getTime());
    },
    async revoke(tokenId) {
      const tokens = await database.serviceTokens.find().toArray();
      const token = tokens.find(({ id }) => id === tokenId);
      if (!token) throw tokenNotFound(tokenId);
      await database.serviceTokens.deleteOne({ _id: token._id });
    },
    async authenticate(digest) {
      const token = await database.serviceTokens.findOne({ _id: Buffer.from(digest).toString('hex') });
      if (!token || isExpired(token, clock())) throw tokenInvalid();
      return token;
    },
  };
}
