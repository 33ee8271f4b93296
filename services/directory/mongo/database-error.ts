import {
  MongoBulkWriteError,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerSelectionError,
} from 'mongodb';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { DirectoryError } from '../errors.ts';

// Names, because the driver does not export all of these classes.
const unavailableNames = new Set([
  'MongoOperationTimeoutError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
  'MongoExpiredSessionError',
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'MongoClientClosedError',
  'MongoWriteConcernError',
  'MongoWaitQueueTimeoutError',
]);

// The driver lets a socket's own error through when it writes to a connection that has just been lost.
const lostSocketCodes = new Set<unknown>([
  'EPIPE',
  'ECONNRESET',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ENOTCONN',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

// NoSuchTransaction: the server ended the transaction. WriteConflict: another one won.
const transientCodes = new Set<unknown>([251, 112]);

/** Whether the database or the way to it failed, so that the same call may succeed later. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (!(error instanceof MongoError))
    return error instanceof Error && 'code' in error && lostSocketCodes.has(error.code);
  // The driver wraps whatever ended a bulk write, a lost connection included.
  if (error instanceof MongoBulkWriteError && error.errorResponse instanceof Error) {
    return isUnavailable(error.errorResponse);
  }
  return (
    unavailableNames.has(error.name) ||
    error.hasErrorLabel(MongoErrorLabel.RetryableWriteError) ||
    error.hasErrorLabel(MongoErrorLabel.UnknownTransactionCommitResult)
  );
}

/** Whether a transaction lost against another one and may be tried again at once. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof MongoError &&
    (error.hasErrorLabel(MongoErrorLabel.TransientTransactionError) || transientCodes.has(error.code))
  );
}

/** The error a caller gets when the database does not answer. */
export function databaseUnavailable(): DirectoryError {
  return new DirectoryError(
    ErrorReason.DATABASE_UNAVAILABLE,
    'The database does not answer. Whether a write happened is unknown; the call may be repeated.',
  );
}
