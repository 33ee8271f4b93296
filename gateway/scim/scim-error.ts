import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { AttributeValueError } from '#scim/attribute-value.ts';
import type { JsonObject } from '#scim/json.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';

/** The error keywords of RFC 7644, table 9, and RFC 9865. */
export type ScimType =
  | 'expiredCursor'
  | 'invalidCount'
  | 'invalidCursor'
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'invalidVers'
  | 'mutability'
  | 'noTarget'
  | 'sensitive'
  | 'tooMany'
  | 'uniqueness';

/** A refusal that the client sees. The message is its `detail` and says what to change. */
export class ScimError extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** The SCIM keyword, where there is one for it. */
  readonly scimType: ScimType | undefined;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail: string,
    scimType?: ScimType,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'ScimError';
    this.status = status;
    this.scimType = scimType;
    this.headers = headers;
  }
}

/** What a refused token, and a connection that is not there, are answered with: always the same. */
export function unauthorized(presented: boolean): ScimError {
  const challenge = 'Bearer realm="SCIM"';
  return new ScimError(
    401,
    'Send "Authorization: Bearer <token>" with a token of the connection that the URL names.',
    undefined,
    { 'WWW-Authenticate': presented ? `${challenge}, error="invalid_token"` : challenge },
  );
}

/** What a request that is one too many is answered with (RFC 6585, section 4): `seconds`, a whole number, to wait first. */
export function tooManyRequests(detail: string, seconds: number): ScimError {
  return new ScimError(429, detail, undefined, { 'Retry-After': String(seconds) });
}

/** Turns anything thrown into what the client sees; of an error that nobody foresaw it says nothing. */
export function toScimError(error: unknown): ScimError {
  if (error instanceof ScimError) return error;
  if (error instanceof RpcError) return fromReason(error);
  if (error instanceof ScimSyntaxError) {
    return new ScimError(400, error.message, error.kind === 'filter' ? 'invalidFilter' : 'invalidPath');
  }
  if (error instanceof AttributeValueError) return new ScimError(400, error.message, 'invalidValue');
  return internalError();
}

/** The body of an error answer (RFC 7644, section 3.12). */
export function scimErrorBody(error: ScimError): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(error.status),
    ...(error.scimType !== undefined && { scimType: error.scimType }),
    detail: error.message,
  };
}

interface ErrorRow {
  readonly status: number;
  readonly scimType?: ScimType;
  /** Said instead of the directory's own text, where that is not about the client's request. */
  readonly detail?: string;
  /** Seconds after which the request may be sent again. */
  readonly retryAfter?: number;
}

const internal: ErrorRow = {
  status: 500,
  detail: 'Something failed here; the request was fine. Repeat it, and report it with its X-Request-Id.',
};
const unreachable: ErrorRow = {
  status: 503,
  detail: 'The directory does not answer at the moment. Repeat the request.',
  retryAfter: 2,
};

const rows: Readonly<Record<ErrorReason, ErrorRow>> = {
  [ErrorReason.UNSPECIFIED]: internal,
  [ErrorReason.INTERNAL]: internal,
  [ErrorReason.DATABASE_UNAVAILABLE]: unreachable,
  [ErrorReason.DEADLINE_EXCEEDED]: unreachable,
  [ErrorReason.CALLER_UNKNOWN]: internal,
  [ErrorReason.CALLER_FORBIDDEN]: internal,
  [ErrorReason.REQUEST_INVALID]: { status: 400, scimType: 'invalidValue' },
  [ErrorReason.LIMIT_EXCEEDED]: { status: 413 },
  [ErrorReason.CONNECTION_NOT_FOUND]: { status: 401 },
  [ErrorReason.CONNECTION_PAUSED]: {
    status: 503,
    detail: 'This connection is paused. Nothing was read or written; repeat the request later.',
    retryAfter: 60,
  },
  [ErrorReason.TOKEN_INVALID]: { status: 401 },
  [ErrorReason.TOKEN_NOT_FOUND]: internal,
  [ErrorReason.CLIENT_INVALID]: { status: 401 },
  [ErrorReason.CLIENT_NOT_FOUND]: internal,
  [ErrorReason.EXTENSION_NOT_FOUND]: internal,
  [ErrorReason.DEFINITIONS_CHANGING]: {
    status: 503,
    detail:
      'The schemas of this connection have just changed, and nothing can be found or sorted by this attribute yet. Repeat the request.',
    retryAfter: 5,
  },
  [ErrorReason.RESOURCE_NOT_FOUND]: { status: 404 },
  [ErrorReason.UNIQUENESS]: { status: 409, scimType: 'uniqueness' },
  [ErrorReason.VERSION_MISMATCH]: {
    status: 412,
    detail: 'The resource has changed since the version in If-Match. Read it again and repeat the change.',
  },
  [ErrorReason.VALUE_INVALID]: { status: 400, scimType: 'invalidValue' },
  [ErrorReason.MUTABILITY]: { status: 400, scimType: 'mutability' },
  [ErrorReason.NO_TARGET]: { status: 400, scimType: 'noTarget' },
  [ErrorReason.PATH_INVALID]: { status: 400, scimType: 'invalidPath' },
  [ErrorReason.FILTER_INVALID]: { status: 400, scimType: 'invalidFilter' },
  [ErrorReason.MEMBER_NOT_FOUND]: { status: 400, scimType: 'invalidValue' },
  [ErrorReason.TOO_MANY]: { status: 400, scimType: 'tooMany' },
  [ErrorReason.SORT_INVALID]: { status: 400, scimType: 'invalidValue' },
  [ErrorReason.PAGE_TOKEN_INVALID]: {
    status: 400,
    scimType: 'invalidCursor',
    detail:
      'This cursor was not made here, or for another connection or query. Repeat the query that gave it, or begin with its first page.',
  },
  [ErrorReason.PAGE_TOKEN_EXPIRED]: {
    status: 400,
    scimType: 'expiredCursor',
    detail: 'This cursor is too old. Begin with the first page again.',
  },
  [ErrorReason.PAGE_SIZE_CHANGED]: { status: 400, scimType: 'invalidCount' },
  [ErrorReason.POSITION_NOT_REACHED]: unreachable,
  [ErrorReason.POSITION_PURGED]: internal,
  [ErrorReason.FEED_STOPPED]: internal,
  [ErrorReason.CONSUMER_NOT_FOUND]: internal,
  [ErrorReason.EXCHANGE_NOT_FOUND]: internal,
  [ErrorReason.MAPPINGS_VERSION_NOT_FOUND]: internal,
  [ErrorReason.LAST_HOLDER]: internal,
};

function fromReason(error: RpcError): ScimError {
  const { status, scimType, detail = error.message, retryAfter } = rows[error.reason];
  if (status === 401) return unauthorized(true);
  const headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
  const { operation } = error.metadata;
  const isNamed = operation === undefined || detail.startsWith('Operation ');
  return new ScimError(status, isNamed ? detail : `Operation ${operation}: ${detail}`, scimType, headers);
}

function internalError(): ScimError {
  return new ScimError(internal.status, internal.detail ?? '');
}
