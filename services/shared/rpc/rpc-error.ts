import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ErrorInfo } from '#proto/google/rpc/error_details.ts';
import { Status } from '#proto/google/rpc/status.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';

/** The domain of every reason in `ErrorInfo`, so that clients can tell ours from another service's. */
export const errorDomain = 'rollcall.directory.v1';

/** The canonical gRPC code of each reason, as `error_reason.proto` documents it. */
export const reasonCodes: Readonly<Record<ErrorReason, status>> = {
  [ErrorReason.UNSPECIFIED]: status.UNKNOWN,
  [ErrorReason.INTERNAL]: status.INTERNAL,
  [ErrorReason.DATABASE_UNAVAILABLE]: status.UNAVAILABLE,
  [ErrorReason.DEADLINE_EXCEEDED]: status.DEADLINE_EXCEEDED,
  [ErrorReason.CALLER_UNKNOWN]: status.UNAUTHENTICATED,
  [ErrorReason.CALLER_FORBIDDEN]: status.PERMISSION_DENIED,
  [ErrorReason.REQUEST_INVALID]: status.INVALID_ARGUMENT,
  [ErrorReason.LIMIT_EXCEEDED]: status.INVALID_ARGUMENT,
  [ErrorReason.CONNECTION_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.CONNECTION_PAUSED]: status.UNAVAILABLE,
  [ErrorReason.TOKEN_INVALID]: status.UNAUTHENTICATED,
  [ErrorReason.TOKEN_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.CLIENT_INVALID]: status.UNAUTHENTICATED,
  [ErrorReason.CLIENT_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.EXTENSION_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.DEFINITIONS_CHANGING]: status.UNAVAILABLE,
  [ErrorReason.RESOURCE_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.UNIQUENESS]: status.ALREADY_EXISTS,
  [ErrorReason.VERSION_MISMATCH]: status.FAILED_PRECONDITION,
  [ErrorReason.VALUE_INVALID]: status.INVALID_ARGUMENT,
  [ErrorReason.MUTABILITY]: status.INVALID_ARGUMENT,
  [ErrorReason.NO_TARGET]: status.INVALID_ARGUMENT,
  [ErrorReason.PATH_INVALID]: status.INVALID_ARGUMENT,
  [ErrorReason.FILTER_INVALID]: status.INVALID_ARGUMENT,
  [ErrorReason.MEMBER_NOT_FOUND]: status.INVALID_ARGUMENT,
  [ErrorReason.TOO_MANY]: status.RESOURCE_EXHAUSTED,
  [ErrorReason.SORT_INVALID]: status.INVALID_ARGUMENT,
  [ErrorReason.PAGE_TOKEN_INVALID]: status.INVALID_ARGUMENT,
  [ErrorReason.PAGE_TOKEN_EXPIRED]: status.INVALID_ARGUMENT,
  [ErrorReason.PAGE_SIZE_CHANGED]: status.INVALID_ARGUMENT,
  [ErrorReason.POSITION_NOT_REACHED]: status.UNAVAILABLE,
  [ErrorReason.POSITION_PURGED]: status.OUT_OF_RANGE,
  [ErrorReason.FEED_STOPPED]: status.UNAVAILABLE,
  [ErrorReason.CONSUMER_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.EXCHANGE_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.MAPPINGS_VERSION_NOT_FOUND]: status.NOT_FOUND,
  [ErrorReason.LAST_HOLDER]: status.FAILED_PRECONDITION,
};

/** A failed call, the same on both sides of the wire. */
export class RpcError extends Error {
  /** The canonical gRPC code. */
  readonly code: status;
  /** Why, for programs; its documentation names the metadata keys. */
  readonly reason: ErrorReason;
  /** Facts about this failure, by the keys that the reason documents. */
  readonly metadata: Readonly<Record<string, string>>;

