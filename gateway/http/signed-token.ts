import { createHash } from 'node:crypto';
import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { LRUCache } from 'lru-cache';
import type { TrustedIssuer } from '#proto/rollcall/directory/v1/connection_service.ts';
import { limits } from '../limits.ts';
import { ScimError, unauthorized } from '../scim/scim-error.ts';

/**
 * Says for whom an issuer has signed a token: an id that stays the same from token to token. Throws ScimError 401 for
 * a token that is not good, and 503 when the issuer's keys are needed and cannot be read.
 */
export type SignedTokenCheck = (token: string, issuer: TrustedIssuer) => Promise<string>;

// Public keys only: with a shared secret (HS256) anybody could sign who knows the published keys.
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
];
/** By how many seconds clocks may differ. */
const clockTolerance = 60;
const keySetOptions = {
  timeoutDuration: 5_000,
  // Keys that the issuer has withdrawn count for this long still.
  cacheMaxAge: 60 * 60 * 1_000,
  // A token with an unknown key makes us look for new ones, so often at most.
  cooldownDuration: 10_000,
  [customFetch]: fetchKeySet,
};
const keptKeySets = 1_000;
const retryAfter = 10;

/** Whether a bearer token has the form of a signed one (RFC 7519): three parts, which no token of ours has. */
export function isSignedToken(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

/** Makes the check. An issuer's keys are fetched when they are needed, and kept for an hour. */
export function createSignedTokenCheck(): SignedTokenCheck {
  const keySets = new LRUCache<string, JWTVerifyGetKey>({
    max: keptKeySets,
    memoMethod: (url) => reportingLoss(createRemoteJWKSet(new URL(url), keySetOptions)),
  });
  return async (token, trusted) => {
    try {
      const claims = decodeJwt(token);
      // Before its keys are fetched: a token that does not claim to be the issuer's gets the same answer at any connection.
      if (!isClaimedFor(trusted, claims)) throw unauthorized(true);
      await jwtVerify(token, keySets.memo(trusted.jwksUri), {
        algorithms,
        clockTolerance,
        issuer: trusted.issuer,
        audience: trusted.audience,
        requiredClaims: ['exp'],
      });
      return identityOf(claims);
    } catch (error) {
      if (error instanceof errors.JOSEError) throw unauthorized(true);
      throw error;
    }
  };
}

function isClaimedFor({ issuer, audience, applicationId }: TrustedIssuer, claims: JWTPayload): boolean {
  const { iss, aud = [], appid, azp } = claims;
  return (
    iss === issuer &&
    [aud].flat().includes(audience) &&
    (applicationId === '' || [appid, azp].includes(applicationId)) &&
    lifetimeOf(claims) <= limits.signedTokenLifetime + clockTolerance
  );
}

/** For how many seconds a token is good, from its issue or from now on. The types of claims are what they should be only. */
function lifetimeOf({ exp, iat }: { readonly exp?: unknown; readonly iat?: unknown }): number {
  const now = Date.now() / 1_000;
  if (typeof exp !== 'number') return Number.POSITIVE_INFINITY;
  return exp - (typeof iat === 'number' ? Math.min(iat, now) : now);
}

/** A digest, because a subject can be a person's address, and this goes into logs. */
function identityOf({ iss, appid, azp, sub }: JWTPayload): string {
  const holder = JSON.stringify([iss, appid ?? azp ?? sub]);
  return `jwt_${createHash('sha256').update(holder).digest('hex').slice(0, 16)}`;
}

/**
 * Of what goes wrong with a key set only an unknown key is the token's fault. Anything else must not look like a wrong
 * token: identity providers give up on 401, and repeat on 503.
 */
function reportingLoss(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      const isUnknown =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      throw isUnknown ? error : keysUnavailable(error);
    }
  };
}

function keysUnavailable(cause: unknown): ScimError {
  const error = new ScimError(
    503,
    'The keys of the identity provider that issued this token cannot be read at the moment. Nothing was read or written; repeat the request later.',
    undefined,
    { 'Retry-After': String(retryAfter) },
  );
  return Object.assign(error, { cause });
}

async function fetchKeySet(...[url, options]: Parameters<FetchImplementation>): Promise<Response> {
  const { status, body } = await fetch(url, options);
  return new Response(body?.pipeThrough(bounded(limits.keySetBytes)) ?? null, { status });
}

function bounded(bytes: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let left = bytes;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.length;
      if (left < 0) controller.error(new Error(`The key set has more than ${bytes} bytes.`));
      else controller.enqueue(chunk);
    },
  });
}
