import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { watchExchanges } from '../support/exchange-watch.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';
import { createGroup, createUser, filtered, patchBody, userBody, userUrn } from './scim-fixture.ts';

let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall();
});
after(() => rollcall[Symbol.asyncDispose]());

/** A test in a connection of its own, with what its log says of each request. */
function logged(
  name: string,
  run: (scim: ScimClient, next: () => Promise<Exchange>, connection: TestConnection) => Promise<void>,
): void {
  test(name, async () => {
    const connection = await rollcall.connect();
    await using watch = await watchExchanges(rollcall.directory, connection.id);
    await run(scimOf(connection), () => watch.next(), connection);
  });
}

suite('the sync log has', () => {
  logged('what was sent and answered, and by whom', async (scim, next, connection) => {
    const body = userBody({ title: 'Countess' });
    const headers = { 'x-request-id': 'nightly-1', 'if-none-match': 'W/"7"' };
    const answer = await scim('POST', '/Users?attributes=title', body, headers);
    const { tokens } = await rollcall.directory.connections.listTokens({ connectionId: connection.id });
    const { id, time, durationMs, ...exchange } = await next();
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.ok(Math.abs((time?.getTime() ?? 0) - Date.now()) < 60_000);
    assert.ok(durationMs >= 0 && durationMs < 60_000);
    assert.deepEqual(exchange, {
      connectionId: connection.id,
      requestId: 'nightly-1',
      tokenId: tokens[0]?.id,
      method: 'POST',
      path: '/Users?attributes=title',
      baseUrl: connection.baseUrl,
      headers: { accept: '*/*', 'content-type': 'application/scim+json', 'if-none-match': 'W/"7"' },
      status: 201,
      requestBody: JSON.stringify(body),
      requestCut: false,
      responseBody: JSON.stringify(answer.body),
      responseCut: false,
      brokenOff: false,
      repairs: [],
      ignored: [],
      masked: [],
      errorDetail: '',
      scimType: '',
      position: Number(answer.headers.get('rollcall-position')),
      resourceType: 'User',
      resourceId: answer.body.id,
      users: [answer.body.id, Reflect.get(body, 'userName')],
    });
  });

  logged('the way to the changes that a request made', async (scim, next, { id: connectionId }) => {
    const user = await createUser(scim);
    await next();
    await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', path: 'title', value: 'x' }));
    const { position, requestId } = await next();
    const request = { connectionId, after: position - 1, pageSize: 1 };
    for await (const { changes } of rollcall.directory.changes.listChanges(request)) {
      assert.deepEqual(
        changes.map((change) => [change.position, change.requestId]),
        [[position, requestId]],
      );
    }
    // Nothing was changed, and nothing says that it was.
    await scim('GET', `/Users/${user.id}`);
    assert.equal((await next()).position, 0);
  });

  logged('what was repaired, what was left out, and why a request was refused', async (scim, next) => {
    await scim('POST', '/Users', { userName: randomUUID(), active: 'False', shoeSize: 43 });
    const created = await next();
    assert.deepEqual(created.repairs, ['missingSchemas', 'textBooleans']);
    assert.deepEqual(created.ignored, ['shoeSize']);
    // As it was sent, not as it was repaired.
    assert.match(created.requestBody, /"active":"False","shoeSize":43/);
    const { body } = await scim('POST', '/Users', userBody({ active: 'perhaps' }));
    const refused = await next();
    assert.deepEqual(
      [refused.status, refused.scimType, refused.errorDetail],
      [400, 'invalidValue', body.detail],
    );
    assert.equal(refused.responseBody, JSON.stringify(body));
    await scim('POST', '/Users', '{"userName": broken');
    const broken = await next();
    assert.deepEqual([broken.status, broken.scimType, broken.requestBody], [400, 'invalidSyntax', '']);
  });

  logged('the users that a request is about', async (scim, next) => {
    const user = await createUser(scim, { userName: 'Ada@example.com' });
    assert.deepEqual((await next()).users, [user.id, 'ada@example.com']);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    assert.deepEqual((await next()).users, [user.id]);
    await scim(
      'PATCH',
      `/Groups/${group.id}`,
      patchBody({ op: 'remove', path: `members[value eq "${user.id}"]` }),
    );
    assert.deepEqual((await next()).users, [user.id]);
    await scim('GET', `/Users?${filtered('userName eq "ADA@example.com"')}`);
    assert.deepEqual((await next()).users, ['ada@example.com']);
    await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', value: { userName: 'Ada2' } }));
    assert.deepEqual((await next()).users, [user.id, 'ada2']);
    await scim('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        { method: 'POST', path: '/Users', bulkId: '1', data: userBody({ userName: 'Bob' }) },
        { method: 'DELETE', path: `/Users/${user.id}` },
      ],
    });
    assert.deepEqual((await next()).users, ['bob', user.id]);
  });

  logged('the beginning of long bodies, and says that there was more', async (scim, next) => {
    const nickName = 'n'.repeat(10_000);
    const long = await createUser(scim, { nickName, title: 't'.repeat(10_000) });
    const created = await next();
    assert.deepEqual([created.requestCut, created.responseCut], [true, true]);
    assert.equal(Buffer.byteLength(created.requestBody), 16 * 1_024);
    assert.match(created.requestBody, /^\{"schemas":.*"nickName":"nnn.*"title":"ttt/);
    assert.match(created.responseBody, new RegExp(`^\\{"schemas":.*"id":"${long.id}"`));
    for (let index = 0; index < 10; index++) {
      await createUser(scim, { nickName });
      await next();
    }
    // Longer than what is sent in one piece.
    assert.equal((await scim('GET', '/Users')).body.totalResults, 11);
    const listed = await next();
    assert.deepEqual([listed.status, listed.responseCut, listed.brokenOff], [200, true, false]);
    assert.match(listed.responseBody, /^\{"schemas":.*"totalResults":11,/);
  });

  logged('requests whose client left', async (_, next, { token, baseUrl }) => {
    const url = new URL(`${baseUrl}/Users`);
    const socket = connectSocket(Number(url.port), url.hostname);
    await once(socket, 'connect');
    const head = `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${token}\r\n`;
    socket.end(`${head}Content-Length: 100\r\n\r\n{"userName"`, () => socket.destroy());
    const { method, brokenOff, requestBody } = await next();
    assert.deepEqual([method, brokenOff, requestBody], ['POST', true, '']);
  });

  logged('nothing that strangers send', async (scim, next, { baseUrl }) => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      assert.equal((await fetch(`${baseUrl}/Users`, { headers })).status, 401);
      assert.equal((await fetch(`${baseUrl}/ServiceProviderConfig`, { headers })).status, 200);
      assert.equal((await fetch(`${baseUrl}/nothing`, { headers })).status, 404);
    }
    await scim('GET', '/Users?count=0');
    assert.equal((await next()).path, '/Users?count=0');
  });
});

