import type { ScimError } from '../scim/scim-error.ts';

/** The error codes that the token endpoint answers with: those of RFC 6749, section 5.2, and two for what is not the request's fault. */
export type OAuthErrorCode =
  | 'invalid_client'
  | 'invalid_request'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'
  | 'server_error';

/** A refusal of the token endpoint. The message is its `error_description`: printable ASCII without quotes and backslashes. */
export class OAuthError extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** The code, for programs. */
  readonly code: OAuthErrorCode;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: OAuthErrorCode,
    description: string,
    status = 400,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(description);
    this.name = 'OAuthError';
    this.code = code;
    this.status = status;
    this.headers = headers;
  }
}

/** What an unknown client, a wrong secret, and a connection that is not there, are answered with: always the same. */
export function invalidClient(): OAuthError {
  return new OAuthError(
    'invalid_client',
    'Send the client id and the secret of a client of the connection that the URL names, by HTTP Basic or as client_id and client_secret in the form.',
    401,
    { 'WWW-Authenticate': 'Basic realm="SCIM"' },
  );
}

/** Says in the words of OAuth what SCIM clients are told in theirs. */
export function toOAuthError({ status, message, headers }: ScimError): OAuthError {
  switch (status) {
    case 401:
      return invalidClient();
    case 429:
    case 503:
      return new OAuthError('temporarily_unavailable', message, status, headers);
    case 500:
      return new OAuthError('server_error', message, status, headers);
    default:
      return new OAuthError('invalid_request', message, status, headers);
  }
}
