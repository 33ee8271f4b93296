import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  createGroup,
  createUser,
  enterpriseUrn,
  filtered,
  groupUrn,
  patchBody,
  userUrn,
} from '../scim/scim-fixture.ts';
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

// Clients turn to what ServiceProviderConfig says is there: PATCH was announced and answered 405, or the other way round.
for (const strict of [false, true]) {
  test(`announced-not-there: what ServiceProviderConfig says of a feature is so, strict ${strict}`, async () => {
    const client = scimOf(await rollcall.connect({ strict }));
    const { body: config } = await client('GET', '/ServiceProviderConfig');
    const user = await createUser(client, { title: 'x' });
    const path = `/Users/${user.id}`;
    const bulk = {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [{ method: 'PATCH', path, data: patchBody({ op: 'add', path: 'title', value: 'bulk' }) }],
    };
    const answers = {
      patch: await client('PATCH', path, patchBody({ op: 'replace', path: 'title', value: 'y' })),
      bulk: await client('POST', '/Bulk', bulk),
      filter: await client('GET', `/Users?${filtered(`userName eq "${user.userName}"`)}`),
      sort: await client('GET', '/Users?sortBy=userName'),
      etag: await client('GET', path, undefined, { 'if-none-match': '*' }),
    };
    for (const [feature, { status }] of Object.entries(answers)) {
      const expected = feature === 'etag' ? 304 : 200;
      assert.equal(config[feature].supported, true, feature);
      assert.equal(status, expected, feature);
    }
    assert.equal((await client('GET', path)).body.title, 'bulk');
    assert.deepEqual([answers.filter.body.totalResults, answers.sort.body.Resources.length], [1, 1]);
  });
}
