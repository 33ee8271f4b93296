import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  filtered,
  ids,
  patchBody,
  userBody,
  userUrn,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const strictConnection = await rollcall.connect({ strict: true });
const access = await rollcall.accessFor(connection, strictConnection);
const both = [connection, strictConnection].map((of) => ({ of, scim: scimOf(of) }));
const scim = scimOf(connection);

/** Every way in which clients deactivate that both kinds of connections understand. */
const deactivations: Readonly<Record<string, (user: ScimAnswer['body']) => [string, object]>> = {
  'a replace by path (Entra ID)': () => ['PATCH', patchBody({ op: 'replace', path: 'active', value: false })],
  'a replace without path (Okta)': () => ['PATCH', patchBody({ op: 'replace', value: { active: false } })],
  'an add without path (SailPoint)': () => ['PATCH', patchBody({ op: 'add', value: { active: false } })],
  'an add by path': () => ['PATCH', patchBody({ op: 'Add', path: 'active', value: false })],
  'a path with the URN': () => [
    'PATCH',
    patchBody({ op: 'replace', path: `${userUrn}:active`, value: false }),
  ],
  'a PUT (Okta, CyberArk)': ({ userName }) => ['PUT', userBody({ userName, active: false })],
  'a PUT of all that was read': (user) => ['PUT', { ...user, active: false }],
};
/** Those that only a connection that is not strict understands. */
const lenientDeactivations: typeof deactivations = {
  'a text by path (Entra ID)': () => ['PATCH', patchBody({ op: 'Replace', path: 'active', value: 'False' })],
  'a text without path': () => ['PATCH', patchBody({ op: 'replace', value: { active: 'false' } })],
  'a key with the URN': () => [
    'PATCH',
    patchBody({ op: 'replace', value: { [`${userUrn}:active`]: false } }),
  ],
};

/** What another service is told about a user, once it has seen the write. */
async function seenByServices(of: typeof connection, id: string, group: string, write: ScimAnswer) {
  const question = { connection: of.id, atLeast: Number(write.headers.get('rollcall-position')) };
  const { user } = await access.users.get.query({ ...question, id });
  const { member } = await access.memberships.check.query({ ...question, user: id, group });
  return [user.active, member];
}

// Servers answered 200 or 204 to a form of deactivation that they did not understand, and the user stayed active.
suite('deactivation-does-nothing', () => {
  for (const { of, scim: client } of both) {
    const forms = of === connection ? { ...deactivations, ...lenientDeactivations } : deactivations;
    for (const [form, request] of Object.entries(forms)) {
      test(`deactivation-does-nothing: ${form}, strict ${of !== connection}`, async () => {
        const user = await createUser(client, { active: true });
        const group = await createGroup(client, { members: [{ value: user.id }] });
        const path = `/Users/${user.id}`;
        const [method, body] = request(user);
        const write = await client(method, path, body);
        assert.equal(write.status, 200, JSON.stringify(write.body));
        assert.equal(write.body.active, false);
        assert.equal((await client('GET', path)).body.active, false);
        assert.deepEqual(await seenByServices(of, user.id, group.id, write), [false, false]);
        const back = await client('PATCH', path, patchBody({ op: 'replace', path: 'active', value: true }));
        assert.equal(back.body.active, true);
        assert.deepEqual(await seenByServices(of, user.id, group.id, back), [true, true]);
      });
    }
  }
});

// A user whom nobody activates stays without access, whatever else is sent.
test('deactivation-does-nothing: what says nothing of active brings nobody back', async () => {
  for (const { of, scim: client } of both) {
    const user = await createUser(client, { active: false });
    const group = await createGroup(client, { members: [{ value: user.id }] });
    const { userName } = user;
    for (const [method, body] of [
      ['PUT', userBody({ userName })],
      ['PUT', userBody({ userName, active: null })],
      ['PATCH', patchBody({ op: 'add', path: 'title', value: 'x' })],
      ['PATCH', patchBody({ op: 'replace', path: 'active', value: null })],
      ['PATCH', patchBody({ op: 'remove', path: 'active' })],
      ...(of === connection
        ? [['PATCH', patchBody({ op: 'Replace', path: 'active', value: '' })] as const]
        : []),
    ] as const) {
      const write = await client(method, `/Users/${user.id}`, body);
      assert.equal(write.status, 200, JSON.stringify(body));
      assert.notEqual(write.body.active, true);
      assert.deepEqual(
        await seenByServices(of, user.id, group.id, write),
        [false, false],
        JSON.stringify(body),
      );
    }
  }
});

