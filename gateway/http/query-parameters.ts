import { ScimError } from '../scim/scim-error.ts';
import type { Exchange } from './exchange.ts';

/** The query of the URL, decoded once; a blank may be `+` or `%20`. Throws ScimError 400 for a broken encoding. */
export function queryParameters({ http }: Exchange): URLSearchParams {
  try {
    decodeURIComponent(http.querystring);
  } catch {
    throw new ScimError(400, 'The query of the URL is not percent-encoded UTF-8.', 'invalidSyntax');
  }
  return new URLSearchParams(http.querystring);
}

/** Stage: takes the query of the URL for what the client asks. Throws ScimError 400. */
export function readUrl(exchange: Exchange): void {
  exchange.parameters = queryParameters(exchange);
}
