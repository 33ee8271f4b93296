import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { createGroup, createUser, eachProfile, enterpriseUrn, patchBody, userUrn } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

const attributes = {
  name: { givenName: 'Ada', familyName: 'King' },
  title: 'Countess',
  emails: [{ value: 'a@example.com', type: 'work' }],
  [enterpriseUrn]: { department: 'R', costCenter: '1' },
};

eachProfile(rollcall, 'attributes and excludedAttributes', async ({ scim, strict }) => {
  const user = await createUser(scim, attributes);
  const read = async (query: string) => (await scim('GET', `/Users/${user.id}?${query}`)).body;
  const keys = async (query: string) => Object.keys(await read(query)).sort();

  test('attributes replaces the default set (ATT-02, ATT-12)', async () => {
    assert.deepEqual(await read('attributes=userName'), {
      schemas: [userUrn, enterpriseUrn],
      id: user.id,
      userName: user.userName,
    });
  });

  test('excludedAttributes removes from the default set, never what is always returned (ATT-03, ATT-04)', async () => {
    const { emails, name, ...rest } = user;
    assert.ok(emails && name);
    assert.deepEqual(await read('excludedAttributes=emails,name'), rest);
    assert.deepEqual(await read('excludedAttributes=id,schemas'), user);
  });

  test('sub-attributes can be chosen and excluded (ATT-05, ATT-06, ATT-16)', async () => {
    const chosen = await read('attributes=name.familyName,emails.value,meta.location');
    assert.deepEqual(chosen.name, { familyName: 'King' });
    assert.deepEqual(chosen.emails, [{ value: 'a@example.com' }]);
    assert.deepEqual(chosen.meta, { location: user.meta.location });
    assert.deepEqual((await read('excludedAttributes=name.givenName')).name, { familyName: 'King' });
  });

  test('names have any letter case and may have a URN; a URN alone is the whole extension (ATT-07, ATT-08)', async () => {
    const one = await read(`attributes=USERNAME,${enterpriseUrn}:DEPARTMENT`);
    assert.deepEqual(one[enterpriseUrn], { department: 'R' });
    assert.equal(one.userName, user.userName);
    assert.deepEqual((await read(`attributes=${enterpriseUrn}`))[enterpriseUrn], attributes[enterpriseUrn]);
    assert.ok(!(enterpriseUrn in (await read(`excludedAttributes=${enterpriseUrn.toUpperCase()}`))));
    assert.deepEqual((await read(`attributes=${userUrn}:name.givenName`)).name, { givenName: 'Ada' });
  });

  test('lists are split at commas and blanks, and parameters add up (ATT-13)', async () => {
    assert.deepEqual(await keys('attributes=userName,%20name%20,&attributes=emails'), [
      'emails',
      'id',
      'name',
      'schemas',
      'userName',
    ]);
  });

  test('unknown names are ignored; what is excluded is taken from what is asked for (ATT-09, ATT-14)', async () => {
    assert.deepEqual(await keys('attributes=nope'), ['id', 'schemas']);
    assert.deepEqual(await keys('attributes=title,name&excludedAttributes=name,nope'), [
      'id',
      'schemas',
      'title',
    ]);
  });

  test('what is never returned stays away (ATT-10)', async () => {
    assert.deepEqual(await keys('attributes=password'), ['id', 'schemas']);
  });

  test('bare names of the extension are understood unless strict (EXT-05)', async () => {
    const body = await read('attributes=department');
    assert.deepEqual(body[enterpriseUrn], strict ? undefined : { department: 'R' });
    assert.deepEqual((await read('attributes=title')).title, 'Countess');
  });

  test('work in lists, on writes, and leave the headers alone (ATT-01, ATT-15, ATT-17)', async () => {
    const list = await scim('GET', '/Users?attributes=id&filter=title+pr');
    assert.deepEqual(list.body.Resources, [{ schemas: [userUrn, enterpriseUrn], id: user.id }]);
    const body = { schemas: [userUrn], userName: user.userName, ...attributes };
    const put = await scim('PUT', `/Users/${user.id}?attributes=title`, body);
    assert.deepEqual(Object.keys(put.body).sort(), ['id', 'schemas', 'title']);
    assert.ok(put.headers.get('etag'));
    const patch = await scim(
      'PATCH',
      `/Users/${user.id}?excludedAttributes=name`,
      patchBody({ op: 'add', path: 'nickName', value: 'A' }),
    );
    assert.deepEqual([patch.body.nickName, patch.body.name], ['A', undefined]);
  });

  test('choose parts of derived values too', async () => {
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    assert.deepEqual((await read('attributes=groups.value')).groups, [{ value: group.id }]);
    assert.deepEqual((await read('attributes=groups.display')).groups, [{ display: group.displayName }]);
    assert.ok(!('groups' in (await read('excludedAttributes=groups'))));
    const members = (await scim('GET', `/Groups/${group.id}?attributes=members.value`)).body;
    assert.deepEqual(members.members, [{ value: user.id }]);
  });
});
