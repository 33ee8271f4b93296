import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { assertError, createUser, enterpriseUrn, patchBody, patched, userUrn } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

/** Sends operations that are refused, and checks that nothing of them stayed. */
async function refused(operations: readonly object[], status: number, scimType: string, client = scim) {
  const user = await createUser(client, { title: 'before', name: { givenName: 'A' }, emails });
  const operation = { op: 'replace', path: 'title', value: 'after' };
  const answer = await client('PATCH', `/Users/${user.id}`, patchBody(operation, ...operations));
  assertError(answer, status, scimType);
  assert.deepEqual((await client('GET', `/Users/${user.id}`)).body, user);
  return answer.body.detail as string;
}

const emails = [
  { value: 'w@example.com', type: 'work', primary: true, display: 'W' },
  { value: 'h@example.com', type: 'home' },
];

suite('PATCH', () => {
  test('of a user answers 200 with all of it, or what was asked for (PAT-01, PAT-06, PAT-07)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const answer = await scim('PATCH', path, patchBody({ op: 'replace', path: 'title', value: 'VP' }));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.title, 'VP');
    assert.deepEqual((await scim('GET', path)).body, answer.body);
    assert.equal(answer.headers.get('etag'), answer.body.meta.version);
    assert.ok(Number(answer.headers.get('rollcall-position')) > 0);
    const asked = await scim(
      'PATCH',
      `${path}?attributes=title`,
      patchBody({ op: 'add', path: 'title', value: 'C' }),
    );
    assert.deepEqual(asked.body, { schemas: [userUrn], id: user.id, title: 'C' });
  });

  test('applies operations in order, `op` in any letter case (PAT-05, PAT-08)', async () => {
    const user = await createUser(scim);
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'Add', path: 'nickName', value: 'a' },
      { op: 'REPLACE', path: 'nickName', value: 'b' },
      { op: 'remove', path: 'nickName' },
      { op: 'add', path: 'title', value: 'x' },
    );
    assert.deepEqual([body.nickName, body.title], [undefined, 'x']);
  });

  test('is all or nothing (PAT-09, PAT-16, PAT-56, PAT-81, ENT-03)', async () => {
    for (const operation of [
      { op: 'replace', path: 'id', value: 'x' },
      { op: 'replace', path: 'meta.created', value: '1999-01-01T00:00:00Z' },
      { op: 'add', path: 'groups', value: [{ value: 'x' }] },
      { op: 'remove', path: 'userName' },
      { op: 'remove', path: 'id' },
      { op: 'replace', path: 'userName', value: null },
      { op: 'replace', path: `${enterpriseUrn}:manager.displayName`, value: 'x' },
      { op: 'remove', path: 'schemas' },
    ]) {
      await refused([operation], 400, 'mutability');
      await refused([operation], 400, 'mutability', strict);
    }
  });

  test('refuses a message that is not one (PAT-02, PAT-03, PAT-04)', async () => {
    const { id } = await createUser(scim);
    const Operations = [{ op: 'add', path: 'title', value: 'x' }];
    for (const body of [
      { schemas: [userUrn], Operations },
      { schemas: [], Operations },
      patchBody(),
      { ...patchBody(), Operations: {} },
      { schemas: patchBody() },
      patchBody({ op: 'move', path: 'a', from: 'b' }),
      patchBody({ path: 'title', value: 'x' }),
      patchBody({ op: 'add', path: 5, value: 'x' }),
      { ...patchBody(), Operations: ['text'] },
      [],
    ]) {
      assertError(await scim('PATCH', `/Users/${id}`, body), 400, 'invalidSyntax');
    }
    assertError(await strict('PATCH', `/Users/${id}`, { Operations }), 400, 'invalidSyntax');
  });

  test('names the operation that is wrong, from 0', async () => {
    const detail = await refused([{ op: 'replace', path: 'active', value: 'maybe' }], 400, 'invalidValue');
    assert.match(detail, /^Operation 1: active /);
  });

  test('refuses paths that are not paths, and filters in them that are not filters (PAT-10, PAT-11, PAT-15, ERR-10)', async () => {
    for (const path of [
      '[',
      '',
      'name.',
      'name.givenName.x',
      'emails[type eq "work"',
      'title[value eq "x"]',
      'a b',
      '1x',
    ]) {
      const user = await createUser(scim);
      const answer = await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', path, value: 'x' }));
      assertError(answer, 400, answer.body.scimType);
      assert.ok(['invalidPath', 'invalidFilter'].includes(answer.body.scimType), path);
    }
    for (const path of [
      'emails[type]',
      'emails[type xx "work"].value',
      'emails[nope eq "x"]',
      'emails[type eq work].value',
    ]) {
      await refused([{ op: 'replace', path, value: 'x' }], 400, 'invalidFilter');
    }
  });

  test('refuses an unknown attribute when it is all there is, and whenever strict (PAT-20)', async () => {
    const user = await createUser(scim);
    const unknown = { op: 'replace', path: 'hairColor', value: 'x' };
    assertError(await scim('PATCH', `/Users/${user.id}`, patchBody(unknown)), 400, 'invalidPath');
    await refused([unknown], 400, 'invalidPath', strict);
    await refused([{ op: 'replace', value: { hairColor: 'x' } }], 400, 'invalidSyntax', strict);
  });

  test('applies what it knows beside what it does not know (C15)', async () => {
    const user = await createUser(scim);
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'replace', path: 'hairColor', value: 'x' },
      { op: 'add', path: 'urn:example:params:scim:schemas:extension:2.0:User:shoeSize', value: 5 },
      { op: 'replace', value: { eyeColor: 'x', title: 'known' } },
    );
    const { meta, ...rest } = user;
    assert.deepEqual({ ...body, meta }, { ...rest, title: 'known', meta });
  });

  test('finds attributes by name in any letter case and by URN (PAT-12, C13)', async () => {
    const user = await createUser(scim);
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'add', path: `${enterpriseUrn.toUpperCase()}:Department`, value: 'R' },
      { op: 'add', path: `${userUrn}:NICKNAME`, value: 'N' },
      { op: 'add', path: 'NAME.familyname', value: 'F' },
      { op: 'add', path: `${enterpriseUrn}:manager.value`, value: 'm' },
    );
    assert.deepEqual(
      [body[enterpriseUrn].department, body.nickName, body.name],
      ['R', 'N', { familyName: 'F' }],
    );
    assert.equal(body[enterpriseUrn].manager.value, 'm');
  });

  test('adds and removes an extension with its schema (PAT-13, PAT-14, PAT-23)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const added = await patched(
      scim,
      path,
      { op: 'add', path: 'schemas', value: [enterpriseUrn] },
      { op: 'add', path: `${enterpriseUrn}:employeeNumber`, value: '701984' },
    );
    assert.deepEqual(added.schemas, [userUrn, enterpriseUrn]);
    const whole = await patched(scim, path, {
      op: 'replace',
      path: enterpriseUrn,
      value: { department: 'D' },
    });
    assert.deepEqual(whole[enterpriseUrn], { employeeNumber: '701984', department: 'D' });
    const removed = await patched(scim, path, { op: 'remove', path: enterpriseUrn });
    assert.deepEqual([removed.schemas, removed[enterpriseUrn]], [[userUrn], undefined]);
  });

  test('keeps one primary value (PAT-18)', async () => {
    const user = await createUser(scim, { emails });
    const path = `/Users/${user.id}`;
    const primary = ({ emails: list }: { emails: { value: string; primary?: boolean }[] }) =>
      list.filter((email) => email.primary).map(({ value }) => value);
    const added = await patched(scim, path, {
      op: 'add',
      path: 'emails',
      value: [{ value: 'n@example.com', primary: true }],
    });
    assert.deepEqual([added.emails.length, primary(added)], [3, ['n@example.com']]);
    const moved = await patched(scim, path, {
      op: 'replace',
      path: 'emails[type eq "work"].primary',
      value: true,
    });
    assert.deepEqual(primary(moved), ['w@example.com']);
  });

  test('refuses a taken userName and leaves the user alone (PAT-22)', async () => {
    const { userName } = await createUser(scim);
    await refused([{ op: 'replace', path: 'userName', value: userName }], 409, 'uniqueness');
  });
});

