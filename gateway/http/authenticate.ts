import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { Admission, DirectoryClient } from '../directory/directory-client.ts';
import { limits } from '../limits.ts';
import { unauthorized } from '../scim/scim-error.ts';
import type { Exchange, Stage } from './exchange.ts';

/** Below a second, so that a revoked token is refused within one, the directory's answer included. */
const cacheMs = 900;
const cachedTokens = 10_000;

/** What the directory said about a token. A refusal is remembered like a success: guessing must not cost us a call each. */
type Verdict = { readonly admission: Admission } | { readonly refusal: RpcError };

/**
 * Makes the stage that admits only requests with a bearer token of their connection. What the directory says about a
 * token is kept for 0.9 s, and asked once however many requests wait for it.
 */
export function createAuthenticate(directory: DirectoryClient): Stage {
  const verdicts = new LRUCache<string, Verdict>({
    max: cachedTokens,
    ttl: cacheMs,
    fetchMethod: (key) => {
      const [connectionId = '', digest = ''] = key.split(' ');
      return ask(directory, connectionId, Buffer.from(digest, 'hex'));
    },
  });
  return async (exchange: Exchange) => {
    const token = readToken(exchange.http.req.headers.authorization);
    if (token === undefined) throw unauthorized(false);
    const possible = token.length <= limits.tokenLength && /^[a-z0-9]{1,32}$/.test(exchange.connectionId);
    if (!possible) throw unauthorized(true);
    // The digest, so that neither the cache nor the directory ever holds a token.
    const digest = createHash('sha256').update(token).digest('hex');
    const verdict = await verdicts.fetch(`${exchange.connectionId} ${digest}`);
    if (verdict === undefined) throw unauthorized(true);
    if ('refusal' in verdict) throw verdict.refusal;
    const { strict, uniqueGroupNames, tokenId, readOnly, userId } = verdict.admission;
    exchange.strict = strict;
    exchange.uniqueGroupNames = uniqueGroupNames;
    exchange.tokenId = tokenId;
    exchange.readOnly = readOnly;
    exchange.userId = userId;
  };
}

async function ask(directory: DirectoryClient, connectionId: string, digest: Buffer): Promise<Verdict> {
  try {
    return { admission: await directory.authenticate(connectionId, digest) };
  } catch (error) {
    if (error instanceof RpcError && isVerdict(error.reason)) return { refusal: error };
    throw error;
  }
}

function isVerdict(reason: ErrorReason): boolean {
  return (
    reason === ErrorReason.TOKEN_INVALID ||
    reason === ErrorReason.CONNECTION_NOT_FOUND ||
    reason === ErrorReason.CONNECTION_PAUSED
  );
}

function readToken(header: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header ?? '')?.[1];
}
