import { findLiveConnection, findNamedConnection } from './find-connection.ts';
import { signedTokensId } from './last-used.ts';
import type { Database } from './mongo/database.ts';
import type { ConnectionDocument, TrustedIssuerRecord } from './mongo/documents.ts';
import { tokenInvalid } from './tokens.ts';

/** Whose signed tokens a connection accepts: what operators set and the gateway asks. */
export interface TrustedIssuers {
  /** Trusts an issuer, and no other. CONNECTION_NOT_FOUND. */
  set(id: string, issuer: TrustedIssuerRecord): Promise<void>;
  /** Trusts none. CONNECTION_NOT_FOUND. */
  clear(id: string): Promise<void>;
  /** Reads the connection that a signed token is presented for. TOKEN_INVALID when it trusts none. */
  get(id: string): Promise<ConnectionDocument>;
}

/** Makes the operations on trusted issuers. */
export function createTrustedIssuers(database: Database): TrustedIssuers {
  return {
    async set(id, trustedIssuer) {
      await findLiveConnection(database, id);
      await database.connections.updateOne(database.point(id, id), {
        $set: { trustedIssuer },
        $unset: { [`lastUsed.${signedTokensId}`]: '' },
      });
    },
    async clear(id) {
      await findLiveConnection(database, id);
      await database.connections.updateOne(database.point(id, id), { $unset: { trustedIssuer: '' } });
    },
    async get(id) {
      const connection = await findNamedConnection(database, id);
      if (!connection?.trustedIssuer) throw tokenInvalid();
      return connection;
    },
  };
}
