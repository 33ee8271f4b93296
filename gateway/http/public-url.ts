import type { IncomingMessage } from 'node:http';
import { ScimError } from '../scim/scim-error.ts';
import { createTrust } from './trusted-proxies.ts';

/** Says under which URL the client reached the gateway, without a trailing slash. Throws ScimError for an unusable host. */
export type PublicUrl = (request: IncomingMessage) => string;

/**
 * Makes a PublicUrl: the configured one, or else the host that the request names. What a proxy forwards is believed only
 * when the request comes from one of `trustedProxies`, because it ends up in `meta.location`.
 */
export function createPublicUrl(publicUrl: string | undefined, trustedProxies: string): PublicUrl {
  if (publicUrl !== undefined) return () => publicUrl;
  const isTrusted = createTrust(trustedProxies);
  return (request) => {
    const trusted = isTrusted(request.socket.remoteAddress ?? '');
    const forwarded = (name: string) => (trusted ? lastOf(request.headers[name]) : undefined);
    const host = forwarded('x-forwarded-host') ?? request.headers.host ?? '';
    const protocol = forwarded('x-forwarded-proto') === 'https' ? 'https' : 'http';
    const url = `${protocol}://${host}`;
    // The pattern alone lets through what only looks like an address or port, such as `1.2.3.456` and `:99999`.
    if (!/^([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(host) || !URL.canParse(url)) {
      throw new ScimError(400, 'Send a Host header that names this server.', 'invalidSyntax');
    }
    return url;
  };
}

// A header that a client made up stands before what the trusted proxy added.
function lastOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(',') : header;
  return text?.split(',').at(-1)?.trim();
}