  /** `message` reaches the caller and is for people; the code is that of the reason unless one is given. */
  constructor(
    reason: ErrorReason,
    message: string,
    metadata: Readonly<Record<string, string>> = {},
    code: status = reasonCodes[reason],
  ) {
    super(message);
    this.name = 'RpcError';
    this.reason = reason;
    this.metadata = metadata;
    this.code = code;
  }
}

/** What a call ends with that its own caller gives up. */
export function callCancelled(): RpcError {
  return new RpcError(ErrorReason.DEADLINE_EXCEEDED, 'The call was cancelled.', {}, status.CANCELLED);
}

/** Whether a call ended because its own caller gave it up. */
export function isCancelled(error: unknown): boolean {
  return error instanceof RpcError && error.code === status.CANCELLED;
}

const detailsKey = 'grpc-status-details-bin';
const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo';
const knownReasons: ReadonlySet<string> = new Set(Object.values(ErrorReason));

/** What grpc-js sends as the status of a failed call: the code, the message and one `google.rpc.ErrorInfo`. */
export function toServiceError(error: RpcError): ServiceError {
  // grpc-js percent-encodes the text and throws on half a surrogate pair, which a client's value can hold.
  const details = error.message.toWellFormed();
  const info = ErrorInfo.fromPartial({ reason: error.reason, domain: errorDomain, metadata: error.metadata });
  const value = Buffer.from(ErrorInfo.encode(info).finish());
  const rich = Status.fromPartial({
    code: error.code,
    message: details,
    details: [{ typeUrl: errorInfoType, value }],
  });
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(Status.encode(rich).finish()));
  // Of what is UNAVAILABLE only a lost database is worth the client's automatic retry.
  if (error.reason !== ErrorReason.DATABASE_UNAVAILABLE) metadata.set('grpc-retry-pushback-ms', '-1');
  return Object.assign(new Error(details), { code: error.code, details, metadata });
}

/**
 * Reads what grpc-js rejects with. A failure that carries no reason of ours comes from the transport: a lost or refused
 * connection is UNAVAILABLE with DATABASE_UNAVAILABLE, a passed deadline DEADLINE_EXCEEDED, any other keeps its code with
 * INTERNAL. The transport's own words are in `cause`, for logs only.
 */
export function fromServiceError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (!isServiceError(error)) return withoutReason(status.INTERNAL, error);
  const info = readErrorInfo(error.metadata);
  if (info === undefined) return withoutReason(error.code, error);
  const reason = isErrorReason(info.reason) ? info.reason : ErrorReason.INTERNAL;
  return new RpcError(reason, error.details, info.metadata, error.code);
}

function withoutReason(code: status, cause: unknown): RpcError {
  return Object.assign(nearestError(code), { cause });
}

function nearestError(code: status): RpcError {
  switch (code) {
    case status.UNAVAILABLE:
    // The server ended the call without an answer, as it does when it is stopped by force.
    case status.CANCELLED:
      return new RpcError(ErrorReason.DATABASE_UNAVAILABLE, 'The directory cannot be reached.');
    case status.DEADLINE_EXCEEDED:
      return new RpcError(ErrorReason.DEADLINE_EXCEEDED, 'The directory did not answer in time.');
    default:
      return new RpcError(ErrorReason.INTERNAL, 'The call failed.', {}, code);
  }
}

function readErrorInfo(metadata: Metadata): ErrorInfo | undefined {
  const [bytes] = metadata.get(detailsKey);
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const detail = Status.decode(bytes).details.find((any) => any.typeUrl === errorInfoType);
    const info = detail && ErrorInfo.decode(detail.value);
    return info?.domain === errorDomain ? info : undefined;
  } catch {
    // Bytes of another service or a broken proxy say nothing about the failure; the code still does.
    return undefined;
  }
}

function isErrorReason(text: string): text is ErrorReason {
  return knownReasons.has(text);
}

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error && 'code' in error && 'metadata' in error && error.metadata instanceof Metadata
  );
}
