import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';

/**
 * A refusal the caller can act on. Anything else that is thrown inside the directory reaches callers as INTERNAL and
 * says nothing of its cause.
 */
export class DirectoryError extends Error {
  /** Why, for programs; its documentation names the metadata keys. */
  readonly reason: ErrorReason;
  /** Facts about this failure, by the keys that the reason documents. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: ErrorReason, message: string, metadata: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'DirectoryError';
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** The error for a connection that does not exist or is being deleted. */
export function connectionNotFound(connection: string): DirectoryError {
  return new DirectoryError(ErrorReason.CONNECTION_NOT_FOUND, 'No connection has this id.', { connection });
}

/** The error for a connection that is paused. */
export function connectionPaused(connection: string): DirectoryError {
  const message = 'The connection is paused; try again later.';
  return new DirectoryError(ErrorReason.CONNECTION_PAUSED, message, { connection });
}

/** Whether an error says that a connection is not there, or no longer: then what was to be done for it is needless. */
export function isConnectionGone(error: unknown): boolean {
  return error instanceof DirectoryError && error.reason === ErrorReason.CONNECTION_NOT_FOUND;
}