suite('many operations', () => {
  test('are taken up to 1,000, and refused beyond with 413 and the limit', async () => {
    const user = await createUser(scim);
    const operations = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ op: 'add', path: 'title', value: String(index) }));
    assert.equal((await patched(scim, `/Users/${user.id}`, ...operations(1_000))).title, '999');
    const answer = await scim('PATCH', `/Users/${user.id}`, patchBody(...operations(1_001)));
    assertError(answer, 413);
    assert.match(answer.body.detail, /1000/);
  });
});

suite('add', () => {
  test('needs a value, an object where there is no path (PAT-30, PAT-32, PAT-79)', async () => {
    await refused([{ op: 'add', path: 'title' }], 400, 'invalidValue');
    await refused([{ op: 'replace', path: 'title' }], 400, 'invalidValue');
    await refused([{ op: 'add', value: 'x' }], 400, 'invalidValue');
    await refused([{ op: 'replace', value: [{ title: 'x' }] }], 400, 'invalidValue');
  });

  test('sets, merges and appends (PAT-31, PAT-33, PAT-34, PAT-35, PAT-36, PAT-38)', async () => {
    const user = await createUser(scim, { title: 'a', name: { familyName: 'F' }, emails });
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'add', value: { nickName: 'B', emails: [{ value: 'b@example.com', type: 'other' }] } },
      { op: 'add', path: 'title', value: 'b' },
      { op: 'add', path: 'name', value: { middleName: 'J' } },
      { op: 'add', path: 'name.givenName', value: 'G' },
      { op: 'add', path: 'emails', value: { value: 'x@example.com' } },
    );
    assert.deepEqual([body.nickName, body.title], ['B', 'b']);
    assert.deepEqual(body.name, { familyName: 'F', middleName: 'J', givenName: 'G' });
    const values = body.emails.map(({ value }: { value: string }) => value);
    assert.deepEqual(values, ['w@example.com', 'h@example.com', 'b@example.com', 'x@example.com']);
  });
});

