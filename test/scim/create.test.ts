import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  groupBody,
  groupUrn,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'POST', ({ scim, connection, strict }) => {
  test('answers 201 with the resource, its Location and its ETag (CRE-01, CRE-02, CRE-03, CRE-26, CRE-27, CRE-07)', async () => {
    for (const [path, body, type] of [
      ['/Users', userBody(), 'User'],
      ['/Groups', groupBody(), 'Group'],
    ] as const) {
      const created = await scim('POST', path, body);
      assert.equal(created.status, 201);
      assert.equal(created.body.meta.location, `${connection.baseUrl}${path}/${created.body.id}`);
      assert.equal(created.headers.get('location'), created.body.meta.location);
      assert.equal(created.headers.get('content-location'), null);
      assert.equal(created.headers.get('etag'), created.body.meta.version);
      assert.equal(created.body.meta.resourceType, type);
      const read = await fetch(created.body.meta.location, {
        headers: { authorization: `Bearer ${connection.token}` },
      });
      assert.deepEqual(await read.json(), created.body);
    }
  });

  test('sets id and meta itself and ignores what the client sends of what is read-only (CRE-04, CRE-05, CRE-06, CRE-08, CRE-09, CRE-10)', async () => {
    const body = userBody({
      id: 'evil',
      meta: { created: '1999-01-01T00:00:00Z', resourceType: 'Group', version: 'W/"9"' },
      groups: [{ value: 'x' }],
    });
    const created = await createUser(scim, body);
    assert.notEqual(created.id, 'evil');
    assert.doesNotMatch(created.id, /bulkid/i);
    assert.equal(created.meta.resourceType, 'User');
    assert.match(created.meta.created, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(!created.meta.created.startsWith('1999'));
    assert.equal(created.meta.lastModified, created.meta.created);
    assert.equal(created.groups, undefined);
  });

  test('refuses a userName that is taken, also in another letter case (CRE-11, CRE-12)', async () => {
    const { userName } = await createUser(scim, { userName: 'Ada.Lovelace@example.com' });
    assert.equal(userName, 'Ada.Lovelace@example.com');
    for (const name of [userName, userName.toUpperCase(), userName.toLowerCase()]) {
      assertError(await scim('POST', '/Users', userBody({ userName: name })), 409, 'uniqueness');
    }
  });

  test('takes other spellings of a userName for the same name (CRE-13)', async () => {
    for (const [name, others] of [
      ['é.bjensen', ['e\u0301.bjensen', '\uff45\u0301.bjensen', 'É.ＢＪＥＮＳＥＮ']],
      ['ﾊﾝﾄﾞﾙ', ['ハンドル']],
    ] as const) {
      await createUser(scim, { userName: name });
      for (const userName of others)
        assertError(await scim('POST', '/Users', userBody({ userName })), 409, 'uniqueness');
    }
  });

  test('demands userName and displayName (CRE-14, CRE-25)', async () => {
    for (const userName of [undefined, null, '']) {
      assertError(await scim('POST', '/Users', userBody({ userName })), 400, 'invalidValue');
    }
    assertError(await scim('POST', '/Groups', { schemas: [groupUrn] }), 400, 'invalidValue');
  });

  test('demands the base schema and refuses unknown ones that stand alone (CRE-15, CRE-16)', async () => {
    for (const schemas of [[], ['urn:example:unknown'], [enterpriseUrn], 'text', [1]]) {
      assertError(await scim('POST', '/Users', userBody({ schemas })), 400, 'invalidSyntax');
    }
    const without = await scim('POST', '/Users', userBody({ schemas: undefined }));
    if (strict) assertError(without, 400, 'invalidSyntax');
    else assert.deepEqual([without.status, without.body.schemas], [201, [userUrn]]);
    const twice = await createUser(scim, { schemas: [userUrn, userUrn] });
    assert.deepEqual(twice.schemas, [userUrn]);
  });

  test('refuses values of the wrong type and writes nothing (CRE-17, CRE-28)', async () => {
    const userName = 'wrong.types@example.com';
    for (const wrong of [
      { active: 'maybe' },
      { active: 1 },
      { emails: 'a@example.com' },
      { emails: [{ value: 5 }] },
      { name: 'text' },
      { title: ['a', 'b'] },
      { x509Certificates: [{ value: 'not base64!' }] },
    ]) {
      assertError(await scim('POST', '/Users', userBody({ userName, ...wrong })), 400, 'invalidValue');
    }
    await createUser(scim, { userName });
  });

  test('keeps externalId as sent, never makes one up, and lets two users share one (CRE-19, CRE-20)', async () => {
    const [first, second] = [
      await createUser(scim, { externalId: 'ABC-def' }),
      await createUser(scim, { externalId: 'ABC-def' }),
    ];
    assert.equal(first.externalId, 'ABC-def');
    assert.equal(second.externalId, 'ABC-def');
    assert.equal((await createUser(scim)).externalId, undefined);
  });

  test('accepts a password and never returns it (CRE-21, USR-08, ATT-10)', async () => {
    const body = userBody({ password: 't1meMa$heen' });
    const created = await scim('POST', '/Users?attributes=password,userName', body);
    assert.equal(created.status, 201);
    assert.deepEqual(Object.keys(created.body).sort(), ['id', 'schemas', 'userName']);
    const read = await scim('GET', `/Users/${created.body.id}`);
    assert.doesNotMatch(JSON.stringify(read.body), /password|t1me/);
    assertError(await scim('POST', '/Users', userBody({ password: 5 })), 400, 'invalidValue');
  });

  test('projects the answer (CRE-22, ATT-01)', async () => {
    const { body } = await scim('POST', '/Users?attributes=userName', userBody({ title: 'x' }));
    assert.deepEqual(Object.keys(body).sort(), ['id', 'schemas', 'userName']);
  });

  test('reads names in any letter case and order (HTTP-19, HTTP-20, EXT-03)', async () => {
    const { body, status } = await scim('POST', '/Users', {
      Name: { FAMILYNAME: 'X', givenname: 'Y' },
      [enterpriseUrn.toUpperCase()]: { DEPARTMENT: 'R' },
      USERNAME: 'letter.case@example.com',
      SCHEMAS: [enterpriseUrn, userUrn],
    });
    assert.equal(status, 201);
    assert.equal(body.userName, 'letter.case@example.com');
    assert.deepEqual(body.name, { familyName: 'X', givenName: 'Y' });
    assert.deepEqual(body[enterpriseUrn], { department: 'R' });
    assert.deepEqual(body.schemas, [userUrn, enterpriseUrn]);
  });

  test('refuses an attribute that is there twice in two letter cases', async () => {
    const body = { ...userBody(), username: 'twice@example.com' };
    assertError(await scim('POST', '/Users', body), 400, 'invalidSyntax');
  });

  test('stores text byte for byte (HTTP-01)', async () => {
    const created = await createUser(scim, {
      userName: 'zoë.müller@例え.example',
      title: 'a\u0000b\u{1f600}',
    });
    assert.equal(created.userName, 'zoë.müller@例え.example');
    assert.equal(created.title, 'a\u0000b\u{1f600}');
  });

  test('active absent or null means true; null and [] mean unassigned (NUL-01, NUL-02, USR-03)', async () => {
    assert.equal((await createUser(scim)).active, true);
    assert.equal((await createUser(scim, { active: false })).active, false);
    const empty = await createUser(scim, { active: null, title: null, emails: [], name: {} });
    assert.equal(empty.active, true);
    for (const name of ['title', 'emails', 'name']) assert.ok(!(name in empty), name);
  });

  test('keeps the enterprise extension under its URN, and implies its schema (EXT-01, EXT-02, ENT-01)', async () => {
    const extension = {
      employeeNumber: '1',
      costCenter: '2',
      organization: '3',
      division: '4',
      department: '5',
      manager: { value: 'm' },
    };
    const created = await createUser(scim, { [enterpriseUrn]: extension });
    const $ref = `${connection.baseUrl}/Users/m`;
    assert.deepEqual(created[enterpriseUrn], { ...extension, manager: { value: 'm', $ref } });
    assert.deepEqual(created.schemas, [userUrn, enterpriseUrn]);
  });

  test('derives the name of the manager and ignores one that is sent (ENT-02, ENT-03)', async () => {
    const manager = await createUser(scim, { displayName: 'Grace' });
    const created = await createUser(scim, {
      [enterpriseUrn]: { manager: { value: manager.id, displayName: 'Nobody' } },
    });
    assert.deepEqual(created[enterpriseUrn].manager, {
      value: manager.id,
      $ref: manager.meta.location,
      displayName: 'Grace',
    });
  });

  test('keeps members, says what they are, and shows the group to them (GRP-02, GRP-03, GRP-07, MV-07)', async () => {
    const user = await createUser(scim);
    const inner = await createGroup(scim);
    const members = [{ value: user.id }, { value: inner.id, type: 'User' }, { value: user.id }];
    const group = await createGroup(scim, { members });
    assert.equal(group.members.length, 2);
    for (const [resource, type] of [
      [user, 'User'],
      [inner, 'Group'],
    ]) {
      const member = group.members.find(({ value }: { value: string }) => value === resource.id);
      assert.deepEqual(member, { value: resource.id, $ref: resource.meta.location, type });
      const headers = { authorization: `Bearer ${connection.token}` };
      assert.equal((await fetch(member.$ref, { headers })).status, 200);
    }
    const { body } = await scim('GET', `/Users/${user.id}`);
    const { displayName: display, id: value, meta } = group;
    assert.deepEqual(body.groups, [{ value, $ref: meta.location, display, type: 'direct' }]);
  });

  test('refuses members that do not exist and writes nothing (GRP-05)', async () => {
    const displayName = 'Members from nowhere';
    for (const members of [[{ value: 'nope' }], [{ value: '' }], [{}], ['text'], [{ display: 'x' }]]) {
      const answer = await scim('POST', '/Groups', groupBody({ displayName, members }));
      assertError(answer, 400, 'invalidValue');
    }
    await createGroup(scim, { displayName });
  });
});
