import { ScimError } from '../scim/scim-error.ts';
import type { Exchange } from './exchange.ts';

/** Stage: admits a write only with a token that may write. Throws ScimError 403 (RFC 7644, table 8). */
export function allowWrite(exchange: Exchange): void {
  if (!exchange.readOnly) return;
  throw new ScimError(
    403,
    'This token may only read. Nothing was written; send the request with a token that may write.',
    undefined,
    // RFC 6750, section 3.1.
    { 'WWW-Authenticate': 'Bearer realm="SCIM", error="insufficient_scope"' },
  );
}