suite('remove', () => {
  test('needs a path (PAT-50)', async () => {
    await refused([{ op: 'remove' }], 400, 'noTarget');
  });

  test('unassigns what the path names and nothing else (PAT-51, PAT-52, PAT-53, PAT-55, PAT-58, C49)', async () => {
    const name = { givenName: 'A', familyName: 'B' };
    const user = await createUser(scim, { title: 'x', name, emails, phoneNumbers: [{ value: '1' }] });
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'remove', path: 'title', value: 'superfluous' },
      { op: 'remove', path: 'name.givenName' },
      { op: 'remove', path: 'phoneNumbers' },
      { op: 'remove', path: 'emails[type eq "home" and value ew "example.com"]' },
      { op: 'remove', path: 'emails[type eq "work"].display' },
      { op: 'remove', path: 'nickName' },
    );
    const { title, phoneNumbers, name: left } = body;
    assert.deepEqual([title, phoneNumbers, left], [undefined, undefined, { familyName: 'B' }]);
    assert.deepEqual(body.emails, [{ value: 'w@example.com', type: 'work', primary: true }]);
  });

  test('of the first and third of four by filter removes these (C12, PAT-54)', async () => {
    const four = ['a', 'b', 'c', 'd'].map((type) => ({ value: `${type}@example.com`, type }));
    const user = await createUser(scim, { emails: four });
    const removal = (type: string) => ({ op: 'remove', path: `emails[type eq "${type}"]` });
    const path = `/Users/${user.id}`;
    assert.deepEqual((await patched(scim, path, removal('a'), removal('c'))).emails, [four[1], four[3]]);
    assert.ok(!('emails' in (await patched(scim, path, removal('b'), removal('d')))));
  });
});

