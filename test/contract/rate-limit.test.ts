import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import { ConfigError } from '#runtime/config.ts';
import { assertError, createUser, filtered, patchBody, userBody } from '../scim/scim-fixture.ts';
import { startRollcall, type TestConnection } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const [connection, other] = [await rollcall.connect(), await rollcall.connect()];
const bulkSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

/** Sends requests at once and counts their answers by status. */
async function statuses(count: number, send: () => Promise<ScimAnswer>): Promise<Record<number, number>> {
  const answers = await Promise.all(Array.from({ length: count }, () => send()));
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  return Object.fromEntries([...byStatus].map(([status, those]) => [status, those.length]));
}

/** Repeats a request, many at once, until one is refused with 429, and gives that answer. */
async function refusalOf(send: () => Promise<ScimAnswer>): Promise<ScimAnswer> {
  for (let round = 0; round < 50; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send()));
    const refusal = answers.find(({ status }) => status === 429);
    if (!refusal) continue;
    assertError(refusal, 429);
    assert.match(refusal.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    assert.match(refusal.body.detail, /Retry-After/);
    return refusal;
  }
  assert.fail('none of 1,000 requests was refused');
}

suite('the rate of a connection (no-rate-limit)', () => {
  test('has room for ten seconds of it at once, and no more (ERR-17)', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_RATE_LIMIT: '5' });
    const scim = scimOf(gateway.to(connection));
    const begin = performance.now();
    const { 200: passed = 0, 429: refused = 0, ...rest } = await statuses(200, () => scim('GET', '/Users'));
    const seconds = (performance.now() - begin) / 1_000;
    assert.deepEqual(rest, {});
    assert.ok(passed >= 50, `${passed} of a burst of 50 passed`);
    assert.ok(passed <= 50 + 5 * seconds, `${passed} passed in ${seconds} s`);
    assert.equal(passed + refused, 200);
    const counted = await gateway.metrics.getSingleMetricAsString('rollcall_gateway_rate_limited_total');
    assert.match(
      counted,
      new RegExp(`^rollcall\\w+{reason="rate",connection="${connection.id}"} ${refused}$`, 'm'),
    );
  });

  test('is that of all its requests together, whatever is in them, and of no other connection (ERR-17)', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_RATE_LIMIT: '1' });
    const scim = scimOf(gateway.to(connection));
    const { id } = await createUser(scimOf(connection));
    const requests = [
      ['GET', '/'],
      ['GET', '/Users'],
      ['GET', '/Groups'],
      ['GET', `/Users/${id}`],
      ['GET', '/Users/nobody'],
      ['POST', '/Users', '{"broken":'],
      ['PUT', `/Users/${id}`, '{"broken":'],
      ['PATCH', `/Users/${id}`, patchBody({ op: 'add', path: 'title', value: 'x' })],
      ['DELETE', '/Users/nobody'],
      ['POST', '/Groups', '{"broken":'],
      ['POST', '/Users/.search', { schemas: [searchSchema] }],
      ['POST', '/.search', { schemas: [searchSchema] }],
      ['GET', '/Me'],
      ['POST', '/Me', userBody()],
      ['POST', '/Bulk', { schemas: [bulkSchema], Operations: [] }],
      ['GET', '/Schemas'],
      ['GET', '/ResourceTypes/User'],
    ] as const;
    // Each is held for a moment: all of them at the same time.
    await Promise.all(requests.map(([method, path, body]) => refusalOf(() => scim(method, path, body))));
    const refused: string[] = [];
    await refusalOf(async () => {
      const userName = `${randomUUID()}@example.com`;
      const answer = await scim('POST', '/Users', userBody({ userName }));
      if (answer.status === 429) refused.push(userName);
      return answer;
    });
    const { body } = await scimOf(connection)('GET', `/Users?${filtered(`userName eq "${refused[0]}"`)}`);
    assert.equal(body.totalResults, 0);

    assert.equal((await scimOf(gateway.to(other))('GET', '/Users')).status, 200);
    for (let asked = 0; asked < 20; asked++) {
      const { status } = await fetch(`${gateway.to(connection).baseUrl}/ServiceProviderConfig`);
      assert.equal(status, 200, 'what needs no token counts for nobody');
    }
  });

  test('comes back with time', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_RATE_LIMIT: '1' });
    const scim = scimOf(gateway.to(connection));
    const { headers } = await refusalOf(() => scim('GET', '/Users'));
    assert.equal(headers.get('retry-after'), '1');
    while ((await scim('GET', '/Users')).status === 429);
  });

  test('a bulk request counts as one', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_RATE_LIMIT: '1' });
    const scim = scimOf(gateway.to(connection));
    const Operations = Array.from({ length: 30 }, (_, index) => ({
      method: 'POST',
      path: '/Users',
      bulkId: `u${index}`,
      data: userBody(),
    }));
    const { body } = await scim('POST', '/Bulk', { schemas: [bulkSchema], Operations });
    assert.deepEqual([...new Set(body.Operations.map(({ status }: { status: string }) => status))], ['201']);
    assert.equal((await scim('GET', '/Users')).status, 200);
  });

  test('has room, unless told otherwise, for an identity provider that sends 25 a second', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_RATE_LIMIT: '' });
    const scim = scimOf(gateway.to(connection));
    assert.deepEqual(await statuses(250, () => scim('GET', '/ResourceTypes')), { 200: 250 });
  });

  test('0 is no limit; what is no rate is refused at the start', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_RATE_LIMIT: '0' });
    assert.deepEqual(await statuses(100, () => scimOf(gateway.to(connection))('GET', '/Schemas')), {
      200: 100,
    });
    for (const wrong of ['-1', '2.5', 'many']) {
      await assert.rejects(
        rollcall.startGateway({ ROLLCALL_RATE_LIMIT: wrong }),
        (error) => error instanceof ConfigError && error.message.startsWith('ROLLCALL_RATE_LIMIT'),
      );
    }
  });
});

