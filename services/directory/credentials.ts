import type { ConnectionDocument } from './mongo/documents.ts';
import { digestEquals } from './secrets.ts';

/** What opens a connection: a bearer token, or a client with its access token. */
export interface Credential {
  /** The id of the token, or of the client, whose access tokens change by the hour. */
  readonly id: string;
  /** It may read but not write. */
  readonly readOnly: boolean;
  /** The id of the user on whose behalf it is used; empty for none. */
  readonly userId: string;
}

/** Whether a credential, of whichever kind, has ended by a time in milliseconds since 1970. */
export function isExpired({ expires }: { readonly expires: Date | null }, now: number): boolean {
  return expires !== null && expires.getTime() <= now;
}

/** Finds which of a connection's credentials has this digest and has not ended; undefined when none has. */
export function findCredential(
  { tokens, clients = {}, accessTokens = {} }: ConnectionDocument,
  digest: Uint8Array,
  now: number,
): Credential | undefined {
  const isPresented = (record: { readonly digest: string; readonly expires: Date | null }) =>
    digestEquals(record.digest, digest) && !isExpired(record, now);
  const token = Object.values(tokens).find(isPresented);
  if (token) return { id: token.id, readOnly: token.readOnly ?? false, userId: token.userId ?? '' };
  // An access token never outlives its client, but it can be left of one that is revoked.
  const client = Object.values(clients).find(({ id }) => accessTokens[id]?.some(isPresented));
  return client && { id: client.id, readOnly: client.readOnly, userId: '' };
}
