import { TRPCError } from '@trpc/server';
import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { type TRPC_ERROR_CODE_KEY, TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import { ZodError } from 'zod';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';

/** The tRPC code, and with it the HTTP status, of each reason. */
export const reasonTrpcCodes: Readonly<Record<ErrorReason, TRPC_ERROR_CODE_KEY>> = {
  [ErrorReason.UNSPECIFIED]: 'INTERNAL_SERVER_ERROR',
  [ErrorReason.INTERNAL]: 'INTERNAL_SERVER_ERROR',
  [ErrorReason.DATABASE_UNAVAILABLE]: 'SERVICE_UNAVAILABLE',
  [ErrorReason.DEADLINE_EXCEEDED]: 'GATEWAY_TIMEOUT',
  // The directory says so of the access service itself: its credential is wrong, and the caller cannot help it.
  [ErrorReason.CALLER_UNKNOWN]: 'INTERNAL_SERVER_ERROR',
  [ErrorReason.CALLER_FORBIDDEN]: 'FORBIDDEN',
  [ErrorReason.REQUEST_INVALID]: 'BAD_REQUEST',
  [ErrorReason.LIMIT_EXCEEDED]: 'BAD_REQUEST',
  [ErrorReason.CONNECTION_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.CONNECTION_PAUSED]: 'SERVICE_UNAVAILABLE',
  [ErrorReason.TOKEN_INVALID]: 'UNAUTHORIZED',
  [ErrorReason.TOKEN_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.CLIENT_INVALID]: 'UNAUTHORIZED',
  [ErrorReason.CLIENT_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.EXTENSION_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.DEFINITIONS_CHANGING]: 'SERVICE_UNAVAILABLE',
  [ErrorReason.RESOURCE_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.UNIQUENESS]: 'CONFLICT',
  [ErrorReason.VERSION_MISMATCH]: 'PRECONDITION_FAILED',
  [ErrorReason.VALUE_INVALID]: 'BAD_REQUEST',
  [ErrorReason.MUTABILITY]: 'BAD_REQUEST',
  [ErrorReason.NO_TARGET]: 'BAD_REQUEST',
  [ErrorReason.PATH_INVALID]: 'BAD_REQUEST',
  [ErrorReason.FILTER_INVALID]: 'BAD_REQUEST',
  [ErrorReason.MEMBER_NOT_FOUND]: 'BAD_REQUEST',
  [ErrorReason.TOO_MANY]: 'UNPROCESSABLE_CONTENT',
  [ErrorReason.SORT_INVALID]: 'BAD_REQUEST',
  [ErrorReason.PAGE_TOKEN_INVALID]: 'BAD_REQUEST',
  [ErrorReason.PAGE_TOKEN_EXPIRED]: 'BAD_REQUEST',
  [ErrorReason.PAGE_SIZE_CHANGED]: 'BAD_REQUEST',
  [ErrorReason.POSITION_NOT_REACHED]: 'SERVICE_UNAVAILABLE',
  [ErrorReason.POSITION_PURGED]: 'PRECONDITION_FAILED',
  [ErrorReason.FEED_STOPPED]: 'SERVICE_UNAVAILABLE',
  [ErrorReason.CONSUMER_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.EXCHANGE_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.MAPPINGS_VERSION_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.LAST_HOLDER]: 'PRECONDITION_FAILED',
};

/** What a failed call answers. */
export interface AccessErrorShape {
  /** For people: what to change. */
  message: string;
  /** The JSON-RPC number of `data.code`. */
  code: number;
  /** For programs. */
  data: {
    /** tRPC's name of the failure. */
    code: TRPC_ERROR_CODE_KEY;
    /** The HTTP status of the answer. */
    httpStatus: number;
    /** The procedure, such as `users.get`. */
    path?: string;
    /** Why; `error_reason.proto` documents each reason and its metadata. */
    reason: ErrorReason;
    /** Facts about this failure, by the keys that the reason documents. */
    metadata: Readonly<Record<string, string>>;
  };
}

/** Gives what a procedure threw its tRPC code; the reason stays in `cause`. */
export function toTrpcError(thrown: unknown): TRPCError {
  const error = declaredError(thrown instanceof TRPCError ? thrown.cause : thrown);
  if (error !== undefined) {
    return new TRPCError({ code: reasonTrpcCodes[error.reason], message: error.message, cause: error });
  }
  return thrown instanceof TRPCError
    ? thrown
    : new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: thrown });
}

/** Renders a failure for the caller. What is INTERNAL says nothing of its cause. */
export function formatTrpcError({
  error,
  path,
}: {
  error: TRPCError;
  path?: string | undefined;
}): AccessErrorShape {
  const visible = visibleError(error);
  return {
    message: visible.message,
    code: TRPC_ERROR_CODES_BY_KEY[error.code],
    data: {
      code: error.code,
      httpStatus: getHTTPStatusCodeFromError(error),
      ...(path === undefined ? {} : { path }),
      reason: visible.reason,
      metadata: visible.metadata,
    },
  };
}

function visibleError(error: TRPCError): RpcError {
  if (error.code === 'INTERNAL_SERVER_ERROR') {
    return new RpcError(ErrorReason.INTERNAL, 'Something failed inside Rollcall; its log says what.');
  }
  const declared = declaredError(error.cause);
  if (declared !== undefined) return declared;
  // What is left is tRPC's own: no such procedure, malformed JSON, too large a body.
  const message = error.cause instanceof SyntaxError ? 'The body is not JSON.' : error.message;
  return new RpcError(ErrorReason.REQUEST_INVALID, message, { field: '' });
}

function declaredError(thrown: unknown): RpcError | undefined {
  if (thrown instanceof RpcError) return thrown;
  if (thrown instanceof ZodError) return invalidInput(thrown);
  if (thrown instanceof ScimSyntaxError) {
    return new RpcError(ErrorReason.FILTER_INVALID, thrown.message, { attribute: '' });
  }
  return undefined;
}

function invalidInput(error: ZodError): RpcError {
  const field = error.issues[0]?.path.join('.') ?? '';
  const problems = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  return new RpcError(ErrorReason.REQUEST_INVALID, problems.join('; '), { field });
}
