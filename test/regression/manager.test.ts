import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  assertError,
  createUser,
  enterpriseUrn,
  filtered,
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

/** Where clients say whose manager it is, and where. */
const places = {
  'a path with the URN': (value: unknown) => ({ path: `${enterpriseUrn}:manager`, value }),
  'a bare path': (value: unknown) => ({ path: 'manager', value }),
  'a key with the URN': (value: unknown) => ({ value: { [`${enterpriseUrn}:manager`]: value } }),
  'a bare key': (value: unknown) => ({ value: { manager: value } }),
  'the extension': (value: unknown) => ({ value: { [enterpriseUrn]: { manager: value } } }),
  'the path of the extension': (value: unknown) => ({ path: enterpriseUrn, value: { manager: value } }),
};
const forms = {
  'an id': (id: string) => id,
  'an object': (id: string) => ({ value: id }),
  'an object with $ref': (id: string) => ({ $ref: `https://idp.example.com/Users/${id}`, value: id }),
  'a list of one': (id: string) => [{ $ref: null, value: id }],
  'a list of one id': (id: string) => [id],
};

// Each version of Entra ID has its own form; servers refused some with 400 and stored others as text.
for (const [place, at] of Object.entries(places)) {
  test(`manager-in-any-form: by ${place}`, async () => {
    const [boss, other] = [await createUser(scim, { displayName: 'Boss' }), await createUser(scim)];
    const { id } = await createUser(scim);
    const managerAfter = async (op: string, value: unknown) => {
      const now = await patched(scim, `/Users/${id}`, { op, ...at(value) });
      return now[enterpriseUrn]?.manager;
    };
    for (const [form, sent] of Object.entries(forms)) {
      assert.equal((await managerAfter('Add', sent(other.id)))?.value, other.id, form);
      const manager = await managerAfter('Replace', sent(boss.id));
      assert.deepEqual([manager.value, manager.displayName], [boss.id, 'Boss'], form);
      assert.match(manager.$ref, new RegExp(`/Users/${boss.id}$`));
    }
    const { body } = await scim('GET', `/Users?${filtered(`id eq "${id}" and manager eq "${boss.id}"`)}`);
    assert.deepEqual(ids(body.Resources), [id]);
    for (const nobody of ['', null, [], { value: '' }, { value: null }, [{ value: '' }]]) {
      assert.equal((await managerAfter('Replace', boss.id))?.value, boss.id);
      assert.equal(await managerAfter('Replace', nobody), undefined, JSON.stringify(nobody));
    }
  });
}

test('manager-in-any-form: removed by path, and sent in POST and PUT', async () => {
  const boss = await createUser(scim);
  for (const [form, sent] of Object.entries(forms)) {
    const user = await createUser(scim, { [enterpriseUrn]: { manager: sent(boss.id) } });
    const path = `/Users/${user.id}`;
    assert.equal(user[enterpriseUrn].manager.value, boss.id, form);
    for (const removal of [
      { op: 'Remove', path: `${enterpriseUrn}:manager` },
      { op: 'Remove', path: 'manager', value: sent(boss.id) },
    ]) {
      assert.equal((await patched(scim, path, removal))[enterpriseUrn], undefined);
      const put = await scim('PUT', path, userBody({ userName: user.userName, manager: sent(boss.id) }));
      assert.equal(put.body[enterpriseUrn].manager.value, boss.id, form);
    }
  }
});

test('manager-in-any-form: a strict connection takes the object alone', async () => {
  const [boss, { id }] = [await createUser(strict), await createUser(strict)];
  const path = `${enterpriseUrn}:manager`;
  const set = await patched(strict, `/Users/${id}`, { op: 'add', path, value: { value: boss.id } });
  assert.equal(set[enterpriseUrn].manager.value, boss.id);
  for (const value of [boss.id, [{ value: boss.id }], [boss.id]]) {
    const answer = await strict('PATCH', `/Users/${id}`, patchBody({ op: 'replace', path, value }));
    assertError(answer, 400, 'invalidValue');
  }
  const cleared = await patched(strict, `/Users/${id}`, { op: 'replace', path, value: null });
  assert.equal(cleared[enterpriseUrn], undefined);
});
