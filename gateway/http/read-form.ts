import type { Exchange } from './exchange.ts';
import { OAuthError } from './oauth-error.ts';
import { readBytes } from './read-body.ts';

/**
 * Reads a form from the body (RFC 6749, appendix B). A parameter without a value counts as left out. Throws OAuthError,
 * and ScimError 413 or 400 for a body that is too long or breaks off.
 */
export async function readForm(exchange: Exchange): Promise<URLSearchParams> {
  const { req } = exchange.http;
  if (!/^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(req.headers['content-type'] ?? '')) {
    throw new OAuthError('invalid_request', 'Send the parameters as application/x-www-form-urlencoded.');
  }
  const form = new URLSearchParams((await readBytes(req, exchange)).toString());
  const given = [...form].filter(([, value]) => value !== '');
  if (new Set(given.map(([name]) => name)).size < given.length) {
    throw new OAuthError('invalid_request', 'Send each parameter once.');
  }
  return new URLSearchParams(given);
}
