import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createGroup, createUser, ids, patched } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

// Entra ID writes `Add`, `Replace` and `Remove`; servers that compare `op` with the RFC's small letters refuse all it sends.
for (const strict of [false, true]) {
  test(`op-in-capitals: add, replace and remove in any letter case, strict ${strict}`, async () => {
    const scim = scimOf(await rollcall.connect({ strict }));
    const spellings = (op: string) => [op, op.toUpperCase(), op.charAt(0).toUpperCase() + op.slice(1)];
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    for (const [index, op] of spellings('add').entries()) {
      const now = await patched(scim, path, { op, value: { nickName: `a${index}` } });
      assert.equal(now.nickName, `a${index}`);
    }
    for (const [index, op] of spellings('replace').entries()) {
      const now = await patched(scim, path, { op, path: 'title', value: `r${index}` });
      assert.equal(now.title, `r${index}`);
    }
    for (const op of spellings('remove')) {
      await patched(scim, path, { op: 'add', path: 'locale', value: 'de' });
      assert.equal((await patched(scim, path, { op, path: 'locale' })).locale, undefined);
    }

    const group = await createGroup(scim);
    const members = async (operation: object) =>
      ids((await patched(scim, `/Groups/${group.id}`, operation)).members);
    for (const op of spellings('add')) {
      assert.deepEqual(await members({ op, path: 'members', value: [{ value: user.id }] }), [user.id]);
      await members({ op: 'remove', path: 'members' });
    }
    for (const op of spellings('remove')) {
      await members({ op: 'add', path: 'members', value: [{ value: user.id }] });
      assert.deepEqual(await members({ op, path: `members[value eq "${user.id}"]` }), []);
    }
  });
}
