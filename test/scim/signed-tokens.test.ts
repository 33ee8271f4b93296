import assert from 'node:assert/strict';
import { after, before, mock, suite, test } from 'node:test';
import { exportSPKI, generateKeyPair, importJWK, type JWK } from 'jose';
import {
  ClearTrustedIssuerRequest,
  GetConnectionRequest,
  PauseConnectionRequest,
  SetTrustedIssuerRequest,
  type TrustedIssuer,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { watchExchanges } from '../support/exchange-watch.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf, untilStatus } from '../support/scim-client.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { assertError, createUser } from './scim-fixture.ts';

const audience = '8adf8e6e-67b2-4cf2-a259-e3dc5476c621';
const application = '00000014-0000-0000-c000-000000000000';

let rollcall: TestRollcall;
let idp: TokenIssuer;
let connection: TestConnection;
before(async () => {
  rollcall = await startRollcall();
  idp = await startTokenIssuer();
  connection = await trusting({});
});
after(async () => {
  await idp[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});

/** A new connection that trusts the issuer, with what is given in place of its settings. */
async function trusting(
  settings: Partial<Omit<TrustedIssuer, 'lastUsed'>>,
  issuer = idp,
): Promise<TestConnection> {
  const made = await rollcall.connect();
  await trust(made, {
    issuer: issuer.issuer,
    audience,
    jwksUri: issuer.jwksUri,
    applicationId: application,
    ...settings,
  });
  return made;
}

async function trust({ id }: TestConnection, issuer: Omit<TrustedIssuer, 'lastUsed'>): Promise<void> {
  const request = SetTrustedIssuerRequest.fromPartial({ connectionId: id, issuer });
  await rollcall.directory.connections.setTrustedIssuer(request);
}

const seconds = (from: number) => Math.floor(Date.now() / 1_000) + from;

/** What a good token of the issuer says, with something in place of it. */
const claims = (others: Readonly<Record<string, unknown>> = {}, issuer = idp) => ({
  iss: issuer.issuer,
  aud: audience,
  appid: application,
  sub: 'service-principal',
  iat: seconds(0),
  nbf: seconds(0),
  exp: seconds(3_600),
  ...others,
});

const list = (token: string, { baseUrl } = connection): Promise<ScimAnswer> =>
  scimOf({ baseUrl, token })('GET', '/Users?count=1');

/** What everybody is told whose token is not good. */
const refusalOf = ({ status, body, headers }: ScimAnswer) => [status, body, headers.get('www-authenticate')];

suite('a token that the trusted issuer has signed', () => {
  test('reads and writes like any token of the connection (AUTH-11)', async () => {
    const token = await idp.sign(claims());
    assert.equal((await list(token)).status, 200);
    const { id } = await createUser(scimOf({ ...connection, token }));
    assert.equal((await scimOf(connection)('GET', `/Users/${id}`)).status, 200);
  });

  test('is good with every form of its claims that says the same (AUTH-11)', async () => {
    for (const others of [
      { aud: ['https://other.example.com', audience] },
      { appid: undefined, azp: application },
      { nbf: undefined, iat: undefined },
      // Clocks may differ by a minute.
      { exp: seconds(-30) },
      { nbf: seconds(30), iat: seconds(30) },
    ]) {
      const token = await idp.sign(claims(others));
      assert.equal((await list(token)).status, 200, JSON.stringify(others));
    }
    await using elliptic = await startTokenIssuer();
    await elliptic.rotate('ES256');
    const anyone = await trusting({ applicationId: '' }, elliptic);
    const token = await elliptic.sign(claims({ appid: 'somebody' }, elliptic));
    assert.equal((await list(token, anyone)).status, 200);
  });

  test('opens only connections that trust it; where none is trusted, and where none is, the refusal is the same (AUTH-02, AUTH-11)', async () => {
    const token = await idp.sign(claims());
    await using stranger = await startTokenIssuer();
    const garbage = await list('garbage');
    assertError(garbage, 401);
    for (const elsewhere of [
      await rollcall.connect(),
      await trusting({}, stranger),
      await trusting({ audience: 'another' }),
      await trusting({ applicationId: 'another' }),
      { ...connection, baseUrl: `${rollcall.gatewayUrl}/scim/nosuchconnection/v2` },
    ]) {
      assert.deepEqual(refusalOf(await list(token, elsewhere)), refusalOf(garbage));
    }
    // Nobody who does not know the issuer can make us ask for its keys.
    assert.equal(stranger.fetches, 0);
  });
});

suite('a signed token that is not good', () => {
  test('is refused like any other, whatever is wrong with it (AUTH-05, AUTH-11)', async () => {
    const good = await idp.sign(claims());
    const [header = '', payload = '', signature = ''] = good.split('.');
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
    const { kid } = decode(header);
    const other = await generateKeyPair('RS256', { extractable: true });
    const { keys } = (await (await fetch(idp.jwksUri)).json()) as { keys: [JWK] };
    const publicKey = await importJWK(keys[0], 'RS256', { extractable: true });
    assert.ok(!(publicKey instanceof Uint8Array));
    const asSecret = Buffer.from(await exportSPKI(publicKey));
    const wrong: Record<string, string> = {
      issuer: await idp.sign(claims({ iss: 'https://other.example.com/' })),
      'no issuer': await idp.sign(claims({ iss: undefined })),
      audience: await idp.sign(claims({ aud: 'another' })),
      'no audience': await idp.sign(claims({ aud: undefined })),
      'audiences of others': await idp.sign(claims({ aud: ['a', 'b'] })),
      application: await idp.sign(claims({ appid: 'another' })),
      'no application': await idp.sign(claims({ appid: undefined })),
      expired: await idp.sign(claims({ exp: seconds(-61) })),
      'no expiry': await idp.sign(claims({ exp: undefined })),
      'expiry is text': await idp.sign(claims({ exp: `${seconds(60)}` })),
      'not yet': await idp.sign(claims({ nbf: seconds(65) })),
      'good for too long': await idp.sign(claims({ exp: seconds(25 * 3_600) })),
      'was made too long ago': await idp.sign(claims({ iat: seconds(-25 * 3_600) })),
      'no algorithm': `${encode({ alg: 'none', kid })}.${payload}.`,
      'no algorithm, and a signature': `${encode({ alg: 'none', kid })}.${payload}.${signature}`,
      'public key as secret': await idp.sign(claims(), { header: { alg: 'HS256' }, key: asSecret }),
      'another key': await idp.sign(claims(), { key: other.privateKey }),
      'another key of its own': await idp.sign(claims(), {
        key: other.privateKey,
        header: { jwk: keys[0], jku: 'http://127.0.0.1:9/', kid: undefined },
      }),
      'unknown key': await idp.sign(claims(), { header: { kid: 'unknown' } }),
      'altered claims': `${header}.${encode({ ...decode(payload), sub: 'x' })}.${signature}`,
      'altered signature': `${header}.${payload}.${signature.slice(0, -8)}AAAAAAAA`,
      'no signature': `${header}.${payload}.`,
      'no JSON': 'a.b.c',
      'list of claims': `${header}.${encode([])}.${signature}`,
      'too long': await idp.sign(claims({ more: 'x'.repeat(8_192) })),
      'two tokens': `${good}.${good}`,
    };
    const garbage = await list('garbage');
    for (const [what, token] of Object.entries(wrong)) {
      assert.deepEqual(refusalOf(await list(token)), refusalOf(garbage), what);
    }
    assert.equal((await list(good)).status, 200);
  });

  test('is refused once it has expired, a minute after its time at most (AUTH-05)', async () => {
    await using clock = mockedTime();
    const token = await idp.sign(claims({ exp: seconds(10) }));
    assert.equal((await list(token)).status, 200);
    clock.pass(71);
    assertError(await untilStatus(() => list(token), 401, 1_000), 401);
  });
});

suite('the keys of a trusted issuer', () => {
  test('are fetched once, and again for a token with a new key: old tokens end, new ones are good (AUTH-11)', async () => {
    await using own = await startTokenIssuer();
    const trusted = await trusting({}, own);
    await using clock = mockedTime();
    const sign = () => own.sign(claims({ jti: `${performance.now()}` }, own));
    const before = await sign();
    for (const token of [before, await sign(), await sign()]) {
      assert.equal((await list(token, trusted)).status, 200);
    }
    assert.equal(own.fetches, 1);
    await own.rotate();
    clock.pass(11);
    assert.equal((await list(await sign(), trusted)).status, 200);
    assert.equal(own.fetches, 2);
    assertError(await untilStatus(() => list(before, trusted), 401, 1_000), 401);
  });

  test('are not fetched for each token with an unknown key', async () => {
    await using own = await startTokenIssuer();
    const trusted = await trusting({}, own);
    await using _clock = mockedTime();
    for (let index = 0; index < 5; index++) {
      const token = await own.sign(claims({}, own), { header: { kid: `unknown-${index}` } });
      assertError(await list(token, trusted), 401);
    }
    assert.equal(own.fetches, 1);
  });

  test('are kept: while the issuer is away, good tokens stay good and others are refused', async () => {
    await using own = await startTokenIssuer();
    const trusted = await trusting({}, own);
    assert.equal((await list(await own.sign(claims({}, own)), trusted)).status, 200);
    own.failures.set('keys', (response) => response.destroy());
    const next = await own.sign(claims({ jti: 'next' }, own));
    assert.equal((await list(next, trusted)).status, 200);
    assertError(await list(`${next.slice(0, -8)}AAAAAAAA`, trusted), 401);
  });

  test('when they cannot be read: 503 with Retry-After, and 401 for who does not claim to be of the issuer', async () => {
    await using own = await startTokenIssuer();
    const huge = JSON.stringify({ keys: [], more: 'x'.repeat(1024 * 1024) });
    const failures: Parameters<(typeof own.failures)['set']>[1][] = [
      (response) => response.destroy(),
      (response) => response.writeHead(500).end(),
      (response) => response.writeHead(302, { location: own.jwksUri }).end(),
      (response) => response.writeHead(204).end(),
      (response) => response.end('<html>'),
      (response) => response.end('{"keys":"none"}'),
      (response) => response.end(huge),
      // Answers never.
      () => {},
    ];
    const token = await own.sign(claims({}, own));
    const foreign = await own.sign(claims({ iss: 'https://other.example.com/' }, own));
    const check = async (fail: (typeof failures)[number], index: number) => {
      const name = `failing-${index}`;
      const trusted = await trusting({ jwksUri: `${own.jwksUri}/${name}` }, own);
      own.failures.set(name, fail);
      const answer = await list(token, trusted);
      assertError(answer, 503);
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      assertError(await list(foreign, trusted), 401);
      own.failures.delete(name);
      await untilStatus(() => list(token, trusted), 200, 1_000);
    };
    await Promise.all(failures.map(check));
  });
});

suite('trust in an issuer', () => {
  test('ends within a second of being taken back, or given to another', async () => {
    const trusted = await trusting({});
    const token = await idp.sign(claims({ jti: 'cleared' }));
    assert.equal((await list(token, trusted)).status, 200);
    const request = ClearTrustedIssuerRequest.fromPartial({ connectionId: trusted.id });
    await rollcall.directory.connections.clearTrustedIssuer(request);
    await untilStatus(() => list(token, trusted), 401, 1_000);
    assert.equal((await scimOf(trusted)('GET', '/Users')).status, 200);

    await using other = await startTokenIssuer();
    const moved = await trusting({});
    assert.equal((await list(token, moved)).status, 200);
    const { issuer, jwksUri } = other;
    await trust(moved, { issuer, audience, jwksUri, applicationId: '' });
    await untilStatus(() => list(token, moved), 401, 1_000);
    assert.equal((await list(await other.sign(claims({}, other)), moved)).status, 200);
  });

  test('while the connection is paused: 503, and 401 for a token that is not good', async () => {
    const trusted = await trusting({});
    const { connections } = rollcall.directory;
    await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId: trusted.id }));
    const answer = await list(await idp.sign(claims()), trusted);
    assertError(answer, 503);
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assertError(await list(await idp.sign(claims({ aud: 'another' })), trusted), 401);
  });

  test('is shown with the time when a token was last good, and the log says whose it was', async () => {
    const trusted = await trusting({});
    const { connections } = rollcall.directory;
    const lastUsed = async () => {
      const request = GetConnectionRequest.fromPartial({ connectionId: trusted.id });
      return (await connections.getConnection(request)).connection?.trustedIssuer?.lastUsed;
    };
    await using watch = await watchExchanges(rollcall.directory, trusted.id);
    assertError(await list(await idp.sign(claims({ aud: 'another' })), trusted), 401);
    await scimOf(trusted)('GET', '/Users');
    assert.doesNotMatch((await watch.next()).tokenId, /^jwt_/);
    assert.equal(await lastUsed(), undefined);
    await list(await idp.sign(claims()), trusted);
    const { tokenId } = await watch.next();
    assert.match(tokenId, /^jwt_[0-9a-f]{16}$/);
    let used: Date | undefined;
    do used = await lastUsed();
    while (used === undefined);
    assert.ok(Math.abs(used.getTime() - Date.now()) < 60_000);
    await connections.pauseConnection({ connectionId: trusted.id });
    const paused = await idp.sign(claims({ jti: 'paused' }));
    assertError(await list(paused, trusted), 503);
    const refused = await watch.next();
    assert.deepEqual([refused.status, refused.tokenId], [503, tokenId]);
    assert.ok(!JSON.stringify(refused).includes(paused));
  });
});

/** Time that passes only when it is told to, until it is disposed. */
function mockedTime(): AsyncDisposable & { pass(seconds: number): void } {
  mock.timers.enable({ apis: ['Date'], now: Date.now() });
  return {
    pass: (passed) => mock.timers.tick(passed * 1_000),
    async [Symbol.asyncDispose]() {
      mock.timers.reset();
    },
  };
}
