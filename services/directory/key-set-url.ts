import { BlockList, isIP, isIPv6 } from 'node:net';

const loopbackNetworks = ['127.0.0.0/8', '::1/128'];
// Behind them are the neighbours of this machine, such as the metadata service of a cloud, and nobody's public keys.
const privateNetworks = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/128',
  '64:ff9b::/32',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
];

/** Says why a URL cannot be that of a JSON Web Key Set; undefined when it can. See TrustedIssuer.jwks_uri. */
export function keySetUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL, such as https://idp.example.com/keys';
  const { protocol, hostname, username, password } = new URL(text);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isLocal = host === 'localhost' || isIn(loopbackNetworks, host);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLocal)) return 'must begin with https://';
  if (username !== '' || password !== '') return 'must hold no user name and no password';
  if (isIn(privateNetworks, host)) return 'must not name an address of a private network';
  return undefined;
}

function isIn(networks: readonly string[], host: string): boolean {
  if (isIP(host) === 0) return false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}
