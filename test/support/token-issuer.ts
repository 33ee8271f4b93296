import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** An identity provider that signs tokens and publishes its keys over HTTP on loopback. */
export interface TokenIssuer extends AsyncDisposable {
  /** The `iss` of its tokens. */
  readonly issuer: string;
  /** Where its keys are; below it they are too. */
  readonly jwksUri: string;
  /** How often its keys were asked for. */
  readonly fetches: number;
  /** What is answered instead of the keys, by the last part of the URL's path. */
  readonly failures: Map<string, (response: ServerResponse) => void>;
  /** Signs claims with its key; `header` adds to the token's header, `key` signs in place of its own. */
  sign(
    claims: Readonly<Record<string, unknown>>,
    options?: { readonly header?: Record<string, unknown>; readonly key?: CryptoKey | Uint8Array },
  ): Promise<string>;
  /** Makes a new key, and publishes it in place of the one before. Answers its public part. */
  rotate(algorithm?: string): Promise<JWK>;
}

/** Starts an issuer with a key. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const failures: TokenIssuer['failures'] = new Map();
  let fetches = 0;
  let made = 0;
  let current = await newKey('RS256');
  const server = createServer(({ url = '' }, response) => {
    fetches++;
    const fail = failures.get(url.split('/').at(-1) ?? '');
    if (fail) return fail(response);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [current.jwk] }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;

  async function newKey(alg: string) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk: JWK = { ...(await exportJWK(publicKey)), kid: `key-${++made}`, use: 'sig' };
    return { privateKey, jwk, alg };
  }

  return {
    issuer: `https://idp-${port}.example.com/`,
    jwksUri: `http://127.0.0.1:${port}/keys`,
    failures,
    get fetches() {
      return fetches;
    },
    async rotate(algorithm = 'RS256') {
      current = await newKey(algorithm);
      return current.jwk;
    },
    sign(claims, { header = {}, key = current.privateKey } = {}) {
      const { alg, jwk } = current;
      return new SignJWT({ ...claims }).setProtectedHeader({ alg, kid: jwk.kid ?? '', ...header }).sign(key);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
