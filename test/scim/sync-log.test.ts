import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { ListChangesRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  CreateClientRequest,
  PauseConnectionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { watchExchanges } from '../support/exchange-watch.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';
import {
  createGroup,
  createUser,
  enterpriseUrn,
  filtered,
  patchBody,
  userBody,
  userUrn,
} from './scim-fixture.ts';

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
    const request = ListChangesRequest.fromPartial({ connectionId, after: position - 1, pageSize: 1 });
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

suite('while a connection is paused the sync log', () => {
  logged('has what was refused, and by whose token, but no body', async (scim, next, connection) => {
    const connectionId = connection.id;
    const { id } = await createUser(scim);
    const { tokenId } = await next();
    const { connections } = rollcall.directory;
    await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId }));
    const path = `/Users/${id}?filter=password%20eq%20%22hunter2%22`;
    for (;;) {
      const { status } = await scim('PATCH', path, patchBody({ op: 'replace', path: 'title', value: 'x' }));
      const exchange = await next();
      assert.deepEqual([exchange.status, exchange.tokenId], [status, tokenId]);
      // The directory refuses at once, the gateway within a second.
      if (exchange.requestBody !== '') continue;
      assert.match(exchange.errorDetail, /This connection is paused/);
      assert.match(exchange.path, /^\/Users\/.*masked/);
      assert.deepEqual([exchange.resourceId, exchange.users, exchange.repairs], [id, [id], []]);
      break;
    }
    for (const token of ['', 'nonsense']) {
      const headers = { authorization: `Bearer ${token}` };
      assert.equal((await fetch(`${connection.baseUrl}/Users`, { headers })).status, 401);
    }
    await scim('GET', '/Users?count=0');
    const { path: told, status, responseBody } = await next();
    assert.deepEqual([told, status, JSON.parse(responseBody).status], ['/Users?count=0', 503, '503']);
  });
});

suite('where access tokens are given the sync log', () => {
  /** A client of a connection, and a way to ask for a token as it. */
  async function clientOf(connectionId: string) {
    const { client, secret } = await rollcall.directory.connections.createClient(
      CreateClientRequest.fromPartial({ connectionId }),
    );
    const id = client?.id ?? '';
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret, scope: 'scim' };
    const here = `${rollcall.gatewayUrl}/scim/${connectionId}`;
    const ask = async (body: object, headers: Readonly<Record<string, string>> = {}, at = here) => {
      const response = await fetch(`${at}/oauth/token?debug=${secret}`, {
        method: 'POST',
        headers,
        body: new URLSearchParams(Object.entries(body)),
      });
      return (await response.json()) as Readonly<Record<string, string>>;
    };
    return { id, secret, form, ask };
  }

  logged('has who got one, and neither the secret nor the token', async (_, next, connection) => {
    const { id, secret, form, ask } = await clientOf(connection.id);
    const basic = btoa(`${id}:${secret}`);
    for (const [body, headers] of [
      [{ ...form, client_assertion: 'e30.e30.x', 'x-key': secret }, {}],
      [{ grant_type: form.grant_type }, { authorization: `Basic ${basic}` }],
    ] as const) {
      const { access_token: token = '' } = await ask(body, headers);
      assert.match(token, /^rollcall_/);
      const exchange = await next();
      const { method, path, status, tokenId, responseBody, requestBody } = exchange;
      assert.deepEqual([method, status, tokenId], ['POST', 200, id]);
      assert.equal(path, '/oauth/token?debug=%3Cmasked%20text%3E');
      assert.equal(JSON.parse(responseBody).expires_in, 3_600);
      const { grant_type, client_id, ...others } = JSON.parse(requestBody);
      assert.deepEqual([grant_type, client_id], ['client_credentials', id]);
      const masked = '<masked text>';
      const expected = { client_secret: masked, scope: 'scim', client_assertion: masked, 'x-key': masked };
      assert.deepEqual(others, 'client_id' in body ? expected : {});
      for (const each of [secret, token, basic, 'e30.e30.x'])
        assert.ok(!JSON.stringify(exchange).includes(each));
    }
  });

  logged('has what was refused and why, and is not filled by strangers', async (_, next, connection) => {
    const { id, secret, form, ask } = await clientOf(connection.id);
    await ask({ ...form, grant_type: 'password' });
    await ask({ ...form, client_secret: 'hunter2' });
    await ask({ grant_type: form.grant_type }, { authorization: `Basic ${btoa(`${id}:hunter2`)}` });
    await ask(form, { 'content-type': 'text/plain' });
    for (const [status, keyword, claimed] of [
      [400, 'unsupported_grant_type', id],
      [401, 'invalid_client', id],
      [401, 'invalid_client', id],
      [400, 'invalid_request', undefined],
    ] as const) {
      const exchange = await next();
      assert.deepEqual([exchange.status, exchange.scimType, exchange.tokenId], [status, keyword, '']);
      assert.equal(exchange.errorDetail, JSON.parse(exchange.responseBody).error_description);
      const { client_id } = JSON.parse(exchange.requestBody || '{}');
      assert.equal(client_id, claimed);
      assert.ok(!JSON.stringify(exchange).includes('hunter2'));
      assert.ok(!JSON.stringify(exchange).includes(secret));
    }
    // Nor is anything lost when somebody names connections that are not there, or cannot be.
    await using own = await rollcall.startGateway({});
    for (const to of ['x', 'No%20Such', 'nosuchconnection', connection.id])
      await ask(form, {}, `${own.address}/scim/${to}`);
    assert.equal((await next()).status, 200);
    const outcomes = await own.metrics.getSingleMetricAsString('rollcall_gateway_exchanges_total');
    assert.doesNotMatch(outcomes, /lost/);

    const wrong = { ...form, client_id: 'jwt_somebody', client_secret: 'hunter2' };
    for (let sent = 0; sent < 40; sent++) await ask(wrong);
    const { connections } = rollcall.directory;
    await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId: connection.id }));
    await ask(form);
    let strangers = 0;
    for (let told = await next(); told.tokenId !== id; told = await next()) {
      assert.equal(told.status, 401);
      strangers++;
      if (strangers > 30) assert.fail('strangers fill the log');
    }
    assert.ok(strangers > 0);
  });
});

