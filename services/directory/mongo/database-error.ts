import {
  MongoBulkWriteError,
  MongoClientBulkWriteError,
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
const duplicateCode = 11000;

/** Whether the database or the way to it failed, so that the same call may succeed later. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (!(error instanceof MongoError))
    return error instanceof Error && 'code' in error && lostSocketCodes.has(error.code);
  const ended = endOf(error);
  if (ended) return isUnavailable(ended);
  return (
    unavailableNames.has(error.name) ||
    error.hasErrorLabel(MongoErrorLabel.RetryableWriteError) ||
    error.hasErrorLabel(MongoErrorLabel.UnknownTransactionCommitResult)
  );
}

/** Whether a transaction lost against another one and may be tried again at once. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  const ended = endOf(error);
  if (ended) return isTransient(ended);
  const code = refusalOf(error)?.code ?? error.code;
  return error.hasErrorLabel(MongoErrorLabel.TransientTransactionError) || transientCodes.has(code);
}

/** Whether an error is a unique index's refusal. */
export function isDuplicate(error: unknown): boolean {
  return refusalOf(error)?.code === duplicateCode;
}

/** Which operation of a bulk write the server refused first, and why; undefined when it did not. */
export function refusalOf(error: unknown): { readonly index: number; readonly code: unknown } | undefined {
  if (error instanceof MongoClientBulkWriteError) {
    const [first] = error.writeErrors;
    return first && { index: first[0], code: first[1].code };
  }
  if (!(error instanceof MongoBulkWriteError)) return undefined;
  const [first] = [error.writeErrors].flat();
  return first && { index: first.index, code: first.code };
}

/** What ended a bulk write, a lost connection included: the driver wraps it. */
function endOf(error: MongoError): Error | undefined {
  if (error instanceof MongoClientBulkWriteError) return error.cause;
  if (!(error instanceof MongoBulkWriteError)) return undefined;
  return error.errorResponse instanceof Error ? error.errorResponse : undefined;
}

/** The error a caller gets when the database does not answer. */
export function databaseUnavailable(): DirectoryError {
  return new DirectoryError(
    ErrorReason.DATABASE_UNAVAILABLE,
    'The database does not answer. Whether a write happened is unknown; the call may be repeated.',
  );
}
