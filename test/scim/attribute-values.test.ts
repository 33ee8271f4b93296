import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  filtered,
  groupBody,
  groupUrn,
  ids,
  patchBody,
  patched,
  userBody,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'values of attributes', ({ scim, strict }) => {
  test('of several primary values the last one stays primary (MV-01, PUT-15, PAT-18)', async () => {
    const emails = ['a', 'b', 'c'].map((name) => ({ value: `${name}@example.com`, primary: name !== 'c' }));
    const primary = (user: { emails: { value: string; primary?: boolean }[] }) =>
      user.emails.filter((email) => email.primary).map(({ value }) => value);
    const user = await createUser(scim, { emails });
    assert.deepEqual(primary(user), ['b@example.com']);
    const path = `/Users/${user.id}`;
    const flip = { op: 'replace', path: 'emails[value sw "c"].primary', value: true };
    assert.deepEqual(primary(await patched(scim, path, flip)), ['c@example.com']);
    const { body } = await scim('PUT', path, userBody({ userName: user.userName, emails }));
    assert.deepEqual(primary(body), ['b@example.com']);
  });

  test('a pair of type and value is there once, a value with two types twice (GET-08, MV-04)', async () => {
    const work = { value: 'ada@example.com', type: 'work' };
    const home = { value: 'ada@example.com', type: 'home' };
    const twin = { value: 'ADA@example.com', type: 'Work' };
    const user = await createUser(scim, { emails: [work, home, twin] });
    assert.deepEqual(user.emails, [work, home]);
    const path = `/Users/${user.id}`;
    assert.deepEqual(await patched(scim, path, { op: 'add', path: 'emails', value: [twin] }), user);
    const same = userBody({ userName: user.userName, emails: [work, twin, home] });
    assert.deepEqual((await scim('PUT', path, same)).body.meta, user.meta);
    const added = await patched(scim, path, {
      op: 'add',
      path: 'emails',
      value: [{ ...twin, primary: true }],
    });
    assert.deepEqual(added.emails, [{ ...work, primary: true }, home]);
  });

  test('values are kept as they were sent (MV-06, MV-08, USR-05, USR-06, USR-07, USR-14, USR-15, USR-16, USR-17)', async () => {
    const sent = {
      preferredLanguage: 'en-US, de;q=0.5',
      timezone: 'Mars/Olympus_Mons',
      profileUrl: 'example.com/~ada',
      emails: [{ value: 'Ada@EXAMPLE.com', type: 'holiday' }, { value: 'no-at-sign' }],
      phoneNumbers: [{ value: 'tel:+1-201-555-0123', type: 'work' }, { value: '+49 (0)30 / 1234' }],
      photos: [{ value: 'https://example.com/ada.jpg', type: 'photo' }],
      ims: [{ value: ' Ada ', type: 'carrier pigeon' }],
      roles: [{ value: 'Teacher of the year' }],
      entitlements: [{ value: 'parking', type: 'perk' }],
    };
    const user = await createUser(scim, sent);
    for (const [name, value] of Object.entries(sent)) assert.deepEqual(user[name], value, name);
  });

  test('a formatted name is the client’s or absent (USR-02)', async () => {
    const name = { givenName: 'Ada', familyName: 'Example' };
    assert.deepEqual((await createUser(scim, { name })).name, name);
  });

  test('binary values are base64, with or without padding (MV-09, USR-13)', async () => {
    const x509Certificates = [{ value: 'QUI=' }, { value: 'QUI' }, { value: 'QUJD' }];
    assert.deepEqual((await createUser(scim, { x509Certificates })).x509Certificates, x509Certificates);
    const pem = '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----';
    for (const value of ['Q', 'ä', 'a+b_', pem]) {
      assertError(
        await scim('POST', '/Users', userBody({ x509Certificates: [{ value }] })),
        400,
        'invalidValue',
      );
    }
  });

  test('countries and languages are codes, and a certificate is one, when strict (USR-04, USR-10, USR-13)', async () => {
    const certificate = Buffer.from([0x30, 0x03, 1, 2, 3]);
    const right = {
      addresses: [{ country: 'NL' }],
      locale: 'en_US',
      x509Certificates: [{ value: certificate.toString('base64') }],
    };
    const user = await createUser(scim, right);
    for (const [name, value] of Object.entries(right)) assert.deepEqual(user[name], value);
    for (const wrong of [
      { addresses: [{ country: 'USA' }] },
      { locale: 'x y' },
      { x509Certificates: [{ value: Buffer.concat([certificate, certificate]).toString('base64') }] },
    ]) {
      const answer = await scim('POST', '/Users', userBody(wrong));
      if (strict) assertError(answer, 400, 'invalidValue');
      else assert.deepEqual({ ...answer.body, ...wrong }, answer.body);
    }
  });

  test('false is a value, empty text is none to pr, null and empty lists are nothing (NUL-01, NUL-02, NUL-04)', async () => {
    const user = await createUser(scim, { active: false, title: '', nickName: null, emails: [], name: {} });
    const find = async (filter: string) =>
      ids((await scim('GET', `/Users?${filtered(`id eq "${user.id}" and ${filter}`)}`)).body.Resources);
    assert.deepEqual(await find('active pr'), [user.id]);
    for (const name of ['title', 'nickName', 'emails', 'name'])
      assert.deepEqual(await find(`${name} pr`), [], name);
    assert.equal(user.title, strict ? '' : undefined);
    assert.deepEqual(
      ['nickName', 'emails', 'name'].filter((name) => name in user),
      [],
    );
  });

  test('the groups of a user are the direct ones, and only groups change them (USR-11, USR-12, GRP-07)', async () => {
    const user = await createUser(scim, { groups: [{ value: 'x' }] });
    const team = await createGroup(scim, { members: [{ value: user.id }] });
    await createGroup(scim, { members: [{ value: team.id }] });
    const expected = {
      value: team.id,
      $ref: team.meta.location,
      display: team.displayName,
      type: 'direct',
    };
    assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body.groups, [expected]);
  });

  test('a member is added and removed, and not edited (PAT-80, GRP-04)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const member = `members[value eq "${user.id}"]`;
    for (const operation of [
      { op: 'replace', path: `${member}.value`, value: 'x' },
      { op: 'add', path: `${member}.type`, value: 'Group' },
      { op: 'remove', path: `${member}.type` },
      { op: 'replace', path: member, value: { value: 'x' } },
      { op: 'replace', path: 'members.type', value: 'User' },
    ]) {
      assertError(await scim('PATCH', `/Groups/${group.id}`, patchBody(operation)), 400, 'mutability');
    }
    assert.deepEqual((await scim('GET', `/Groups/${group.id}`)).body, group);
  });

  test('a group needs a name, of its own when not strict (GRP-01)', async () => {
    assertError(await scim('POST', '/Groups', { schemas: [groupUrn] }), 400, 'invalidValue');
    assertError(await scim('POST', '/Groups', groupBody({ displayName: ' ' })), 400, 'invalidValue');
    const { displayName } = await createGroup(scim);
    const again = await scim('POST', '/Groups', groupBody({ displayName }));
    if (strict) assert.equal(again.status, 201);
    else assertError(again, 409, 'uniqueness');
  });

  test('an extension belongs to its own type (EXT-06)', async () => {
    const answer = await scim('POST', '/Groups', groupBody({ [enterpriseUrn]: { department: 'Sales' } }));
    if (strict) assertError(answer, 400, 'invalidSyntax');
    else assert.deepEqual([answer.status, answer.body.schemas], [201, [groupUrn]]);
  });

  test('a manager is an object with an id, or by default the id alone (ENT-04)', async () => {
    const user = await createUser(scim);
    const operation = { op: 'add', path: `${enterpriseUrn}:manager`, value: user.id };
    const answer = await scim('PATCH', `/Users/${user.id}`, patchBody(operation));
    if (strict) assertError(answer, 400, 'invalidValue');
    else assert.equal(answer.body[enterpriseUrn].manager.value, user.id);
  });

  test('keys of a value without a path are attributes, URNs, and by default paths (PAT-40)', async () => {
    const { id } = await createUser(scim, { name: { familyName: 'Example' } });
    const path = `/Users/${id}`;
    const inExtension = { op: 'add', value: { [enterpriseUrn]: { department: 'Sales' } } };
    assert.deepEqual((await patched(scim, path, inExtension))[enterpriseUrn], { department: 'Sales' });
    const dotted = await scim('PATCH', path, patchBody({ op: 'add', value: { 'name.givenName': 'Ada' } }));
    if (strict) assertError(dotted, 400, 'invalidPath');
    else assert.deepEqual(dotted.body.name, { familyName: 'Example', givenName: 'Ada' });
  });
});
