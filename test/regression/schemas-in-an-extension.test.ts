import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createUser, enterpriseUrn, patched } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

// scim2-models, a client library, sends `schemas` in the object of an extension; a strict connection took it for an
// unknown attribute.
for (const strict of [true, false]) {
  test(`schemas in the object of an extension changes nothing, strict ${strict}`, async () => {
    const scim = scimOf(await rollcall.connect({ strict }));
    const extension = (department: string) => ({ schemas: [enterpriseUrn], department });
    const { id, [enterpriseUrn]: created } = await createUser(scim, { [enterpriseUrn]: extension('a') });
    assert.deepEqual(created, { department: 'a' });
    const path = `/Users/${id}`;
    const added = await patched(scim, path, { op: 'add', path: enterpriseUrn, value: extension('b') });
    assert.deepEqual(added[enterpriseUrn], { department: 'b' });
    const replaced = await patched(scim, path, { op: 'replace', value: { [enterpriseUrn]: extension('c') } });
    assert.deepEqual(replaced[enterpriseUrn], { department: 'c' });
  });
}
