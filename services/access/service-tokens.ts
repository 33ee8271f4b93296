import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { DirectoryClient } from './directory-client.ts';

/** What a service token opens. */
export interface ServiceAccess {
  /** Whether the token names the connection, or opens all. */
  opens(connection: string): boolean;
}

/**
 * Says what the bearer token in an `Authorization` header opens. Throws RpcError TOKEN_INVALID when there is none or the
 * directory does not know it.
 */
export type ServiceTokenCheck = (authorization: string | undefined) => Promise<ServiceAccess>;

/** How long an answer counts, in milliseconds; with the call itself a revoked token is refused within a second. */
const cacheMs = 900;
const cachedTokens = 10_000;

/** Makes the check. The directory knows tokens by their SHA-256 digest alone, and calls with one token share one question. */
export function createServiceTokenCheck(directory: DirectoryClient): ServiceTokenCheck {
  const cache = new LRUCache<string, ServiceAccess>({
    max: cachedTokens,
    ttl: cacheMs,
    // No token stays here for longer than its answer counts.
    ttlAutopurge: true,
    // A look at the clock costs less than the timer that would save it.
    ttlResolution: 0,
    fetchMethod: async (authorization) => {
      const secret = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1];
      if (secret === undefined) throw invalidToken();
      const tokenDigest = hash('sha256', secret, 'buffer');
      const { token } = await directory.connections.authenticateService({ tokenDigest });
      if (token === undefined) throw invalidToken();
      const connections = new Set(token.connectionIds);
      return { opens: (connection) => token.allConnections || connections.has(connection) };
    },
  });
  return async (authorization = '') => {
    const access = cache.get(authorization) ?? (await cache.fetch(authorization));
    if (access === undefined) throw invalidToken();
    return access;
  };
}

function invalidToken(): RpcError {
  return new RpcError(
    ErrorReason.TOKEN_INVALID,
    'Send a service token as `Authorization: Bearer <token>`; `rollcall service-tokens create` makes one.',
  );
}
