import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { badUser, bulk, countOf, pathOf, postGroup, postUser, statusesOf } from './bulk-fixture.ts';
import {
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  groupBody,
  ids,
  patchBody,
  userBody,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'bulk: references', ({ scim }) => {
  test('lead back and forward, in extensions and in paths (BLK-08, BLK-09, BLK-10, BLK-29)', async () => {
    const results = await bulk(scim, [
      postGroup('team', groupBody({ members: [{ value: 'bulkId:boss' }, { value: 'bulkId:ada' }] })),
      {
        method: 'PATCH',
        path: '/Groups/bulkId:team',
        data: patchBody(
          { op: 'remove', path: 'members[value eq "bulkId:ada"]' },
          { op: 'add', path: 'members', value: [{ value: 'bulkId:eve' }] },
        ),
      },
      postUser('ada', userBody({ [enterpriseUrn]: { manager: { value: 'bulkId:boss' } } })),
      postUser('boss', userBody()),
      { method: 'PATCH', path: '/Users/bulkId:ada', data: patchBody({ op: 'add', value: { title: 'T' } }) },
      postUser('eve', userBody({ displayName: 'see bulkId:ada' })),
    ]);
    assert.deepEqual(statusesOf(results), ['201', '200', '201', '201', '200', '201']);
    const [team, , ada, boss, , eve] = await Promise.all(
      results.map(async (result) => (await scim('GET', pathOf(result))).body),
    );
    assert.deepEqual(ids(team.members), [boss.id, eve.id].sort());
    for (const { value, $ref } of team.members) {
      assert.equal($ref, [boss, eve].find(({ id }) => id === value).meta.location);
    }
    const { manager } = ada[enterpriseUrn];
    assert.deepEqual([manager.value, manager.$ref], [boss.id, boss.meta.location]);
    assert.equal(ada.title, 'T');
    assert.equal(eve.displayName, 'see bulkId:ada');
    assert.equal(results[4].location, ada.meta.location);
    assert.equal(results[1].version, team.meta.version);
    for (const { id } of [team, ada, boss, eve]) assert.doesNotMatch(id, /bulkid/i);
  });

  test('in a circle link both ends (BLK-11)', async () => {
    const manager = (value: string) => ({ [enterpriseUrn]: { manager: { value }, department: 'D' } });
    const member = (...values: string[]) => ({ members: values.map((value) => ({ value })) });
    const outside = await createUser(scim);
    const results = await bulk(scim, [
      postGroup('a', groupBody(member('bulkId:b', 'bulkId:u', outside.id))),
      postGroup('b', groupBody(member('bulkId:c', 'bulkId:a'))),
      postGroup('c', groupBody(member('bulkId:a', 'bulkId:v'))),
      postUser('u', userBody(manager('bulkId:v'))),
      postUser('v', userBody(manager('bulkId:u'))),
      // A version means nothing to what is new, nor to what completes it.
      { ...postUser('self', userBody(manager('bulkId:self'))), version: 'W/"7"' },
    ]);
    assert.deepEqual(statusesOf(results), Array(6).fill('201'));
    const resources = await Promise.all(
      results.map(async (result) => {
        const { body } = await scim('GET', pathOf(result));
        assert.equal(body.meta.version, result.version, result.bulkId);
        return body;
      }),
    );
    const [a, b, c, u, v, self] = resources;
    assert.deepEqual(ids(a.members), [b.id, u.id, outside.id].sort());
    assert.deepEqual(ids(b.members), [a.id, c.id].sort());
    assert.deepEqual(ids(c.members), [a.id, v.id].sort());
    for (const [user, other] of [
      [u, v],
      [v, u],
      [self, self],
    ]) {
      assert.equal(user[enterpriseUrn].manager.value, other.id);
      assert.equal(user[enterpriseUrn].department, 'D');
    }
  });

  test('in a circle of which one fails leave nothing behind (BLK-11, BLK-12)', async () => {
    const { userName } = await createUser(scim);
    const manager = (value: string) => ({ [enterpriseUrn]: { manager: { value } } });
    const member = (...values: string[]) => ({ members: values.map((value) => ({ value })) });
    const before = [await countOf(scim), await countOf(scim, '/Groups')];
    const results = await bulk(scim, [
      postUser('a', userBody(manager('bulkId:b'))),
      postUser('b', userBody({ ...manager('bulkId:c'), userName: userName.toUpperCase() })),
      postUser('c', userBody(manager('bulkId:a'))),
      postGroup('d', groupBody(member('bulkId:e'))),
      postGroup('e', groupBody(member('bulkId:d', 'bulkId:nobody'))),
      postGroup('f', groupBody(member('bulkId:d'))),
    ]);
    assert.deepEqual(statusesOf(results), Array(6).fill('409'));
    assert.deepEqual(
      results.map(({ response }) => response.scimType ?? /"bulkId:\w+"/.exec(response.detail)?.[0]),
      ['"bulkId:b"', 'uniqueness', '"bulkId:b"', '"bulkId:e"', '"bulkId:nobody"', '"bulkId:d"'],
    );
    for (const result of results) assert.equal(result.location, undefined);
    assert.deepEqual([await countOf(scim), await countOf(scim, '/Groups')], before);
  });

  test('to nothing, or to what failed, fail the operation (BLK-12)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const path = `/Groups/${group.id}`;
    const add = (value: string) => patchBody({ op: 'add', path: 'members', value: [{ value }] });
    const results = await bulk(scim, [
      postGroup('g', groupBody({ members: [{ value: 'bulkId:nope' }] })),
      badUser('bad'),
      { method: 'PATCH', path, data: add('bulkId:bad') },
      { method: 'DELETE', path: '/Users/bulkId:nope' },
      { method: 'DELETE', path: '/Users/bulkId:bad' },
      { method: 'POST', path: '/Nothing', bulkId: 'lost', data: {} },
      { method: 'PATCH', path, data: add('bulkId:lost') },
      {
        method: 'PATCH',
        path: `/Users/${user.id}`,
        bulkId: 'patch',
        data: patchBody({ op: 'add', value: { title: 'T' } }),
      },
      { method: 'PATCH', path, data: add('bulkId:patch') },
    ]);
    assert.deepEqual(statusesOf(results), ['409', '400', '409', '409', '409', '404', '409', '200', '409']);
    for (const [index, bulkId] of [
      [0, 'nope'],
      [2, 'bad'],
      [3, 'nope'],
      [4, 'bad'],
      [6, 'lost'],
      [8, 'patch'],
    ] as const) {
      assert.match(results[index].response.detail, new RegExp(`^"bulkId:${bulkId}" `));
    }
    assert.deepEqual(
      results.map(({ location }) => location && pathOf({ location })),
      [undefined, undefined, path, undefined, undefined, undefined, path, `/Users/${user.id}`, path],
    );
    assert.deepEqual((await scim('GET', path)).body, group);
  });
});
