import type { Database } from './mongo/database.ts';
import type { ConnectionDocument } from './mongo/documents.ts';

/** What the last use of the trusted issuer's tokens, which all count as one, is kept by; no id of a token is like it. */
export const signedTokensId = 'signedTokens';

// It is for people who look for credentials that nobody uses.
const lastUsedMs = 60_000;

/**
 * Notes that a credential of a connection was used, once a minute at most.
 * @param credential the id of a token or of a client, or `signedTokensId`
 * @param at when, in milliseconds since 1970
 */
export async function noteUse(
  database: Database,
  { _id: id, lastUsed }: Pick<ConnectionDocument, '_id' | 'lastUsed'>,
  credential: string,
  at: number,
): Promise<void> {
  const known = lastUsed[credential];
  if (known && at - known.getTime() <= lastUsedMs) return;
  await database.connections.updateOne(database.point(id, id), {
    $max: { [`lastUsed.${credential}`]: new Date(at) },
  });
}
