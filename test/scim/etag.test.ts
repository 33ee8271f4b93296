import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { assertError, createGroup, createUser, eachProfile, patchBody, userUrn } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

const retitle = (value: string) => patchBody({ op: 'replace', path: 'title', value });

eachProfile(rollcall, 'entity tags', ({ scim }) => {
  test('are weak, on every answer, and the same as meta.version (ETG-01, ETG-02, ETG-03)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const put = { schemas: [userUrn], userName: user.userName, title: 'a' };
    for (const answer of [
      await scim('GET', path),
      await scim('PUT', path, put),
      await scim('PATCH', path, retitle('b')),
    ]) {
      assert.match(answer.body.meta.version, /^W\/"[^"]+"$/);
      assert.equal(answer.headers.get('etag'), answer.body.meta.version);
    }
  });

  test('If-None-Match answers 304 without a body while nothing changed (ETG-04, ETG-05)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    for (const { meta } of [user, group]) {
      const path = new URL(meta.location).pathname.replace(/.*\/v2/, '');
      for (const tag of [meta.version, '*', `"x", ${meta.version}`, meta.version.slice(2)]) {
        const { status, body, headers } = await scim('GET', path, undefined, { 'if-none-match': tag });
        assert.deepEqual([status, body, headers.get('etag')], [304, undefined, meta.version], tag);
      }
      assert.equal((await scim('GET', path, undefined, { 'if-none-match': 'W/"0"' })).status, 200);
    }
  });

  test('If-Match lets the present version through: weak, strong, in a list, or any (ETG-06, ETG-08, ETG-09, ETG-10)', async () => {
    const user = await createUser(scim);
    let { version } = user.meta;
    for (const make of [
      (tag: string) => tag,
      (tag: string) => tag.slice(2),
      (tag: string) => `"a", ${tag}`,
      () => '*',
    ]) {
      const answer = await scim('PATCH', `/Users/${user.id}`, retitle(make(version)), {
        'if-match': make(version),
      });
      assert.equal(answer.status, 200, make(version));
      assert.notEqual(answer.body.meta.version, version);
      ({ version } = answer.body.meta);
    }
    const unknown = '/Users/019a0000-0000-7000-8000-000000000000';
    assertError(await scim('PATCH', unknown, retitle('x'), { 'if-match': '*' }), 404);
    assert.equal((await scim('DELETE', `/Users/${user.id}`, undefined, { 'if-match': version })).status, 204);
  });

  test('If-Match with another version is 412 and changes nothing (ETG-07, PAT-83, DEL-06)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const put = { schemas: [userUrn], userName: user.userName, title: 'a' };
    for (const tag of ['W/"old"', '"0"', '"old", W/"older"', 'nonsense']) {
      const headers = { 'if-match': tag };
      assertError(await scim('PUT', path, put, headers), 412);
      assertError(await scim('PATCH', path, retitle('x'), headers), 412);
      assertError(await scim('DELETE', path, undefined, headers), 412);
    }
    assert.deepEqual((await scim('GET', path)).body, user);
  });

  test('change whenever the resource does, and only then (ETG-11)', async () => {
    const user = await createUser(scim, { title: 'a' });
    const same = await scim(
      'PATCH',
      `/Users/${user.id}`,
      patchBody({ op: 'add', path: 'title', value: 'a' }),
    );
    assert.deepEqual(same.body, user);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const add = patchBody({ op: 'add', path: 'members', value: [{ value: user.id }] });
    assert.equal((await scim('PATCH', `/Groups/${group.id}`, add)).headers.get('etag'), group.meta.version);
    const remove = patchBody({ op: 'remove', path: 'members' });
    assert.notEqual(
      (await scim('PATCH', `/Groups/${group.id}`, remove)).headers.get('etag'),
      group.meta.version,
    );
  });

  test('of two writers with the same tag one wins (ETG-12)', async () => {
    const user = await createUser(scim);
    const headers = { 'if-match': user.meta.version };
    const put = (title: string) =>
      scim('PUT', `/Users/${user.id}`, { schemas: [userUrn], userName: user.userName, title }, headers);
    const statuses = (await Promise.all([put('a'), put('b')])).map(({ status }) => status);
    assert.deepEqual(statuses.sort(), [200, 412]);
  });
});
