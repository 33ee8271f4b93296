import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  groupUrn,
  ids,
  userUrn,
} from './scim-fixture.ts';

/** Milliseconds by which the directory's clock is ahead. */
let ahead = 0;
const rollcall = await startRollcall(undefined, () => Date.now() + ahead);
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'PUT', ({ scim, strict }) => {
  test('answers 200 with the new state; what is left out is cleared (PUT-01, PUT-02, PUT-03, PUT-04, PUT-11, PUT-13)', async () => {
    const user = await createUser(scim, {
      nickName: 'A',
      title: 'old',
      [enterpriseUrn]: { department: 'R' },
    });
    const body = { schemas: [userUrn], userName: user.userName, title: 'new', active: false };
    ahead += 1_000;
    const put = await scim('PUT', `/Users/${user.id}`, body);
    assert.equal(put.status, 200);
    const { meta, id, ...rest } = put.body;
    assert.deepEqual(rest, body);
    assert.equal(id, user.id);
    assert.equal(meta.created, user.meta.created);
    assert.ok(meta.lastModified > user.meta.lastModified);
    assert.notEqual(meta.version, user.meta.version);
    assert.equal(put.headers.get('etag'), meta.version);
    assert.equal(put.headers.get('location'), meta.location);
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, put.body);
  });

  test('ignores what is read-only and clears what is null (PUT-05, PUT-09)', async () => {
    const user = await createUser(scim, { title: 'x', emails: [{ value: 'a@example.com' }] });
    const body = {
      ...user,
      id: 'other',
      meta: { created: '1999-01-01T00:00:00Z' },
      groups: [{ value: 'x' }],
      title: null,
      emails: [],
    };
    const put = await scim('PUT', `/Users/${user.id}`, body);
    assert.equal(put.status, 200);
    assert.deepEqual(
      [put.body.id, put.body.groups, put.body.title, put.body.emails, put.body.meta.created],
      [user.id, undefined, undefined, undefined, user.meta.created],
    );
  });

  test('refuses a body without what is required, or with a taken userName (PUT-08, PUT-12)', async () => {
    const [user, other] = [await createUser(scim, { title: 'x' }), await createUser(scim)];
    assertError(await scim('PUT', `/Users/${user.id}`, { schemas: [userUrn] }), 400, 'invalidValue');
    const taken = { schemas: [userUrn], userName: other.userName.toUpperCase() };
    assertError(await scim('PUT', `/Users/${user.id}`, taken), 409, 'uniqueness');
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, user);
  });

  test('keeps one primary value, the last one (PUT-15)', async () => {
    const user = await createUser(scim);
    const emails = [
      { value: 'a@example.com', primary: true },
      { value: 'b@example.com', primary: true },
    ];
    const put = await scim('PUT', `/Users/${user.id}`, {
      schemas: [userUrn],
      userName: user.userName,
      emails,
    });
    const primary = put.body.emails.filter((email: { primary?: boolean }) => email.primary);
    assert.deepEqual(primary, [{ value: 'b@example.com', primary: true }]);
  });

  test('of the same again changes nothing (PUT-17)', async () => {
    const user = await createUser(scim, { title: 'x' });
    ahead += 1_000;
    const put = await scim('PUT', `/Users/${user.id}`, user);
    assert.deepEqual([put.status, put.body], [200, user]);
  });

  test('of a group replaces the members (PUT-16)', async () => {
    const [a, b] = [await createUser(scim), await createUser(scim)];
    const group = await createGroup(scim, { members: [{ value: a.id }, { value: b.id }] });
    const body = { schemas: [groupUrn], displayName: group.displayName };
    const put = await scim('PUT', `/Groups/${group.id}`, { ...body, members: [{ value: b.id }] });
    assert.deepEqual(ids(put.body.members), [b.id]);
    assert.equal((await scim('GET', `/Users/${a.id}`)).body.groups, undefined);
    const cleared = await scim('PUT', `/Groups/${group.id}`, { ...body, members: [] });
    assert.equal(cleared.body.members, undefined);
    const unknown = await scim('PUT', `/Groups/${group.id}`, { ...body, members: [{ value: 'nope' }] });
    assertError(unknown, 400, 'invalidValue');
  });

  test('of a group without members keeps them, and clears them when strict (PUT-16)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const put = await scim('PUT', `/Groups/${group.id}`, { schemas: [groupUrn], displayName: 'Renamed' });
    assert.equal(put.status, 200);
    assert.equal(put.body.displayName, 'Renamed');
    assert.deepEqual(ids(put.body.members), strict ? [] : [user.id]);
  });
});
