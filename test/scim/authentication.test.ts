import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, suite, test } from 'node:test';
import {
  CreateServiceTokenRequest,
  CreateTokenRequest,
  GetConnectionRequest,
  PauseConnectionRequest,
  ResumeConnectionRequest,
  RevokeTokenRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf, untilStatus } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  filtered,
  groupBody,
  ids,
  patchBody,
  patched,
  userBody,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const other = await rollcall.connect();
const scim = scimOf(connection);
const { connections } = rollcall.directory;

suite('authentication', () => {
  test('without a token, with a wrong one and with another connection’s: the same 401 (AUTH-01, AUTH-02)', async () => {
    const bodies = [];
    for (const [baseUrl, authorization] of [
      [connection.baseUrl, 'Bearer garbage'],
      [connection.baseUrl, `Bearer ${other.token}`],
      [`${rollcall.gatewayUrl}/scim/nosuchconnection/v2`, `Bearer ${connection.token}`],
      [`${rollcall.gatewayUrl}/scim/x%2fy/v2`, `Bearer ${connection.token}`],
      [connection.baseUrl, `Bearer ${'x'.repeat(5_000)}`],
      [connection.baseUrl, `Basic ${btoa(`user:${connection.token}`)}`],
      [connection.baseUrl, connection.token],
      [connection.baseUrl, ''],
    ] as const) {
      const answer = await scimOf({ baseUrl, token: '' })('GET', '/Users', undefined, { authorization });
      assertError(answer, 401);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm=/);
      bodies.push(answer.body);
    }
    for (const body of bodies) assert.deepEqual(body, bodies[0]);
    const wrong = await scim('GET', '/Users', undefined, { authorization: 'Bearer x' });
    assert.match(wrong.headers.get('www-authenticate') ?? '', /error="invalid_token"/);
  });

  test('is asked for before the body is looked at, and nothing is written (AUTH-09)', async () => {
    const userName = 'nobody.let.me.in@example.com';
    for (const body of [userBody({ userName }), '{"broken":']) {
      assertError(await scimOf({ ...connection, token: 'x' })('POST', '/Users', body), 401);
    }
    assert.equal((await scim('GET', `/Users?${filtered(`userName eq "${userName}"`)}`)).body.totalResults, 0);
  });

  test('the scheme may have any letter case', async () => {
    const authorization = `bEARER ${connection.token}`;
    assert.equal((await scim('GET', '/Users', undefined, { authorization })).status, 200);
  });

  test('one connection never reaches what another has (SEC-06, AUTH-04)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const stranger = scimOf(other);
    for (const path of [`/Users/${user.id}`, `/Groups/${group.id}`]) {
      assertError(await stranger('GET', path), 404);
      assertError(await stranger('DELETE', path), 404);
      assertError(
        await stranger('PATCH', path, patchBody({ op: 'add', path: 'externalId', value: 'x' })),
        404,
      );
    }
    assertError(await stranger('PUT', `/Users/${user.id}`, userBody()), 404);
    for (const filter of [
      `id eq "${user.id}"`,
      `userName eq "${user.userName}"`,
      `groups eq "${group.id}"`,
    ]) {
      assert.equal((await stranger('GET', `/Users?${filtered(filter)}`)).body.totalResults, 0);
    }
    assert.equal((await createUser(stranger, { userName: user.userName })).userName, user.userName);
    assert.deepEqual((await scim('GET', `/Groups/${group.id}`)).body, group);
  });

  test('userName and externalId may be the same in two connections, each of which sees its own (SEC-07, SEC-08)', async () => {
    const body = userBody({ externalId: 'E-1' });
    for (const client of [scim, scimOf(other)]) {
      const created = await client('POST', '/Users', body);
      assert.equal(created.status, 201);
      const found = await client('GET', `/Users?${filtered('externalId eq "E-1"')}`);
      assert.deepEqual(ids(found.body.Resources), [created.body.id]);
      assertError(await client('POST', '/Users', body), 409, 'uniqueness');
    }
  });

  test('the URL names the connection and the token must be of it, whatever else names another (SEC-11)', async () => {
    const { userName } = await createUser(scimOf(other));
    const query = `/Users?${filtered(`userName eq "${userName}"`)}`;
    assertError(await scimOf({ ...other, token: connection.token })('GET', query), 401);
    const both = `${rollcall.gatewayUrl}/scim/${connection.id}%2f..%2f${other.id}/v2`;
    for (const { token } of [connection, other])
      assertError(await scimOf({ baseUrl: both, token })('GET', query), 401);
    const hints = {
      host: `${other.id}.example.com`,
      'x-tenant': other.id,
      'x-forwarded-prefix': other.baseUrl,
    };
    assert.equal((await scim('GET', query, undefined, hints)).body.totalResults, 0);
  });

  test('a second token works until it is revoked', async () => {
    const { scim: second, id } = await clientWith({ label: 'second' });
    assert.equal((await second('GET', '/Users')).status, 200);
    await revoke(id);
    // Answers may be remembered for less than a second.
    await untilStatus(() => second('GET', '/Users'), 401, 1_000);
    assert.equal((await scim('GET', '/Users')).status, 200);
  });

  test('a token expired, revoked, altered, of another connection or of another kind: the same 401 (AUTH-05, AUTH-11)', async () => {
    const expiring = await clientWith({ expires: new Date(Date.now() + 1_500) });
    assert.equal((await expiring.scim('GET', '/Users')).status, 200);
    const revoked = await clientWith({});
    assert.equal((await revoked.scim('GET', '/Users')).status, 200);
    await revoke(revoked.id);
    const service = await connections.createServiceToken(
      CreateServiceTokenRequest.fromPartial({ connectionIds: [connection.id] }),
    );
    const { token } = connection;
    const parts = [{ alg: 'none' }, { sub: connection.id, scope: 'admin' }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    const others = [
      ...[0, 8, 9, 30, token.length - 1].map((index) => withOtherCharacter(token, index)),
      token.slice(0, -1),
      `${token}A`,
      token.toUpperCase(),
      createHash('sha256').update(token).digest('hex'),
      `${parts.join('.')}.`,
      service.secret,
      other.token,
    ];
    const refusals = await Promise.all([
      untilStatus(() => expiring.scim('GET', '/Users'), 401, 10_000),
      untilStatus(() => revoked.scim('GET', '/Users'), 401, 10_000),
      ...others.map((wrong) => scimOf({ ...connection, token: wrong })('GET', '/Users')),
    ]);
    for (const refusal of refusals) {
      assertError(refusal, 401);
      assert.deepEqual(refusal.body, refusals[0]?.body);
      assert.match(refusal.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
    }
  });

  test('tokens are not to be guessed: 256 bits, of which none is foreseeable (AUTH-06)', async () => {
    const issued = await Promise.all(Array.from({ length: 100 }, () => rollcall.connect()));
    const secrets = issued.map(({ token }) => /^rollcall_([\w-]{43})$/.exec(token)?.[1] ?? '');
    assert.equal(new Set(secrets).size, 100);
    for (let index = 0; index < 42; index++) {
      const characters = new Set(secrets.map((secret) => secret[index]));
      // Of 64 characters 100 fair draws show about 51; fewer than 32 means that a bit of this one hardly varies.
      assert.ok(characters.size >= 32, `character ${index} has ${characters.size} values`);
    }
  });

  test('a token counts only in the Authorization header (AUTH-12)', async () => {
    const { baseUrl, token } = connection;
    const url = `${baseUrl}/Users?access_token=${token}`;
    const form = new URLSearchParams({ access_token: token });
    for (const [address, init] of [
      [url, {}],
      [url, { headers: { authorization: 'Bearer x' } }],
      [url, { method: 'POST', body: JSON.stringify(userBody()) }],
      [`${baseUrl}/Users`, { method: 'POST', body: form }],
      [`${baseUrl}/Users/.search`, { method: 'POST', body: form }],
      [`${baseUrl}/Users`, { headers: { cookie: `access_token=${token}`, 'x-access-token': token } }],
    ] satisfies [string, RequestInit][]) {
      const { status, headers } = await fetch(address, init);
      assert.equal(status, 401, address);
      assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm=/);
    }
    const reader = await clientWith({ readOnly: true });
    assertError(await reader.scim('POST', `/Users?access_token=${token}`, userBody()), 403);
  });

  test('a token that may only read gets 403 for every write, before the body is looked at (AUTH-03, AUTH-04)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const { scim: reader } = await clientWith({ readOnly: true, userId: user.id });
    const position = await positionOf(connection.id);
    const title = patchBody({ op: 'add', path: 'title', value: 'Captain' });
    for (const [method, path, body] of [
      ['POST', '/Users', userBody()],
      ['POST', '/Users', '{"broken":'],
      ['PUT', `/Users/${user.id}`, userBody()],
      ['PATCH', `/Users/${user.id}`, title],
      ['DELETE', `/Users/${user.id}`],
      ['DELETE', '/Users/nobody'],
      ['POST', '/Groups', groupBody()],
      ['PUT', `/Groups/${group.id}`, groupBody()],
      ['PATCH', `/Groups/${group.id}`, patchBody({ op: 'remove', path: 'members' })],
      ['DELETE', `/Groups/${group.id}`],
      ['PUT', '/Me', userBody()],
      ['PATCH', '/Me', title],
      ['DELETE', '/Me'],
    ] as const) {
      const answer = await reader(method, path, body);
      assertError(answer, 403);
      assert.match(
        answer.headers.get('www-authenticate') ?? '',
        /^Bearer realm=.*error="insufficient_scope"/,
      );
      assert.match(answer.body.detail, /may only read/);
    }
    const bulk = await reader('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        { method: 'DELETE', path: `/Users/${user.id}` },
        { method: 'POST', path: '/Users', bulkId: 'new', data: userBody() },
      ],
    });
    assert.deepEqual(
      bulk.body.Operations.map(({ status }: { status: string }) => status),
      ['403', '403'],
    );
    assert.equal(await positionOf(connection.id), position);
    assert.deepEqual(
      (await reader('GET', `/Users/${user.id}`)).body,
      (await scim('GET', `/Users/${user.id}`)).body,
    );
    assert.deepEqual((await reader('GET', `/Groups/${group.id}`)).body, group);
    const filter = `id eq "${user.id}"`;
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], filter };
    for (const answer of [
      await reader('GET', `/Users?${filtered(filter)}`),
      await reader('POST', '/Users/.search', search),
      await reader('POST', '/.search', search),
    ])
      assert.deepEqual([answer.status, ids(answer.body.Resources)], [200, [user.id]]);
    for (const path of ['/Schemas', '/ResourceTypes', '/ServiceProviderConfig'])
      assert.equal((await reader('GET', path)).status, 200);
  });

  test('a token that is tied to a user ends with the user (AUTH-04)', async () => {
    const user = await createUser(scim);
    const { scim: own } = await clientWith({ userId: user.id });
    const read = () => own('GET', `/Users/${user.id}`);
    const setActive = (value: boolean) =>
      patched(scim, `/Users/${user.id}`, { op: 'replace', path: 'active', value });
    assert.equal((await read()).status, 200);
    await setActive(false);
    assertError(await untilStatus(read, 401, 1_000), 401);
    await setActive(true);
    await untilStatus(read, 200, 1_000);
    assert.equal((await scim('DELETE', `/Users/${user.id}`)).status, 204);
    // A moment longer the token is good, and its user not found.
    assertError(await untilStatus(read, 401, 1_000), 401);
  });

  test('a paused connection answers 503 with Retry-After, and only to those who have its token', async () => {
    const paused = await rollcall.connect();
    const client = scimOf(paused);
    await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId: paused.id }));
    const answer = await client('POST', '/Users', userBody());
    assertError(answer, 503);
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assertError(await scimOf({ ...paused, token: 'x' })('GET', '/Users'), 401);
    await connections.resumeConnection(ResumeConnectionRequest.fromPartial({ connectionId: paused.id }));
    await untilStatus(() => client('GET', '/Users'), 200, 1_000);
  });
});

/** A client with a further token of the connection, and the token's id. */
async function clientWith(
  token: Parameters<typeof CreateTokenRequest.fromPartial>[0],
): Promise<{ readonly scim: ScimClient; readonly id: string }> {
  const created = await connections.createToken(
    CreateTokenRequest.fromPartial({ ...token, connectionId: connection.id }),
  );
  return { scim: scimOf({ ...connection, token: created.secret }), id: created.token?.id ?? '' };
}

async function revoke(tokenId: string): Promise<void> {
  await connections.revokeToken(RevokeTokenRequest.fromPartial({ connectionId: connection.id, tokenId }));
}

/** How many changes were made in a connection. */
async function positionOf(connectionId: string): Promise<number | undefined> {
  const answer = await connections.getConnection(GetConnectionRequest.fromPartial({ connectionId }));
  return answer.connection?.position;
}

/** A text with another letter at one place. */
function withOtherCharacter(text: string, index: number): string {
  return `${text.slice(0, index)}${text[index] === 'A' ? 'B' : 'A'}${text.slice(index + 1)}`;
}
