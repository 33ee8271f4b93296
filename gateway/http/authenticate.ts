import { LRUCache } from 'lru-cache';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { RegistryOf } from '#scim/declared-extensions.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import type { Admission, DirectoryClient } from '../directory/directory-client.ts';
import { limits } from '../limits.ts';
import { ScimError, unauthorized } from '../scim/scim-error.ts';
import type { Exchange, Stage } from './exchange.ts';
import { digestOf, isConnectionName } from './presented.ts';
import { createSignedTokenCheck, isSignedToken } from './signed-token.ts';

/** Below a second, so that a revoked token is refused within one, the directory's answer included. */
const cacheMs = 900;
const cachedTokens = 10_000;

/** What became of a token. A refusal is remembered like a success: guessing must not cost us a call each. */
type Verdict =
  | { readonly admission: Admission; readonly registry: SchemaRegistry }
  | { readonly refusal: RpcError | ScimError };

/** A token, and the connection that it is presented for. */
interface Presented {
  readonly connectionId: string;
  readonly token: string;
}

/**
 * Makes the stage that admits only requests with a bearer token of their connection, or one that the issuer which the
 * connection trusts has signed. The verdict on a token is kept for 0.9 s, and found once however many requests wait for it.
 */
export function createAuthenticate(directory: DirectoryClient, registryOf: RegistryOf): Stage {
  const ask = createAsk(directory, registryOf);
  const verdicts = new LRUCache<string, Verdict, Presented>({
    max: cachedTokens,
    ttl: cacheMs,
    fetchMethod: (_key, _stale, { context }) => ask(context),
  });
  return async (exchange: Exchange) => {
    const token = readToken(exchange.http.req.headers.authorization);
    if (token === undefined) throw unauthorized(false);
    const { connectionId } = exchange;
    const maxLength = isSignedToken(token) ? limits.signedTokenLength : limits.tokenLength;
    if (token.length > maxLength || !isConnectionName(connectionId)) throw unauthorized(true);
    // The digest, so that neither the cache nor a dump of it ever holds a token.
    const key = `${connectionId} ${digestOf(token).toString('hex')}`;
    const verdict = await verdicts.fetch(key, { context: { connectionId, token } });
    if (verdict === undefined) throw unauthorized(true);
    if ('refusal' in verdict) throw verdict.refusal;
    const { strict, uniqueGroupNames, requiredAttributes, keepsUnknown } = verdict.admission;
    const { tokenId, readOnly, userId } = verdict.admission;
    exchange.sender = 'known';
    exchange.registry = verdict.registry;
    exchange.maskedAttributes = verdict.admission.maskedAttributes;
    exchange.strict = strict;
    exchange.uniqueGroupNames = uniqueGroupNames;
    exchange.requiredAttributes = requiredAttributes;
    exchange.keepsUnknown = keepsUnknown;
    exchange.tokenId = tokenId;
    exchange.readOnly = readOnly;
    exchange.userId = userId;
    // Not earlier: the sync log is to say who was refused.
    if (verdict.admission.isPaused)
      throw new RpcError(ErrorReason.CONNECTION_PAUSED, 'The connection is paused.');
  };
}

function createAsk(
  directory: DirectoryClient,
  registryOf: RegistryOf,
): (presented: Presented) => Promise<Verdict> {
  const checkSigned = createSignedTokenCheck();

  async function admit({ connectionId, token }: Presented): Promise<Admission> {
    if (!isSignedToken(token)) return directory.authenticate(connectionId, digestOf(token));
    const { issuer, isPaused, settings } = await directory.trustedIssuer(connectionId);
    const tokenId = await checkSigned(token, issuer);
    return { ...settings, isPaused, tokenId, readOnly: false, userId: '' };
  }

  return async (presented) => {
    try {
      const admission = await admit(presented);
      return { admission, registry: registryOf(admission.extensions) };
    } catch (error) {
      if (isVerdict(error)) return { refusal: error };
      throw error;
    }
  };
}

function isVerdict(error: unknown): error is RpcError | ScimError {
  if (error instanceof ScimError) return true;
  return error instanceof RpcError && verdictReasons.includes(error.reason);
}

const verdictReasons: readonly ErrorReason[] = [ErrorReason.TOKEN_INVALID, ErrorReason.CONNECTION_NOT_FOUND];

function readToken(header: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header ?? '')?.[1];
}
