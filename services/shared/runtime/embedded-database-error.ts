/**
 * The embedded database cannot be installed or started. The message says what happened and what to change, for the
 * person who ran the command; lines of pip or of the server may follow the first line.
 */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
}
