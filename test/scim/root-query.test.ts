import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import type { ScimAnswer } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  filtered,
  ids,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

type Resource = ScimAnswer['body'];

eachProfile(rollcall, 'a query at the root', async ({ scim }) => {
  const ada = await createUser(scim, { userName: 'ada', displayName: 'Smith, Ada', externalId: 'x' });
  const bob = await createUser(scim, { userName: 'bob', [enterpriseUrn]: { department: 'R' } });
  const smiths = await createGroup(scim, { displayName: 'Smiths', members: [{ value: bob.id }] });
  const others = await createGroup(scim, { displayName: 'Others', externalId: 'x' });
  const all = [ada, bob, smiths, others];

  const find = async (filter: string, parameters = ''): Promise<Resource[]> => {
    const answer = await scim('GET', `?${filtered(filter)}${parameters}`);
    assert.equal(answer.status, 200, `${filter}: ${JSON.stringify(answer.body)}`);
    assert.equal(answer.body.totalResults, answer.body.Resources.length);
    return answer.body.Resources;
  };

  test('goes over every resource type, each resource whole (QRY-05)', async () => {
    for (const path of ['', '/']) {
      const { status, body } = await scim('GET', path);
      assert.equal(status, 200);
      assert.deepEqual(ids(body.Resources), ids(all));
      for (const resource of body.Resources) {
        const { body: read } = await scim(
          'GET',
          new URL(resource.meta.location).pathname.replace(/.*\/v2/, ''),
        );
        assert.deepEqual(resource, read);
      }
    }
    const both = 'meta.resourceType eq "User" or meta.resourceType eq "Group"';
    assert.deepEqual(ids(await find(both)), ids(all));
    assert.deepEqual(ids(await find('meta.resourceType eq "Group"')), ids([smiths, others]));
    assert.deepEqual(ids(await find('externalId eq "x"')), ids([ada, others]));
    assert.deepEqual(ids(await find(`id eq "${bob.id}"`)), [bob.id]);
  });

  test('finds no value where a type does not have the attribute (QRY-06, FLT-36)', async () => {
    assert.deepEqual(ids(await find('userName pr')), ids([ada, bob]));
    assert.deepEqual(ids(await find('not (userName pr)')), ids([smiths, others]));
    assert.deepEqual(ids(await find('members pr')), [smiths.id]);
    assert.deepEqual(ids(await find(`members.value eq "${bob.id}"`)), [smiths.id]);
    assert.deepEqual(ids(await find('userName eq "bob" or displayName eq "others"')), ids([bob, others]));
    assert.deepEqual(ids(await find('userName ne "bob"')), ids([ada, smiths, others]));
    assert.deepEqual(ids(await find(`${enterpriseUrn}:department eq "r"`)), [bob.id]);
    assert.deepEqual(ids(await find('groups pr')), [bob.id]);
    assert.deepEqual(await find('hairColor pr'), []);
    assert.deepEqual(ids(await find('not (hairColor pr)')), ids(all));
    for (const filter of ['userName', 'active gt true', 'userName pr or']) {
      assertError(await scim('GET', `?${filtered(filter)}`), 400, 'invalidFilter');
    }
    assertError(await scim('GET', `?${filtered('password pr')}`), 403, 'sensitive');
  });

  test('is projected, sorted and paged like any other (QRY-05)', async () => {
    const projected = await find('displayName sw "smith"', '&attributes=displayName,userName');
    for (const resource of projected) {
      const keys =
        resource.id === ada.id
          ? ['displayName', 'id', 'schemas', 'userName']
          : ['displayName', 'id', 'schemas'];
      assert.deepEqual(Object.keys(resource).sort(), keys);
    }
    const up = (await find('id pr', '&sortBy=displayName')).map(({ id }) => id);
    assert.deepEqual(up, [others.id, ada.id, smiths.id, bob.id]);
    const down = (await find('id pr', '&sortBy=displayName&sortOrder=descending')).map(({ id }) => id);
    assert.deepEqual(down, up.toReversed());
    const byUserName = (await find('id pr', '&sortBy=userName')).map(({ id }) => id);
    assert.deepEqual(byUserName.slice(0, 2), [ada.id, bob.id]);
    const pages = [];
    for (const startIndex of [1, 3]) {
      const { body } = await scim('GET', `?sortBy=displayName&count=2&startIndex=${startIndex}`);
      assert.deepEqual([body.totalResults, body.itemsPerPage], [4, 2]);
      pages.push(...body.Resources.map(({ id }: Resource) => id));
    }
    assert.deepEqual(pages, up);
    const first = (await scim('GET', '?sortBy=displayName&count=3&cursor')).body;
    const second = (await scim('GET', `?sortBy=displayName&count=3&cursor=${first.nextCursor}`)).body;
    const walked = [...first.Resources, ...second.Resources].map(({ id }) => id);
    assert.deepEqual([walked, second.nextCursor], [up, undefined]);
    assertError(await scim('GET', '?sortBy=hairColor'), 400, 'invalidValue');
  });

  test('may be sent by POST, and says of which type each resource is (SRCH-03)', async () => {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
    const search = { schemas, filter: 'displayName sw "smith"', sortBy: 'displayName', count: 1 };
    const { status, body } = await scim('POST', '/.search', search);
    assert.deepEqual([status, body.totalResults, body.Resources], [200, 2, [ada]]);
    const next = await scim('POST', '/.search', { ...search, startIndex: 2 });
    assert.equal(next.body.Resources[0].meta.resourceType, 'Group');
    assert.deepEqual(ids(next.body.Resources), [smiths.id]);
    assertError(await scim('POST', '/.search', { filter: 'id pr', schemas: [] }), 400, 'invalidSyntax');
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      assertError(await scim(method, '/.search', method === 'GET' ? undefined : {}), 405);
    }
  });

  test('creates nothing and deletes nothing', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['', '/']) {
        const { status } = await scim(method, path, method === 'DELETE' ? undefined : ada);
        assert.ok(status === 404 || status === 405, `${method} ${path}: ${status}`);
      }
    }
    assert.deepEqual(ids((await scim('GET', '')).body.Resources), ids(all));
  });
});
