import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { createTrust } from './trusted-proxies.ts';

/** Says from where a request comes: an IPv4 address, or the first half of an IPv6 address, which is one customer's. */
export type ClientAddress = (request: IncomingMessage) => string;

/**
 * Makes a ClientAddress: the peer's, or what a proxy of `trustedProxies` says in X-Forwarded-For. Only what such a proxy
 * has added is believed, and not what the client wrote before it.
 */
export function createClientAddress(trustedProxies: string): ClientAddress {
  const isTrusted = createTrust(trustedProxies);
  return ({ socket, headers }) => {
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join().split(',');
    let address = socket.remoteAddress ?? '';
    while (isTrusted(address)) {
      const before = withoutPort(forwarded.pop()?.trim() ?? '');
      if (isIP(before) === 0) break;
      address = before;
    }
    return networkOf(address);
  };
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const [, version6, version4] = /^(?:\[(.*)\]|([\d.]+))(?::\d+)?$/.exec(text) ?? [];
  return version6 ?? version4 ?? text;
}

function networkOf(address: string): string {
  // What a server that listens on IPv6 as well shows of an IPv4 address.
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [before = [], after = []] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
