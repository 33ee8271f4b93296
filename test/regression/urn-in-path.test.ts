import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  groupUrn,
  patchBody,
  patched,
  userBody,
  userUrn,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

for (const [kind, client] of Object.entries({ default: scim, strict })) {
  // The dot in `2.0:User` was taken for the one between an attribute and its part.
  test(`dots-in-urn: paths with URNs mean what they name, ${kind} connection`, async () => {
    const manager = await createUser(client);
    const { id } = await createUser(client, { title: 'before' });
    const path = `/Users/${id}`;
    const at = (urn: string, rest: string, value: unknown, op = 'replace') => ({
      op,
      path: `${urn}:${rest}`,
      value,
    });
    const body = await patched(
      client,
      path,
      at(enterpriseUrn, 'department', 'R'),
      at(enterpriseUrn, 'costCenter', '4.2', 'add'),
      at(enterpriseUrn, 'manager.value', manager.id),
      at(userUrn, 'title', 'after'),
      at(userUrn, 'name.givenName', 'Ada'),
      at(userUrn, 'emails', [{ value: 'a@example.com', type: 'work' }]),
      at(userUrn, 'emails[type eq "work"].value', 'b@example.com'),
      at(enterpriseUrn.toUpperCase(), 'DIVISION', 'D'),
    );
    const { [enterpriseUrn]: extension, title, name, emails } = body;
    assert.deepEqual(
      [extension.department, extension.costCenter, extension.division, extension.manager.value],
      ['R', '4.2', 'D', manager.id],
    );
    assert.deepEqual(
      [title, name, emails],
      ['after', { givenName: 'Ada' }, [{ value: 'b@example.com', type: 'work' }]],
    );
    assert.deepEqual(body.schemas, [userUrn, enterpriseUrn]);

    const whole = await patched(client, path, { op: 'add', path: enterpriseUrn, value: { department: 'S' } });
    assert.deepEqual([whole[enterpriseUrn].department, whole[enterpriseUrn].division], ['S', 'D']);
    const less = await patched(client, path, { op: 'remove', path: `${enterpriseUrn}:costCenter` });
    assert.deepEqual([less[enterpriseUrn].costCenter, less[enterpriseUrn].department], [undefined, 'S']);
    assert.equal(
      (await patched(client, path, { op: 'remove', path: enterpriseUrn }))[enterpriseUrn],
      undefined,
    );

    const group = await createGroup(client);
    const renamed = await patched(client, `/Groups/${group.id}`, at(groupUrn, 'displayName', 'By URN'));
    assert.equal(renamed.displayName, 'By URN');
  });

  // Attributes of an extension came beside the core ones, and what was left of an empty extension stayed behind.
  test(`extension-under-its-urn: it comes and goes with its attributes, ${kind} connection`, async () => {
    const sent = { schemas: [userUrn, enterpriseUrn], [enterpriseUrn]: { department: 'R', division: 'D' } };
    const user = await createUser(client, sent);
    assert.deepEqual([user.schemas, user[enterpriseUrn]], [sent.schemas, sent[enterpriseUrn]]);
    assert.deepEqual([user.department, user.division], [undefined, undefined]);
    const path = `/Users/${user.id}`;
    const one = await patched(client, path, { op: 'remove', path: `${enterpriseUrn}:department` });
    assert.deepEqual([one.schemas, one[enterpriseUrn]], [sent.schemas, { division: 'D' }]);
    const none = await patched(client, path, {
      op: 'replace',
      path: `${enterpriseUrn}:division`,
      value: null,
    });
    assert.deepEqual([none.schemas, enterpriseUrn in none], [[userUrn], false]);
    await patched(client, path, { op: 'add', value: { [enterpriseUrn]: { costCenter: '1' } } });
    const put = await client('PUT', path, userBody({ userName: user.userName }));
    assert.deepEqual([put.body.schemas, enterpriseUrn in put.body], [[userUrn], false]);
    const empty = await createUser(client, { schemas: sent.schemas, [enterpriseUrn]: {} });
    assert.deepEqual([empty.schemas, enterpriseUrn in empty], [[userUrn], false]);
  });
}

// Entra ID (with aadOptscim062020) puts paths where the names of attributes belong; servers stored them as names.
test('paths-as-keys: each is done as the operation it stands for, and none becomes an attribute', async () => {
  const { id, userName } = await createUser(scim, {
    name: { givenName: 'G', familyName: 'F' },
    emails: [
      { value: 'w@example.com', type: 'work' },
      { value: 'h@example.com', type: 'home' },
    ],
  });
  const value = {
    active: false,
    displayName: 'D',
    'name.givenName': 'Ada',
    'emails[type eq "work"].value': 'new@example.com',
    'addresses[type eq "work"].country': 'DE',
    [`${enterpriseUrn}:department`]: 'R',
    [`${enterpriseUrn}:manager`]: 'm',
    [`${userUrn}:title`]: 'T',
    [`${userUrn}:name.familyName`]: 'L',
    [enterpriseUrn]: { division: 'X' },
  };
  for (const op of ['replace', 'Add']) {
    const { meta, schemas, groups, ...body } = await patched(scim, `/Users/${id}`, { op, value });
    body[enterpriseUrn].manager = body[enterpriseUrn].manager.value;
    assert.deepEqual(body, {
      id,
      userName,
      active: false,
      displayName: 'D',
      title: 'T',
      name: { givenName: 'Ada', familyName: 'L' },
      emails: [
        { value: 'new@example.com', type: 'work' },
        { value: 'h@example.com', type: 'home' },
      ],
      addresses: [{ type: 'work', country: 'DE' }],
      [enterpriseUrn]: { department: 'R', division: 'X', manager: 'm' },
    });
  }
  const user = await createUser(strict);
  for (const key of Object.keys(value).filter((name) => /[.[]/.test(name) && name !== enterpriseUrn)) {
    const body = patchBody({ op: 'replace', value: { nickName: 'N', [key]: 'x' } });
    assertError(await strict('PATCH', `/Users/${user.id}`, body), 400, 'invalidPath');
  }
  assert.deepEqual((await strict('GET', `/Users/${user.id}`)).body, user);
});

for (const [kind, client] of Object.entries({ default: scim, strict })) {
  // `{"active": false}` without a path was taken for the whole user.
  test(`value-without-path-replaces-user: what is not in it stays, ${kind} connection`, async () => {
    const user = await createUser(client, {
      externalId: 'e',
      name: { givenName: 'G' },
      emails: [{ value: 'a@example.com', primary: true }],
      [enterpriseUrn]: { department: 'R' },
    });
    const group = await createGroup(client, { members: [{ value: user.id }] });
    const before = (await client('GET', `/Users/${user.id}`)).body;
    assert.equal(before.groups[0].value, group.id);
    for (const op of ['replace', 'add']) {
      for (const active of [false, true]) {
        const { meta, ...now } = await patched(client, `/Users/${user.id}`, { op, value: { active } });
        const { meta: old, ...kept } = before;
        assert.deepEqual(now, { ...kept, active });
      }
    }
  });
}
