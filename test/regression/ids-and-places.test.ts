import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Registry } from 'prom-client';
import { readConfig } from '#runtime/config.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import {
  assertError,
  createGroup,
  createUser,
  groupBody,
  patchBody,
  userBody,
} from '../scim/scim-fixture.ts';
import { testLogger } from '../support/directory.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const strict = scimOf(await rollcall.connect({ strict: true }));
const scim = scimOf(connection);

// An id that the database could not read was a 400 or 500. PingOne asks for /Users/0 and takes only 404 for "reachable".
test('odd-id-not-404: whatever stands for an id, nobody has it', async () => {
  for (const client of [scim, strict]) {
    const [user, group] = [await createUser(client), await createGroup(client)];
    for (const id of [
      '0',
      '-1',
      '010101001010101011001010101011',
      '5171a35d82074e068ce2',
      '507f1f77bcf86cd799439011',
      '00000000-0000-0000-0000-000000000000',
      'null',
      'undefined',
      'x'.repeat(300),
      '..%2f..%2fUsers',
      '%2e%2e%2f',
      '%22',
      '%00',
      '%25',
      '%zz',
      'caf%C3%A9',
      '%F0%9F%99%82',
      '$ne',
      '__proto__',
    ]) {
      for (const [type, body, other] of [
        ['Users', userBody(), group],
        ['Groups', groupBody(), user],
      ] as const) {
        for (const path of [`/${type}/${id}`, `/${type}/${other.id}`]) {
          assertError(await client('GET', path), 404);
          assertError(await client('PUT', path, body), 404);
          assertError(
            await client('PATCH', path, patchBody({ op: 'add', path: 'externalId', value: 'x' })),
            404,
          );
          assertError(await client('DELETE', path), 404);
        }
      }
    }
    assert.deepEqual((await client('GET', `/Users/${user.id}`)).body, user);
    assert.deepEqual((await client('GET', `/Groups/${group.id}`)).body, group);
  }
});

/** Every URL that an answer gives for a resource. */
function urlsIn({ headers, body }: ScimAnswer): string[] {
  const text = JSON.stringify(body ?? {});
  const inBody = [...text.matchAll(/"(?:location|\$ref)":"([^"]*)"/g)].map(([, url = '']) => url);
  return [...inBody, headers.get('location') ?? headers.get('content-location') ?? []].flat();
}

// Behind a proxy the location was that of the server inside, relative or missing.
test('location-leads-nowhere: each URL in an answer is absolute and leads to its resource', async () => {
  const publicUrl = 'https://scim.example.com/directory';
  const config = readConfig(gatewayConfig, {
    ROLLCALL_DATA_DIR: rollcall.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
    ROLLCALL_GATEWAY_PORT: '0',
    ROLLCALL_PUBLIC_URL: publicUrl,
  });
  await using behindProxy = await startGateway(config, {
    logger: testLogger('gateway'),
    metrics: new Registry(),
  });
  for (const [shown, gateway] of [
    [rollcall.gatewayUrl, rollcall.gatewayUrl],
    [publicUrl, behindProxy.address],
  ] as const) {
    const client = scimOf({ ...connection, baseUrl: `${gateway}/scim/${connection.id}/v2` });
    const manager = await createUser(client);
    const created = await client('POST', '/Users', userBody({ manager: manager.id }));
    const path = `/Users/${created.body.id}`;
    const group = await client('POST', '/Groups', groupBody({ members: [{ value: created.body.id }] }));
    const answers = [
      created,
      group,
      await client('GET', path),
      await client('GET', '/Users?count=2'),
      await client('GET', `/Groups/${group.body.id}`),
      await client('PATCH', path, patchBody({ op: 'add', path: 'title', value: 'x' })),
      await client('PUT', path, userBody({ userName: created.body.userName })),
      await client(
        'PATCH',
        `/Groups/${group.body.id}`,
        patchBody({ op: 'add', path: 'externalId', value: 'x' }),
      ),
      await client('GET', '/Schemas'),
      await client('GET', '/ResourceTypes'),
      await client('GET', '/ServiceProviderConfig'),
    ];
    for (const answer of answers) {
      assert.ok(answer.status < 300);
      const urls = urlsIn(answer);
      assert.notEqual(urls.length, 0);
      for (const url of new Set(urls)) {
        assert.ok(url.startsWith(`${shown}/scim/${connection.id}/v2/`), url);
        const target = await client('GET', url.slice(`${shown}/scim/${connection.id}/v2`.length));
        assert.equal(target.status, 200, url);
        assert.equal(target.body.meta.location, url);
        assert.ok(url.endsWith(`/${target.body.id ?? 'ServiceProviderConfig'}`), url);
      }
    }
    for (const answer of [created, group]) {
      assert.equal(answer.headers.get('location'), answer.body.meta.location);
      assert.ok(answer.body.meta.location.endsWith(`/${answer.body.id}`));
    }
  }
});
