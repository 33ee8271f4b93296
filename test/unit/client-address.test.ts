import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { createClientAddress } from '../../gateway/http/client-address.ts';

/** The client's address, of a request that a peer sends with X-Forwarded-For. */
function addressOf(trustedProxies: string, peer: string, forwarded?: string): string {
  const request = new IncomingMessage(Object.defineProperty(new Socket(), 'remoteAddress', { value: peer }));
  if (forwarded !== undefined) request.headers['x-forwarded-for'] = forwarded;
  return createClientAddress(trustedProxies)(request);
}

suite('the address of a client', () => {
  const proxies = '10.0.0.0/8, 2001:db8:ffff::/48';

  for (const [what, expected, peer, forwarded] of [
    ['the peer’s, when no proxy is before us', '192.0.2.1', '192.0.2.1', undefined],
    ['the peer’s, whatever it says', '192.0.2.1', '192.0.2.1', '198.51.100.7'],
    ['what a trusted proxy says', '198.51.100.7', '10.1.2.3', '198.51.100.7'],
    ['what a trusted proxy says over IPv6', '198.51.100.7', '2001:db8:ffff::1', '198.51.100.7'],
    ['what a trusted proxy has added', '198.51.100.7', '10.1.2.3', '203.0.113.9, 198.51.100.7'],
    ['what comes before a chain of them', '198.51.100.7', '10.1.2.3', 'x, 198.51.100.7, 10.9.9.9'],
    ['the last proxy’s, when it says nothing', '10.1.2.3', '10.1.2.3', undefined],
    ['the last proxy’s, when what it says is no address', '10.9.9.9', '10.1.2.3', 'unknown, 10.9.9.9'],
    ['without the port', '198.51.100.7', '10.1.2.3', '198.51.100.7:4711'],
    ['without the port of IPv6', '2001:db8:1:2', '10.1.2.3', '[2001:db8:1:2:3:4:5:6]:4711'],
    ['that of IPv4 on a socket of IPv6', '192.0.2.1', '::ffff:192.0.2.1', undefined],
    ['what a proxy of IPv4 on a socket of IPv6 says', '198.51.100.7', '::ffff:10.1.2.3', '198.51.100.7'],
    ['the network of IPv6', '2001:db8:1:2', '2001:db8:1:2::1', undefined],
    ['the network of IPv6 with zeros', '2001:db8:0:0', '2001:db8::1', undefined],
    ['of another with fewer', '2001:db8:0:0', '2001:db8::1:2:3:4', undefined],
    ['of this machine', '0:0:0:0', '::1', undefined],
  ] as const) {
    test(`is ${what}`, () => assert.equal(addressOf(proxies, peer, forwarded), expected));
  }
});