suite('tokens that are refused', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const wrongTokenOf = ({ baseUrl }: TestConnection) => scimOf({ baseUrl, token: 'rollcall_wrong' });

  test('too many from one address get 429, and never a good one from there (ERR-17)', async () => {
    await using gateway = await rollcall.startGateway({ ROLLCALL_TRUSTED_PROXIES: '127.0.0.1' });
    const known = gateway.to(connection);
    const unknown = { ...known, baseUrl: `${gateway.address}/scim/nosuchconnection/v2` };
    const guess = (headers = from('192.0.2.1'), at = known) =>
      wrongTokenOf(at)('GET', '/Users', undefined, headers);
    const begin = performance.now();
    const { 401: failed = 0, 429: refused = 0, ...rest } = await statuses(800, guess);
    const seconds = (performance.now() - begin) / 1_000;
    assert.deepEqual(rest, {});
    assert.ok(failed >= 500 && failed <= 500 + 20 * seconds, `${failed} failed in ${seconds} s`);
    assert.ok(refused > 0);
    const counted = await gateway.metrics.getSingleMetricAsString('rollcall_gateway_rate_limited_total');
    assert.match(counted, new RegExp(`^rollcall\\w+{reason="failures",connection=""} ${refused}$`, 'm'));

    const [first, second] = [
      await refusalOf(() => guess()),
      await refusalOf(() => guess(from('192.0.2.1'), unknown)),
    ];
    assert.deepEqual(first.body, second.body);
    assert.deepEqual([...first.headers.keys()].sort(), [...second.headers.keys()].sort());
    for (const good of [connection, other]) {
      const answer = await scimOf(gateway.to(good))('GET', '/Users', undefined, from('192.0.2.1'));
      assert.equal(answer.status, 200);
    }
    const none = await fetch(`${known.baseUrl}/Users`, { headers: from('192.0.2.1') });
    assert.equal(none.status, 401, 'no token is no guess');
    assertError(await guess(from('192.0.2.2')), 401);
    assertError(await guess(from('192.0.2.1, 192.0.2.3')), 401);
    await refusalOf(() => guess(from('192.0.2.4, 192.0.2.1')));
  });

  test('a stranger cannot choose the address that its failures count against', async () => {
    await using gateway = await rollcall.startGateway({});
    let sent = 0;
    const guess = () =>
      wrongTokenOf(gateway.to(connection))('GET', '/Users', undefined, from(`192.0.2.${sent++ % 250}`));
    const { 429: refused = 0 } = await statuses(800, guess);
    assert.ok(refused > 0);
  });
});
