import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  filtered,
  groupBody,
  ids,
  patchBody,
  userBody,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

for (const strict of [false, true]) {
  const [mine, theirs] = [await rollcall.connect({ strict }), await rollcall.connect({ strict })];
  const [scim, stranger] = [scimOf(mine), scimOf(theirs)];
  const token = `with a token of one connection, strict ${strict}`;

  // With the token of one customer the users of another were read, changed and taken over.
  test(`other-tenant-reached: every method is 404 for what another has, ${token}`, async () => {
    const user = await createUser(scim, { externalId: 'E-1' });
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const before = (await scim('GET', `/Users/${user.id}`)).body;
    for (const [path, body] of [
      [`/Users/${user.id}`, userBody()],
      [`/Groups/${group.id}`, groupBody()],
    ] as const) {
      assertError(await stranger('GET', path), 404);
      assertError(await stranger('PUT', path, body), 404);
      for (const operation of [
        { op: 'add', path: 'externalId', value: 'x' },
        { op: 'replace', value: { displayName: 'x' } },
      ]) {
        assertError(await stranger('PATCH', path, patchBody(operation)), 404);
      }
      assertError(await stranger('DELETE', path), 404);
      const head = await stranger('HEAD', path);
      assert.equal(head.status, 404);
    }
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, before);
    assert.deepEqual((await scim('GET', `/Groups/${group.id}`)).body, group);
  });

  test(`other-tenant-reached: no list, filter or total shows them, ${token}`, async () => {
    const user = await createUser(scim, {
      externalId: randomUUID(),
      emails: [{ value: `${randomUUID()}@example.com` }],
    });
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    for (const filter of [
      `id eq "${user.id}"`,
      `userName eq "${user.userName}"`,
      `externalId eq "${user.externalId}"`,
      `emails.value eq "${user.emails[0].value}"`,
      `groups eq "${group.id}"`,
      `meta.location eq "${user.meta.location}"`,
    ]) {
      const { status, body } = await stranger('GET', `/Users?${filtered(filter)}`);
      assert.ok(status === 400 || (status === 200 && body.totalResults === 0), filter);
    }
    for (const filter of [`members eq "${user.id}"`, `displayName eq "${group.displayName}"`]) {
      assert.equal((await stranger('GET', `/Groups?${filtered(filter)}`)).body.totalResults, 0);
    }
    for (const type of ['Users', 'Groups']) {
      const own = (await stranger('GET', `/${type}?count=1000`)).body;
      assert.ok(!ids(own.Resources).some((id) => [user.id, group.id].includes(id)));
      assert.equal(own.totalResults, own.Resources.length);
    }
  });

  test(`other-tenant-reached: their users are nobody as members and managers, ${token}`, async () => {
    const user = await createUser(scim, { displayName: 'Not to be seen' });
    const members = [{ value: user.id }];
    assertError(await stranger('POST', '/Groups', groupBody({ members })), 400, 'invalidValue');
    const group = await createGroup(stranger);
    const path = `/Groups/${group.id}`;
    assertError(await stranger('PUT', path, groupBody({ members })), 400, 'invalidValue');
    for (const operation of [
      { op: 'add', path: 'members', value: members },
      { op: 'replace', path: 'members', value: members },
      { op: 'add', value: { members } },
    ]) {
      assertError(await stranger('PATCH', path, patchBody(operation)), 400, 'invalidValue');
    }
    assert.deepEqual((await stranger('GET', path)).body, group);
    const named = await createUser(stranger, { [enterpriseUrn]: { manager: { value: user.id } } });
    assert.doesNotMatch(JSON.stringify(named), /Not to be seen/);
    assert.equal((await scim('GET', `/Users/${user.id}`)).body.groups, undefined);
  });

  test(`other-tenant-reached: nothing that a client chooses takes somebody over, ${token}`, async () => {
    const shared = { externalId: randomUUID(), emails: [{ value: 'shared@example.com', primary: true }] };
    const user = await createUser(scim, shared);
    const twin = await createUser(stranger, {
      ...shared,
      id: user.id,
      userName: user.userName,
      meta: user.meta,
    });
    assert.notEqual(twin.id, user.id);
    assert.equal(twin.meta.location, `${theirs.baseUrl}/Users/${twin.id}`);
    const own = await createUser(scim, { ...shared, id: user.id });
    assert.notEqual(own.id, user.id);
    const put = await scim('PUT', `/Users/${own.id}`, userBody({ id: user.id }));
    assert.deepEqual([put.status, put.body.id], [200, own.id]);
    const rename = patchBody({ op: 'replace', value: { id: user.id, title: 'x' } });
    assertError(await scim('PATCH', `/Users/${own.id}`, rename), 400, 'mutability');
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, user);
    await stranger('DELETE', `/Users/${twin.id}`);
    assert.equal((await scim('GET', `/Users/${user.id}`)).status, 200);
  });

  test(`other-tenant-reached: the URL of another is closed, ${token}`, async () => {
    const user = await createUser(scim);
    const mixed = scimOf({ baseUrl: mine.baseUrl, token: theirs.token });
    for (const path of [`/Users/${user.id}`, '/Users', '/Groups', '/Schemas']) {
      assertError(await mixed('GET', path), 401);
    }
    assertError(await mixed('DELETE', `/Users/${user.id}`), 401);
    assertError(await mixed('POST', '/Users', userBody()), 401);
  });
}
