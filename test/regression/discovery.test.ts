import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createGroup, createUser, enterpriseUrn, groupUrn, userUrn } from '../scim/scim-fixture.ts';
import { readSchemas, undeclared } from '../support/published-schema.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());

// Entra ID reads /Schemas when its configuration is saved, and shows an error for what it cannot read.
test('schemas-upset-client: all are there, in camel case, without nulls, each with what is returned', async () => {
  const { status, body } = await scim('GET', '/Schemas');
  assert.equal(status, 200);
  const urns: string[] = body.Resources.map(({ id }: ScimAnswer['body']) => id);
  for (const urn of [userUrn, groupUrn, enterpriseUrn]) assert.ok(urns.includes(urn), urn);
  assert.doesNotMatch(JSON.stringify(body), /:null|"[a-z]+_[a-z]+":/);
  const schemas = await readSchemas(scim);
  const user = await createUser(scim, {
    externalId: 'e',
    emails: [{ value: 'a@example.com', type: 'work', display: 'A', primary: true }],
    name: { givenName: 'A' },
    department: 'R',
    manager: (await createUser(scim, { displayName: 'Boss' })).id,
  });
  const group = await createGroup(scim, { members: [{ value: user.id }] });
  for (const path of [`/Users/${user.id}`, `/Groups/${group.id}`])
    assert.deepEqual(undeclared((await scim('GET', path)).body, schemas), [], path);
});
