import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CreateTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  patchBody,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, '/Me', ({ scim, connection }) => {
  /** A client whose token is used on behalf of a user. */
  async function clientOf(userId: string, more: { readOnly?: boolean } = {}): Promise<ScimClient> {
    const request = { connectionId: connection.id, label: 'me', userId, ...more };
    const { secret } = await rollcall.directory.connections.createToken(
      CreateTokenRequest.fromPartial(request),
    );
    return scimOf({ ...connection, token: secret });
  }

  test('with a token that belongs to no user is a 501 for every method, and creates nothing (ME-01, ME-04, ME-05)', async () => {
    const before = (await scim('GET', '/Users?count=0')).body.totalResults;
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? patchBody({ op: 'add', path: 'title', value: 'x' }) : userBody();
      const isEmpty = method === 'GET' || method === 'DELETE';
      assertError(await scim(method, '/Me', isEmpty ? undefined : body), 501);
    }
    assert.equal((await scim('GET', '/Users?count=0')).body.totalResults, before);
    assertError(await scimOf({ ...connection, token: 'x' })('GET', '/Me'), 401);
  });

  test('is the user of the token, at the user’s own Location, without a redirect (ME-02, ME-03, ME-04)', async () => {
    const user = await createUser(scim, { title: 'Countess' });
    await createUser(scim);
    await createGroup(scim, { members: [{ value: user.id }] });
    const me = await clientOf(user.id);
    const mine = await me('GET', '/Me');
    assert.deepEqual(mine.body, (await scim('GET', `/Users/${user.id}`)).body);
    assert.equal(mine.status, 200);
    assert.equal(mine.headers.get('location'), user.meta.location);
    assert.equal(mine.headers.get('etag'), user.meta.version);
    const projected = await me('GET', '/Me?attributes=title');
    assert.deepEqual(projected.body, { schemas: [userUrn], id: user.id, title: 'Countess' });
    const known = await me('GET', '/Me', undefined, { 'if-none-match': user.meta.version });
    assert.equal(known.status, 304);
    const head = await me('HEAD', '/Me');
    assert.deepEqual(
      [head.status, head.body, head.headers.get('location')],
      [200, undefined, user.meta.location],
    );
  });

  test('is changed like any user, and deleted too (ME-03)', async () => {
    const user = await createUser(scim);
    const me = await clientOf(user.id);
    const patched = await me('PATCH', '/Me', patchBody({ op: 'add', path: 'title', value: 'x' }));
    assert.deepEqual([patched.status, patched.body.title], [200, 'x']);
    assert.equal(patched.headers.get('location'), user.meta.location);
    const stale = { 'if-match': user.meta.version };
    const put = { schemas: [userUrn], userName: user.userName, nickName: 'n' };
    assertError(await me('PUT', '/Me', put, stale), 412);
    const replaced = await me('PUT', '/Me', put);
    assert.deepEqual([replaced.status, replaced.body.nickName], [200, 'n']);
    assert.equal(replaced.body.meta.location, user.meta.location);
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, replaced.body);
    assert.equal((await me('DELETE', '/Me')).status, 204);
    assertError(await scim('GET', `/Users/${user.id}`), 404);
  });

  test('gives no right that the token does not have (ME-06)', async () => {
    const user = await createUser(scim);
    const reader = await clientOf(user.id, { readOnly: true });
    assert.equal((await reader('GET', '/Me')).status, 200);
    assertError(await reader('PATCH', '/Me', patchBody({ op: 'add', path: 'title', value: 'x' })), 403);
    assertError(await reader('PUT', '/Me', userBody()), 403);
    assertError(await reader('DELETE', '/Me'), 403);
    const me = await clientOf(user.id);
    const groups = patchBody({ op: 'add', path: 'groups', value: [{ value: 'x' }] });
    assertError(await me('PATCH', '/Me', groups), 400, 'mutability');
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, user);
  });

  test('is nothing below, and nobody creates there (ME-05)', async () => {
    const user = await createUser(scim);
    const me = await clientOf(user.id);
    assertError(await me('POST', '/Me', userBody()), 501);
    assertError(await me('GET', '/Me/x'), 404);
    assertError(await me('GET', '/me'), 404);
  });
});
