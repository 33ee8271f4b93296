import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { after, suite, test } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { ConfigError, readConfig } from '#runtime/config.ts';
import type { Logger } from '#runtime/logger.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { assertError, createUser, filtered, patchBody, userBody } from '../scim/scim-fixture.ts';
import { testLogger } from '../support/directory.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();

/** A gateway of its own before the same directory, with settings of its own. */
async function gatewayWith(settings: Record<string, string>, logger: Logger = testLogger('gateway')) {
  const metrics = new Registry();
  const config = readConfig(gatewayConfig, {
    ROLLCALL_DATA_DIR: rollcall.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
    ROLLCALL_GATEWAY_PORT: '0',
    ...settings,
  });
  const gateway = await startGateway(config, { logger, metrics });
  const baseUrl = `${gateway.address}/scim/${connection.id}/v2`;
  return { ...gateway, metrics, baseUrl, scim: scimOf({ ...connection, baseUrl }) };
}

/** Where a gateway says it is when it is asked with these headers. */
async function locationFrom(baseUrl: string, headers: Record<string, string>): Promise<string> {
  const call = request(`${baseUrl}/ServiceProviderConfig`, { headers }).end();
  const [response] = await once(call, 'response');
  const { meta } = (await json(response)) as { meta?: { location: string } };
  return meta?.location ?? String(response.statusCode);
}

suite('the URL in meta.location', () => {
  const forwarded = { 'x-forwarded-host': 'scim.example.com', 'x-forwarded-proto': 'https' };
  const rest = `/scim/${connection.id}/v2/ServiceProviderConfig`;

  test('is that of the request; what a stranger forwards is not believed', async () => {
    await using gateway = await gatewayWith({});
    assert.equal(await locationFrom(gateway.baseUrl, forwarded), gateway.address + rest);
    assert.equal(await locationFrom(gateway.baseUrl, { host: 'internal:81' }), `http://internal:81${rest}`);
    assert.equal(await locationFrom(gateway.baseUrl, { host: 'a b/c' }), '400');
  });

  test('is what a trusted proxy forwards', async () => {
    await using gateway = await gatewayWith({ ROLLCALL_TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' });
    assert.equal(await locationFrom(gateway.baseUrl, forwarded), `https://scim.example.com${rest}`);
    const two = { ...forwarded, 'x-forwarded-host': 'evil.example, scim.example.com' };
    assert.equal(await locationFrom(gateway.baseUrl, two), `https://scim.example.com${rest}`);
  });

  test('is the configured one before all others', async () => {
    await using gateway = await gatewayWith({ ROLLCALL_PUBLIC_URL: 'https://id.example.com/directory/' });
    assert.equal(await locationFrom(gateway.baseUrl, forwarded), `https://id.example.com/directory${rest}`);
    const user = await createUser(gateway.scim);
    assert.match(user.meta.location, /^https:\/\/id\.example\.com\/directory\/scim\//);
  });
});

suite('logs and metrics', () => {
  test('say which request it was, and hold no token, no query and no value of a person (SEC-10, SRCH-07)', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    await using gateway = await gatewayWith({}, logger);
    const { scim, metrics } = gateway;
    const id = { 'x-request-id': 'my-request.1' };
    const created = await scim(
      'POST',
      '/Users',
      userBody({ userName: 'Hopper@secret.example', active: 'True' }),
      id,
    );
    assert.equal(created.headers.get('x-request-id'), 'my-request.1');
    await scim('GET', `/Users?${filtered('userName eq "Hopper@secret.example"')}`);
    await scim('GET', '/Users/Hopper@secret.example');
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
    await scim('POST', '/Users/.search', { schemas, filter: 'userName eq "Hopper@secret.example"' });
    await scim('POST', '/Users', userBody({ password: 'a secret.example of a password' }));
    await scim('POST', '/Users', '{"userName": "Hopper@secret.example"');
    const body = patchBody({ op: 'replace', value: { hopper: 'Hopper', title: 'Hopper' } });
    await scim('PATCH', `/Users/${created.body.id}`, body);
    const log = lines.join('');
    assert.doesNotMatch(log, /secret\.example|"Hopper|userName eq/);
    assert.ok(!log.includes(connection.token) && !log.includes(connection.token.slice(9)));
    const entries = lines.map((line) => JSON.parse(line));
    const entry = entries.find(({ requestId, status }) => requestId === 'my-request.1' && status === 201);
    assert.deepEqual(
      [entry.connectionId, entry.method, entry.route],
      [connection.id, 'POST', '/scim/:connection/v2/Users'],
    );
    assert.ok(entries.some(({ repairs }) => repairs?.includes('textBooleans')));
    assert.ok(entries.some(({ ignored }) => ignored?.includes('hopper')));
    assert.match(await metrics.metrics(), /rollcall_gateway_repairs_total\{repair="textBooleans"\} 1/);
  });

  test('a request id that is not fit for logs is replaced', async () => {
    const answer = await scimOf(connection)('GET', '/Users', undefined, { 'x-request-id': 'a b"c' });
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  });
});

suite('starting and stopping', () => {
  test('a request in flight is finished, and then nobody answers', async () => {
    const gateway = await gatewayWith({});
    const call = request(`${gateway.baseUrl}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${connection.token}`, 'content-type': 'application/json' },
    });
    const body = JSON.stringify(userBody());
    call.write(body.slice(0, 10));
    await once(call, 'socket').then(([socket]) => socket.connecting && once(socket, 'connect'));
    await gateway.scim('GET', '/Users?count=0');
    const stopped = gateway[Symbol.asyncDispose]();
    call.end(body.slice(10));
    const [response] = await once(call, 'response');
    assert.equal(response.statusCode, 201);
    response.resume();
    await stopped;
    await assert.rejects(fetch(`${gateway.address}/healthz`));
  });

  test('without a directory it runs, is not ready, and answers 503 with Retry-After', async () => {
    await using gateway = await gatewayWith({ ROLLCALL_DIRECTORY_ADDRESS: '127.0.0.1:1' });
    assert.equal((await fetch(`${gateway.address}/healthz`)).status, 200);
    assert.equal((await fetch(`${gateway.address}/readyz`)).status, 503);
    const answer = await gateway.scim('GET', '/Users');
    assertError(answer, 503);
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
  });

  test('settings that cannot be used are named', async () => {
    const { port } = new URL(rollcall.gatewayUrl);
    await assert.rejects(gatewayWith({ ROLLCALL_GATEWAY_PORT: port }), (error) => {
      return error instanceof ConfigError && error.message.includes('ROLLCALL_GATEWAY_PORT');
    });
    for (const settings of [
      { ROLLCALL_PUBLIC_URL: 'scim.example.com' },
      { ROLLCALL_TRUSTED_PROXIES: '10.0.0.0/33' },
      { ROLLCALL_TRUSTED_PROXIES: 'proxy.example.com' },
    ]) {
      const [name = ''] = Object.keys(settings);
      await assert.rejects(gatewayWith(settings), (error) => {
        return error instanceof ConfigError && error.message.includes(name);
      });
    }
  });
});
