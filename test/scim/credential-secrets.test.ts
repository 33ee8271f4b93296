import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  CreateClientRequest,
  SetTrustedIssuerRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { readConfig } from '#runtime/config.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';

const rollcall = await startRollcall();
const idp = await startTokenIssuer();
/** Everything that the gateway has logged. */
let log = '';
const logger = pino(
  { level: 'trace' },
  new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  }),
);
const metrics = new Registry();
const gateway = await startGateway(
  readConfig(gatewayConfig, {
    ROLLCALL_DATA_DIR: rollcall.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
    ROLLCALL_GATEWAY_PORT: '0',
  }),
  { logger, metrics },
);
after(async () => {
  await gateway[Symbol.asyncDispose]();
  await idp[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});

/** The contents of every collection. */
async function stored(): Promise<Record<string, readonly Record<string, unknown>[]>> {
  await using client = await MongoClient.connect(rollcall.database.uri);
  const contents: Record<string, readonly Record<string, unknown>[]> = {};
  for (const { name } of await client.db().listCollections().toArray())
    contents[name] = await client.db().collection(name).find().toArray();
  return contents;
}

/** The ids of those whose exchanges are written down, once there are so many. */
async function holders(count: number): Promise<readonly unknown[]> {
  for (;;) {
    const { exchanges = [] } = await stored();
    if (exchanges.length < count) continue;
    const inOrder = exchanges.toSorted((a, b) => (String(a._id) < String(b._id) ? -1 : 1));
    return inOrder.map(({ exchange }) => (exchange as Record<string, unknown>).tokenId);
  }
}

test('what a client presents, or is given, is in no log, no metric, no error and not in the database; its holder is known by an id (SEC-10)', async () => {
  const { id, token } = await rollcall.connect();
  const { connections } = rollcall.directory;
  const { client, secret } = await connections.createClient(
    CreateClientRequest.fromPartial({ connectionId: id }),
  );
  const issuer = { issuer: idp.issuer, audience: 'a', jwksUri: idp.jwksUri, applicationId: '' };
  await connections.setTrustedIssuer(SetTrustedIssuerRequest.fromPartial({ connectionId: id, issuer }));
  const base = `${gateway.address}/scim/${id}`;
  const answers: string[] = [];
  const list = async (bearer: string) => {
    const { status, body } = await scimOf({ baseUrl: `${base}/v2`, token: bearer })('GET', '/Users');
    answers.push(JSON.stringify(body));
    return status;
  };
  const getToken = async (password: string) => {
    const response = await fetch(`${base}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client?.id}:${password}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    return (await response.json()) as { access_token?: string };
  };
  const sign = (claims: object) =>
    idp.sign({ iss: idp.issuer, aud: 'a', exp: Math.floor(Date.now() / 1_000) + 600, ...claims });

  const { access_token: access = '' } = await getToken(secret);
  answers.push(JSON.stringify(await getToken('a-wrong-secret')));
  const subject = 'ada.lovelace@example.com';
  const signed = [await sign({ sub: subject, jti: '1' }), await sign({ sub: subject, jti: '2' })];
  const others = [await sign({ sub: 'bob' }), await sign({ sub: subject, appid: 'app' })];
  for (const good of [token, access, ...signed, ...others]) assert.equal(await list(good), 200);
  const bad = [await sign({ sub: subject, aud: 'b' }), `${signed[0]}x`, `${access}x`, 'a-wrong-token'];
  for (const wrong of bad) assert.equal(await list(wrong), 401);

  idp.failures.set('elsewhere', (response) => response.writeHead(500).end());
  await connections.setTrustedIssuer(
    SetTrustedIssuerRequest.fromPartial({
      connectionId: id,
      issuer: { ...issuer, jwksUri: `${idp.jwksUri}/elsewhere` },
    }),
  );
  const unread = await sign({ sub: subject });
  assert.equal(await list(unread), 503);
  assert.match(log, /Expected 200 OK from the JSON Web Key Set/, 'operators are told why');

  // Of the two requests for an access token the second proved nothing.
  const [granted, refused, , ofClient, ...ofIssuer] = await holders(8);
  assert.deepEqual([granted, refused, ofClient], [client?.id, '', client?.id]);
  for (const holder of ofIssuer) assert.match(String(holder), /^jwt_[0-9a-f]{16}$/);
  assert.equal(ofIssuer[0], ofIssuer[1], 'one holder, whichever of its tokens');
  assert.equal(new Set(ofIssuer).size, 3);

  const written = [log, await metrics.metrics(), JSON.stringify(await stored()), ...answers].join('\n');
  assert.match(log, /oauth\/token/);
  for (const hidden of [secret, access, 'a-wrong-secret', 'a-wrong-token', subject]) {
    assert.ok(!written.includes(hidden), hidden);
    assert.ok(!written.includes(Buffer.from(hidden).toString('base64').slice(0, -4)), hidden);
  }
  for (const part of [...signed, ...others, ...bad, unread].flatMap((each) => each.split('.')))
    if (part.length > 20) assert.ok(!written.includes(part), part);
});