suite('what a connection masks', () => {
  const names = ['title', 'name.familyName', 'emails', 'userName', `${enterpriseUrn}:employeeNumber`];

  logged('is followed within a second by every gateway', async (scim, next, connection) => {
    await using second = await rollcall.startGateway({});
    const gateways = [scim, scimOf(second.to(connection))];
    const { id } = await createUser(scim, { title: 'Countess' });
    await next();
    const update = async (paths: string[]) => {
      const request = { connectionId: connection.id, maskedAttributes: { paths } };
      await rollcall.directory.connections.updateConnection(UpdateConnectionRequest.fromPartial(request));
    };
    /** Sends a request until the log shows it like that. */
    const until = async (send: ScimClient, isMasked: boolean) => {
      const begin = performance.now();
      for (;;) {
        const sentAt = performance.now();
        await send('GET', `/Users/${id}?attributes=title`);
        const { responseBody } = await next();
        if (!responseBody.includes('Countess') === isMasked) return;
        assert.ok(sentAt - begin < 1_000, 'not after a second');
      }
    };
    for (const send of gateways) await until(send, false);
    await update(['title']);
    for (const send of gateways) await until(send, true);
    await update([]);
    for (const send of gateways) await until(send, false);
  });

  test('is in none of its exchanges, wherever it was sent, and in those of others', async () => {
    const connection = await rollcall.connect({ maskedAttributes: names });
    const other = await rollcall.connect();
    const secret = 'lovelace.e-1@example.com';
    await using watch = await watchExchanges(rollcall.directory, connection.id);
    await using otherWatch = await watchExchanges(rollcall.directory, other.id);
    const person = {
      userName: secret,
      title: secret,
      name: { familyName: secret, givenName: 'Ada' },
      emails: [{ value: secret, type: 'work', primary: true }],
      [enterpriseUrn]: { employeeNumber: secret, department: 'Engines' },
    };
    for (const each of [connection, other]) {
      const scim = scimOf(each);
      const next = () => (each === connection ? watch : otherWatch).next();
      const { id } = await createUser(scim, person);
      const created = await next();
      if (each === other) {
        assert.ok(created.requestBody.includes(secret));
        assert.deepEqual(created.users, [id, secret]);
        continue;
      }
      assert.deepEqual(created.masked, ['userName', 'title', 'familyName', 'emails', 'employeeNumber']);
      assert.deepEqual(created.users, [id]);
      const masked = '<masked text>';
      const { schemas: _schemas, ...body } = JSON.parse(created.requestBody);
      assert.deepEqual(body, {
        userName: masked,
        title: masked,
        name: { familyName: masked, givenName: 'Ada' },
        emails: [{ value: masked, type: masked, primary: false }],
        [enterpriseUrn]: { employeeNumber: masked, department: 'Engines' },
      });
      assert.ok(!JSON.stringify(created).includes(secret));
      const operations = [
        { op: 'replace', path: 'title', value: secret },
        { op: 'Replace', path: `${userUrn}:Title`, value: secret },
        { op: 'add', path: 'emails[type eq "work"].value', value: secret },
        { op: 'remove', path: `emails[value eq "${secret}"]` },
        { op: 'replace', value: { 'name.familyName': secret, [`${enterpriseUrn}:employeeNumber`]: secret } },
        { op: 'replace', path: `${enterpriseUrn}:employeeNumber`, value: secret },
        { op: 'replace', path: 'name', value: { FamilyName: secret } },
        { op: 'replace', path: 'active', value: { userName: secret } },
      ];
      const filters = [
        `userName eq "${secret}"`,
        `USERNAME eq ${secret}`,
        `emails.value sw "${secret}"`,
        `emails[value eq "${secret}"]`,
        `name.familyName co "${secret}" and active eq true`,
        `${enterpriseUrn}:employeeNumber eq "${secret}`,
        `title bogus "${secret}"`,
        `active eq true or title eq '${secret}'`,
      ];
      const data = userBody({ ...person, emails: secret });
      const requests = [
        ...operations.map((operation) => ['PATCH', `/Users/${id}`, patchBody(operation)] as const),
        ...filters.map((filter) => ['GET', `/Users?${filtered(filter)}`, undefined] as const),
        ...filters.map((filter) => ['POST', '/Users/.search', { filter }] as const),
        ['PUT', `/Users/${id}`, userBody({ ...person, title: [secret], emails: [secret] })],
        ['POST', '/Bulk', { Operations: [{ method: 'POST', path: '/Users', bulkId: 'q', data }] }],
        ['GET', '/Users?sortBy=title', undefined],
      ] as const;
      for (const [method, path, sent] of requests) await scim(method, path, sent);
      for (const _ of requests) {
        const exchange = JSON.stringify(await next());
        assert.ok(!exchange.includes(secret), exchange);
        assert.ok(!exchange.includes(encodeURIComponent(secret)), exchange);
      }
    }
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
      { numRuns: 30 },
    );
  });
});