suite('replace', () => {
  test('without a path replaces each attribute listed and leaves the others (PAT-70, C36)', async () => {
    const user = await createUser(scim, { title: 'x', emails });
    const value = { emails: [{ value: 'n@example.com', primary: true }], active: false, nickName: 'N' };
    const body = await patched(scim, `/Users/${user.id}`, { op: 'replace', value });
    const { meta, ...rest } = user;
    assert.deepEqual({ ...body, meta }, { ...rest, ...value, meta });
  });

  test('sets one value, a list, parts of a complex value (PAT-71, PAT-72, PAT-73, PAT-74)', async () => {
    const user = await createUser(scim, { title: 'x', name: { givenName: 'A', familyName: 'B' }, emails });
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'replace', path: 'title', value: 'y' },
      { op: 'replace', path: 'nickName', value: 'N' },
      { op: 'replace', path: 'name', value: { givenName: 'C' } },
      { op: 'replace', path: 'emails', value: [{ value: 'n@example.com' }] },
    );
    assert.deepEqual([body.title, body.nickName], ['y', 'N']);
    assert.deepEqual(body.name, { givenName: 'C', familyName: 'B' });
    assert.deepEqual(body.emails, [{ value: 'n@example.com' }]);
  });

  test('by filter changes every match and no other value (PAT-75, PAT-76, C5)', async () => {
    const addresses = [
      { type: 'work', streetAddress: '1', locality: 'L' },
      { type: 'home', streetAddress: '2' },
    ];
    const user = await createUser(scim, { addresses, emails });
    const path = `/Users/${user.id}`;
    const part = { op: 'replace', path: 'addresses[type eq "work"].streetAddress', value: '3' };
    const whole = {
      op: 'replace',
      path: 'emails[type eq "home"]',
      value: { value: 'n@example.com', type: 'home' },
    };
    const body = await patched(scim, path, part, whole);
    assert.deepEqual(body.addresses, [{ ...addresses[0], streetAddress: '3' }, addresses[1]]);
    assert.deepEqual(body.emails, [emails[0], { value: 'n@example.com', type: 'home' }]);
    const all = await patched(scim, path, {
      op: 'replace',
      path: 'emails[value ew "example.com"].display',
      value: 'D',
    });
    assert.deepEqual(
      all.emails.map(({ display }: { display: string }) => display),
      ['D', 'D'],
    );
  });

  test('with null or an empty list unassigns (PAT-78, NUL-02, NUL-03)', async () => {
    const user = await createUser(scim, { title: 'x', name: { givenName: 'A' }, emails });
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'replace', path: 'title', value: null },
      { op: 'replace', path: 'emails', value: [] },
      { op: 'replace', path: 'name.givenName', value: null },
    );
    for (const name of ['title', 'emails', 'name']) assert.ok(!(name in body), name);
  });

  test('with null in an object unassigns that part and keeps the others', async () => {
    const user = await createUser(scim, { name: { givenName: 'A', familyName: 'B', middleName: 'C' } });
    const value = { givenName: null, middleName: '', honorificPrefix: 'D' };
    const body = await patched(scim, `/Users/${user.id}`, { op: 'replace', path: 'name', value });
    assert.deepEqual(body.name, { familyName: 'B', honorificPrefix: 'D' });
  });

  test('of the password is accepted and leaves no trace (PAT-82)', async () => {
    const user = await createUser(scim);
    const answer = await scim(
      'PATCH',
      `/Users/${user.id}`,
      patchBody({ op: 'replace', value: { password: 'N3w!' } }),
    );
    assert.deepEqual([answer.status, answer.body], [200, user]);
  });
});
