import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { createUser, eachProfile, patchBody, patched, refusePatch } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

const emails = [
  { value: 'w@example.com', type: 'work', primary: true, display: 'W' },
  { value: 'h@example.com', type: 'home' },
];

eachProfile(rollcall, 'PATCH add', ({ scim }) => {
  test('needs a value, an object where there is no path (PAT-30, PAT-32, PAT-79)', async () => {
    await refusePatch(scim, [{ op: 'add', path: 'title' }], 400, 'invalidValue');
    await refusePatch(scim, [{ op: 'replace', path: 'title' }], 400, 'invalidValue');
    await refusePatch(scim, [{ op: 'add', value: 'x' }], 400, 'invalidValue');
    await refusePatch(scim, [{ op: 'replace', value: [{ title: 'x' }] }], 400, 'invalidValue');
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

eachProfile(rollcall, 'PATCH remove', ({ scim }) => {
  test('needs a path (PAT-50)', async () => {
    await refusePatch(scim, [{ op: 'remove' }], 400, 'noTarget');
  });

  test('unassigns what the path names and nothing else (PAT-51, PAT-52, PAT-53, PAT-55, PAT-58)', async () => {
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

  test('of the first and third of four by filter removes these (PAT-54)', async () => {
    const four = ['a', 'b', 'c', 'd'].map((type) => ({ value: `${type}@example.com`, type }));
    const user = await createUser(scim, { emails: four });
    const removal = (type: string) => ({ op: 'remove', path: `emails[type eq "${type}"]` });
    const path = `/Users/${user.id}`;
    assert.deepEqual((await patched(scim, path, removal('a'), removal('c'))).emails, [four[1], four[3]]);
    assert.ok(!('emails' in (await patched(scim, path, removal('b'), removal('d')))));
  });
});

eachProfile(rollcall, 'PATCH replace', ({ scim }) => {
  test('without a path replaces each attribute listed and leaves the others (PAT-70)', async () => {
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

  test('by filter changes every match and no other value (PAT-75, PAT-76)', async () => {
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

  test('with null in an object unassigns that part and keeps the others (PAT-74, NUL-02)', async () => {
    const user = await createUser(scim, { name: { givenName: 'A', familyName: 'B', middleName: 'C' } });
    const value = { givenName: null, middleName: null, honorificPrefix: 'D' };
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
