import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  CreateTokenRequest,
  PauseConnectionRequest,
  ResumeConnectionRequest,
  RevokeTokenRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { assertError, createGroup, createUser, filtered, patchBody, userBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const other = await rollcall.connect();
const scim = scimOf(connection);
const { connections } = rollcall.directory;

suite('authentication', () => {
  test('without a token, with a wrong one and with another connection’s: the same 401 (AUTH-01, AUTH-02, C31)', async () => {
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

  test('is asked for before the body is looked at, and nothing is written', async () => {
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

  test('one connection never reaches what another has (C41, SEC-06, AUTH-04)', async () => {
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

  test('a second token works until it is revoked (AUTH-05)', async () => {
    const { token, secret } = await connections.createToken(
      CreateTokenRequest.fromPartial({ connectionId: connection.id, label: 'second' }),
    );
    const second = scimOf({ ...connection, token: secret });
    assert.equal((await second('GET', '/Users')).status, 200);
    await connections.revokeToken(
      RevokeTokenRequest.fromPartial({ connectionId: connection.id, tokenId: token?.id ?? '' }),
    );
    // Answers may be remembered for less than a second.
    await untilStatus(() => second('GET', '/Users'), 401, 1_000);
    assert.equal((await scim('GET', '/Users')).status, 200);
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

/** Repeats a request until it has a status; fails when one sent after `ms` milliseconds has another. */
async function untilStatus(
  send: () => Promise<{ readonly status: number }>,
  status: number,
  ms: number,
): Promise<void> {
  const begin = performance.now();
  for (;;) {
    const sentAt = performance.now();
    if ((await send()).status === status) return;
    assert.ok(sentAt - begin < ms, `not ${status} after ${ms} ms`);
  }
}
