import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  groupBody,
  ids,
  patchBody,
  patched,
  userBody,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));
const clients = Object.entries({ default: scim, strict });

for (const [kind, client] of clients) {
  // PUT was missing, kept members who were not in it any more, or undid what the client does not know of.
  test(`put-half-done: of a group it makes exactly the members that are in it, ${kind} connection`, async () => {
    const users = [await createUser(client), await createUser(client), await createUser(client)];
    const members = users.map(({ id }) => ({ value: id }));
    const group = await createGroup(client, { externalId: 'e', members });
    const put = async (list: readonly object[]) => {
      const body = groupBody({ displayName: group.displayName, members: list });
      const answer = await client('PUT', `/Groups/${group.id}`, body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.deepEqual((await client('GET', `/Groups/${group.id}`)).body, answer.body);
      return answer.body;
    };
    assert.deepEqual(ids((await put(members.slice(1))).members), ids(users.slice(1)));
    assert.deepEqual(ids((await put(members.slice(0, 1))).members), ids(users.slice(0, 1)));
    const [kept] = (await client('GET', `/Users/${users[0].id}`)).body.groups;
    assert.equal(kept.value, group.id);
    assert.equal((await client('GET', `/Users/${users[1].id}`)).body.groups, undefined);
    assert.equal((await put([])).members, undefined);
    const again = await put(members);
    assert.equal(again.externalId, undefined);
    assert.deepEqual(await put(members), again);
  });

  test(`put-half-done: of a user it leaves groups and dates, and clears what is not in it, ${kind} connection`, async () => {
    const user = await createUser(client, {
      externalId: 'e',
      title: 'x',
      password: 'secret-1',
      [enterpriseUrn]: { department: 'R' },
    });
    const group = await createGroup(client, { members: [{ value: user.id }] });
    const { status, body } = await client(
      'PUT',
      `/Users/${user.id}`,
      userBody({ userName: user.userName, nickName: 'N', active: true }),
    );
    assert.equal(status, 200);
    assert.deepEqual(
      [body.id, body.meta.created, body.meta.location],
      [user.id, user.meta.created, user.meta.location],
    );
    assert.deepEqual(ids(body.groups), [group.id]);
    const { externalId, title, password, nickName, [enterpriseUrn]: extension } = body;
    assert.deepEqual(
      [externalId, title, password, nickName, extension],
      [undefined, undefined, undefined, 'N', undefined],
    );
    assert.deepEqual(ids((await client('GET', `/Groups/${group.id}`)).body.members), [user.id]);
  });

  test(`put-half-done: what is not there is not made, ${kind} connection`, async () => {
    const { id } = await createUser(client);
    await client('DELETE', `/Users/${id}`);
    const body = userBody({ id });
    assertError(await client('PUT', `/Users/${id}`, body), 404);
    assertError(await client('PUT', '/Groups/nobody', groupBody()), 404);
    const { userName } = body as { userName: string };
    assert.equal((await client('POST', '/Users', userBody({ userName }))).status, 201);
  });
}

test('rename-empties-group: a PUT without members, or with null, keeps them; in a strict connection it removes them', async () => {
  for (const [kind, client] of clients) {
    for (const members of [undefined, null]) {
      const user = await createUser(client);
      const group = await createGroup(client, { members: [{ value: user.id }] });
      const put = await client('PUT', `/Groups/${group.id}`, groupBody({ members }));
      assert.deepEqual([put.status, ids(put.body.members)], [200, kind === 'strict' ? [] : [user.id]]);
    }
  }
});

// OneLogin's adapters send one address as an object, JumpCloud sends null for none.
test('emails-not-a-list: one object, an address alone, null and an empty list', async () => {
  const one = { value: 'one@example.com', type: 'work', primary: true };
  for (const [emails, expected] of [
    [one, [one]],
    [[one], [one]],
    [{ value: 'one@example.com' }, [{ value: 'one@example.com' }]],
    [['one@example.com'], [{ value: 'one@example.com' }]],
    [null, undefined],
    [[], undefined],
  ] as const) {
    const posted = await createUser(scim, { emails });
    assert.deepEqual(posted.emails, expected, JSON.stringify(emails));
    const { id, userName } = await createUser(scim, { emails: [{ value: 'old@example.com' }] });
    const path = `/Users/${id}`;
    const put = await scim('PUT', path, userBody({ userName, emails }));
    assert.deepEqual([put.status, put.body.emails], [200, expected], JSON.stringify(emails));
    for (const operation of [
      { op: 'replace', path: 'emails', value: emails },
      { op: 'replace', value: { emails } },
    ]) {
      await patched(scim, path, { op: 'replace', path: 'emails', value: [{ value: 'old@example.com' }] });
      assert.deepEqual((await patched(scim, path, operation)).emails, expected, JSON.stringify(operation));
    }
  }
  const { id, userName } = await createUser(strict);
  assertError(await strict('POST', '/Users', userBody({ emails: one })), 400, 'invalidValue');
  assertError(await strict('PUT', `/Users/${id}`, userBody({ userName, emails: one })), 400, 'invalidValue');
  // One value for a list is the RFC's own in a PATCH.
  const added = await strict('PATCH', `/Users/${id}`, patchBody({ op: 'add', path: 'emails', value: one }));
  assert.deepEqual(added.body.emails, [one]);
  assert.equal(
    (await patched(strict, `/Users/${id}`, { op: 'replace', path: 'emails', value: null })).emails,
    undefined,
  );
});