suite('no secret is in the sync log', () => {
  const secret = 'hunter2-correct-horse';
  const token = `rollcall_${'Xy9_'.repeat(10)}`;

  test('wherever it was sent', async () => {
    const connection = await rollcall.connect();
    const scim = scimOf(connection);
    const { id } = await createUser(scim);
    await using watch = await watchExchanges(rollcall.directory, connection.id);

    const name = fc.constantFrom(
      'password',
      'Password',
      'PASSWORD',
      `${userUrn}:password`,
      'newPassword',
      'apiKey',
    );
    const value = fc.constantFrom<unknown>(secret, [secret], { value: secret }, { a: [{ b: secret }] });
    const hidden = fc.tuple(name, value).map(([key, item]) => ({ [key]: item }));
    const anywhere = fc.constantFrom<object>(
      { nickName: token },
      { displayName: `a ${connection.token} b` },
      { title: `password=${secret}` },
      { name: { formatted: JSON.stringify({ password: secret }) } },
      { [connection.token]: 'x' },
    );
    const attributes = fc.oneof(
      hidden,
      anywhere,
      fc.tuple(hidden, anywhere).map((both) => Object.assign({}, ...both)),
    );
    const literal = fc.constantFrom(`"${secret}"`, secret, `"${secret}`, `"a\\"${secret}"`, `'${secret}'`);
    const filter = fc
      .tuple(name, fc.constantFrom('eq', 'sw', '=', 'bogus'), literal)
      .map((parts) => parts.join(' '));
    const operation = fc.oneof(
      attributes.map((object) => ({ op: 'replace', value: object })),
      fc.tuple(name, value).map(([path, item]) => ({ value: item, op: 'Add', path })),
      filter.map((text) => ({ op: 'remove', path: `emails[${text}]` })),
      fc.tuple(name, value).map(([path, item]) => ({ op: 'bogus', Path: path, values: item })),
    );
    type Sent = readonly [method: string, path: string, body?: unknown];
    const request = fc.oneof(
      attributes.map((object): Sent => ['POST', '/Users', userBody(object)]),
      attributes.map((object): Sent => ['PUT', `/Users/${id}`, userBody(object)]),
      fc
        .array(operation, { minLength: 1, maxLength: 3 })
        .map((list): Sent => ['PATCH', `/Users/${id}`, patchBody(...list)]),
      filter.map((text): Sent => ['GET', `/Users?${filtered(text)}`]),
      filter.map(
        (text): Sent => [
          'POST',
          '/Users/.search',
          { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], filter: text },
        ],
      ),
      fc
        .constantFrom('access_token', 'x', 'password')
        .map((key): Sent => ['GET', `/Users?${key}=${secret}&a=${token}`]),
      fc.constantFrom(token, connection.token).map((text): Sent => ['GET', `/Users/${text}`]),
      attributes.map(
        (data): Sent => [
          'POST',
          '/Bulk',
          {
            schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
            Operations: [{ method: 'POST', path: '/Users', bulkId: 'q', data: userBody(data) }],
          },
        ],
      ),
    );
    await fc.assert(
      fc.asyncProperty(request, async ([method, path, body]) => {
        await scim(method, path, body, { 'x-request-id': connection.token });
        const exchange = JSON.stringify(await watch.next());
        for (const each of [secret, token, connection.token]) assert.ok(!exchange.includes(each), exchange);
      }),
      { numRuns: 60 },
    );
  });
});