// Okta and Entra ID only ever deactivate, and look later whether the user is still there; where not, they make a second one.
test('deactivated-user-is-gone: an inactive user is read, found and changed like any other', async () => {
  for (const { scim: client } of both) {
    const user = await createUser(client, {
      externalId: 'off',
      emails: [{ value: 'off@example.com', type: 'work' }],
    });
    const path = `/Users/${user.id}`;
    await client('PATCH', path, patchBody({ op: 'replace', path: 'active', value: false }));
    const { status, body } = await client('GET', path);
    assert.deepEqual([status, body.active, body.emails], [200, false, user.emails]);
    const changed = await client('PATCH', path, patchBody({ op: 'add', path: 'title', value: 'x' }));
    assert.deepEqual([changed.status, changed.body.active, changed.body.title], [200, false, 'x']);
    for (const filter of [
      `userName eq "${user.userName}"`,
      'externalId eq "off"',
      'emails[type eq "work"].value eq "off@example.com"',
      'active eq false',
    ]) {
      const { body: list } = await client('GET', `/Users?${filtered(filter)}`);
      assert.deepEqual(ids(list.Resources), [user.id], filter);
    }
    assertError(await client('POST', '/Users', userBody({ userName: user.userName })), 409, 'uniqueness');
  }
});

// Google and PingOne create people who are suspended already.
test('created-inactive-is-active: a user created inactive is inactive', async () => {
  for (const { of, scim: client } of both) {
    const write = await client('POST', '/Users', userBody({ active: false }));
    assert.deepEqual([write.status, write.body.active], [201, false]);
    const group = await createGroup(client, { members: [{ value: write.body.id }] });
    assert.deepEqual(await seenByServices(of, write.body.id, group.id, write), [false, false]);
  }
  assert.equal((await createUser(scim, { active: 'False' })).active, false);
});

// A server found the user anew by the name in the request, and deactivated the one who had it before.
const changesOfSeveral: Readonly<Record<string, (values: object) => [string, object]>> = {
  'in one value': (values) => ['PATCH', patchBody({ op: 'replace', value: values })],
  'in operations': (values) => [
    'PATCH',
    patchBody(...Object.entries(values).map(([path, value]) => ({ op: 'Replace', path, value }))),
  ],
  'in a PUT': (values) => ['PUT', userBody(values)],
};
for (const [form, request] of Object.entries(changesOfSeveral)) {
  test(`deactivated-under-a-new-name: the one in the URL gets name and end ${form}, nobody else`, async () => {
    for (const { scim: client } of both) {
      const emails = [{ value: 'shared@example.com' }];
      const [leaving, staying] = [await createUser(client, { emails }), await createUser(client, { emails })];
      const send = (user: ScimAnswer['body'], values: object) => {
        const [method, body] = request({ ...values, active: false });
        return client(method, `/Users/${user.id}`, body);
      };
      const { body } = await send(leaving, { userName: `former-${leaving.userName}` });
      assert.deepEqual(
        [body.id, body.userName, body.active],
        [leaving.id, `former-${leaving.userName}`, false],
      );

      // With a name that somebody has, nobody is deactivated.
      const other = await createUser(client, { emails });
      assertError(await send(other, { userName: staying.userName }), 409, 'uniqueness');
      for (const user of [other, staying])
        assert.deepEqual((await client('GET', `/Users/${user.id}`)).body, user);
    }
  });
}

// Sessions and keys went on after a deactivation, because nobody was told.
test('deactivation-leaves-access: services see it with the very answer, members of nested groups too', async () => {
  for (const { of, scim: client } of both) {
    const user = await createUser(client);
    const inner = await createGroup(client, { members: [{ value: user.id }] });
    const outer = await createGroup(client, { members: [{ value: inner.id }] });
    const path = `/Users/${user.id}`;
    const check = async (atLeast?: number) => {
      const now = atLeast === undefined ? { fresh: true } : { atLeast };
      const question = { connection: of.id, user: user.id, group: outer.id, nested: true, ...now };
      return (await access.memberships.check.query(question)).member;
    };
    assert.equal(await check(), true);
    const off = await client('PATCH', path, patchBody({ op: 'replace', path: 'active', value: false }));
    const position = Number(off.headers.get('rollcall-position'));
    assert.deepEqual([await check(position), await check()], [false, false]);
    const asked = { connection: of.id, group: outer.id, nested: true, fresh: true };
    const { members } = await access.memberships.ofGroup.query(asked);
    assert.deepEqual(ids(members), [inner.id]);
    // Entra ID does not send memberships again when a user comes back.
    await client('PATCH', path, patchBody({ op: 'replace', path: 'active', value: true }));
    assert.equal(await check(), true);
    assert.equal((await client('DELETE', path)).status, 204);
    assert.equal(await check(), false);
  }
});
