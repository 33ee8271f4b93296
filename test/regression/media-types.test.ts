import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  CreateTokenRequest,
  PauseConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import {
  assertError,
  createGroup,
  createUser,
  filtered,
  patchBody,
  userBody,
  userUrn,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const strict = await rollcall.connect({ strict: true });
const { connections } = rollcall.directory;

for (const [kind, client] of Object.entries({ default: scimOf(connection), strict: scimOf(strict) })) {
  // Frameworks parse only the media types they know: the body of the others was empty, and so was the user.
  test(`scim-json-not-read: both media types, however they are written, ${kind} connection`, async () => {
    for (const type of [
      'application/scim+json',
      'application/json',
      'application/scim+json; charset=utf-8',
      'application/json;charset=UTF-8',
      'Application/SCIM+JSON',
      'application/scim+json; charset="utf-8"',
    ]) {
      const headers = { 'content-type': type };
      const { status, body } = await client('POST', '/Users', userBody({ title: type }), headers);
      assert.deepEqual([status, body.title], [201, type]);
      const path = `/Users/${body.id}`;
      const put = await client('PUT', path, userBody({ userName: body.userName, title: 'put' }), headers);
      assert.deepEqual([put.status, put.body.title], [200, 'put'], type);
      const patch = await client(
        'PATCH',
        path,
        patchBody({ op: 'add', path: 'title', value: 'patch' }),
        headers,
      );
      assert.deepEqual([patch.status, patch.body.title], [200, 'patch'], type);
      const search = {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
        filter: `id eq "${body.id}"`,
      };
      const found = await client('POST', '/Users/.search', search, headers);
      assert.deepEqual([found.status, found.body.totalResults], [200, 1], type);
    }
  });

  // Requests without a body were refused for the media type they had, or had not.
  test(`scim-json-not-read: without a body no media type counts, ${kind} connection`, async () => {
    for (const type of [
      undefined,
      'application/scim+json',
      'application/json; charset=utf-8',
      'text/plain',
    ]) {
      const headers = type === undefined ? {} : { 'content-type': type };
      const { id } = await createUser(client);
      assert.equal((await client('GET', `/Users/${id}`, undefined, headers)).status, 200);
      assert.equal((await client('GET', '/Users', undefined, headers)).status, 200);
      assert.equal((await client('DELETE', `/Users/${id}`, undefined, headers)).status, 204);
    }
    const { id } = await createUser(client);
    assert.equal((await client('DELETE', `/Users/${id}`, {})).status, 204);
  });
}

// Answers came as application/json or HTML, some of them from the framework below.
test('answer-not-scim-json: each success says that it is SCIM', async () => {
  const scim = scimOf(connection);
  const user = await createUser(scim);
  const group = await createGroup(scim);
  for (const path of [
    `/Users/${user.id}`,
    `/Groups/${group.id}`,
    '/Users',
    '/Groups?excludedAttributes=members',
    `/Users?${filtered('userName eq "nobody"')}`,
    '/Schemas',
    `/Schemas/${userUrn}`,
    '/ResourceTypes',
    '/ServiceProviderConfig',
  ]) {
    for (const accept of ['application/scim+json', '*/*', 'text/html, */*;q=0.1']) {
      const { status, headers } = await scim('GET', path, undefined, { accept });
      assert.deepEqual([path, status], [path, 200]);
      assert.match(headers.get('content-type') ?? '', /^application\/scim\+json(;|$)/);
    }
  }
  const created = await scim('POST', '/Users', userBody());
  assert.match(created.headers.get('content-type') ?? '', /^application\/scim\+json(;|$)/);
  const quiet = await scim(
    'PATCH',
    `/Groups/${group.id}`,
    patchBody({ op: 'add', path: 'externalId', value: 'x' }),
  );
  assert.deepEqual([quiet.status, quiet.body, quiet.headers.get('content-type')], [204, undefined, null]);
});

// Errors were HTML, or JSON of another form with a number for `status`.
test('error-not-scim: each error is a SCIM error, from wherever it comes', async () => {
  const scim = scimOf(connection);
  const user = await createUser(scim);
  const path = `/Users/${user.id}`;
  const { secret } = await connections.createToken(
    CreateTokenRequest.fromPartial({ connectionId: connection.id, label: 'reads', readOnly: true }),
  );
  const reader = scimOf({ ...connection, token: secret });
  const paused = await rollcall.connect();
  await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId: paused.id }));
  const elsewhere = scimOf({ baseUrl: rollcall.gatewayUrl, token: connection.token });
  const html = { accept: 'text/html' };

  for (const [status, scimType, answer] of [
    [400, 'invalidSyntax', await scim('POST', '/Users', '{"userName": ')],
    [400, 'invalidSyntax', await scim('POST', '/Users', '')],
    [400, 'invalidFilter', await scim('GET', `/Users?${filtered('no filter')}`, undefined, html)],
    [400, 'invalidValue', await scim('GET', '/Users?count=abc', undefined, html)],
    [401, undefined, await scimOf({ ...connection, token: 'wrong' })('GET', path, undefined, html)],
    [401, undefined, await scimOf({ ...connection, token: '' })('PATCH', path, patchBody())],
    [403, undefined, await reader('DELETE', path, undefined, html)],
    [403, 'sensitive', await scim('GET', `/Users?${filtered('password eq "x"')}`)],
    [404, undefined, await scim('GET', '/Users/nobody', undefined, html)],
    [404, undefined, await scim('GET', '/NoSuchThings', undefined, html)],
    [404, undefined, await elsewhere('GET', '/', undefined, html)],
    [404, undefined, await elsewhere('GET', '/api/v1/users')],
    [405, undefined, await scim('DELETE', '/Users', undefined, html)],
    [405, undefined, await scim('PATCH', '/ServiceProviderConfig', {})],
    [409, 'uniqueness', await scim('POST', '/Users', userBody({ userName: user.userName }))],
    [412, undefined, await scim('DELETE', path, undefined, { 'if-match': 'W/"other"' })],
    [413, undefined, await scim('POST', '/Users', userBody({ title: 'x'.repeat(5_000_000) }))],
    [415, undefined, await scim('POST', '/Users', '<user/>', { 'content-type': 'text/xml' })],
    [503, undefined, await scimOf(paused)('GET', '/Users', undefined, html)],
  ] as const) {
    assertError(answer, status, scimType);
    assert.equal(typeof answer.body.status, 'string');
  }
  assert.deepEqual((await scim('GET', path)).body, user);
});
