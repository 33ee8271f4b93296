import { BlockList, isIP, isIPv6 } from 'node:net';

/** Reads addresses and networks (`10.0.0.0/8`) separated by commas; undefined when one of them is neither. */
export function parseTrustedProxies(text: string): BlockList | undefined {
  const list = new BlockList();
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const [address = '', prefix, ...more] = entry.split('/');
    const version = isIP(address);
    const bits = version === 6 ? 128 : 32;
    if (version === 0 || more.length > 0) return undefined;
    if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) return undefined;
    list.addSubnet(address, prefix === undefined ? bits : Number(prefix), version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Makes the check whether a peer's address is that of a proxy whose forwarded headers are believed. */
export function createTrust(trustedProxies: string): (address: string) => boolean {
  const proxies = parseTrustedProxies(trustedProxies);
  return (address) => proxies?.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') ?? false;
}
