import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  ids,
  patchBody,
  patched,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

const named = (...list: string[]) => list.map((value) => ({ value }));

eachProfile(rollcall, 'PATCH of members', ({ scim, strict }) => {
  const members = async (path: string) => ids((await scim('GET', path)).body.members);

  async function groupOfThree() {
    const [a, b, c] = [await createUser(scim), await createUser(scim), await createUser(scim)];
    const group = await createGroup(scim, { members: [a, b, c].map(({ id }) => ({ value: id })) });
    return { a: a.id, b: b.id, c: c.id, path: `/Groups/${group.id}`, group };
  }

  test('answers 204 with headers, and 200 when attributes are asked for (PAT-06, PAT-07)', async () => {
    const { path, a, b } = await groupOfThree();
    const quiet = await scim('PATCH', path, patchBody({ op: 'remove', path: `members[value eq "${a}"]` }));
    assert.deepEqual([quiet.status, quiet.body], [204, undefined]);
    assert.match(quiet.headers.get('etag') ?? '', /^W\/"/);
    const asked = await scim(
      'PATCH',
      `${path}?attributes=members.value`,
      patchBody({ op: 'replace', path: 'members', value: named(b) }),
    );
    assert.deepEqual([asked.status, asked.body.members], [200, named(b)]);
  });

  test('adds without duplicates, with and without path (GRP-06, PAT-37)', async () => {
    const { path, a, b, c, group } = await groupOfThree();
    const d = await createUser(scim);
    const add = { op: 'add', path: 'members', value: named(a, d.id, d.id) };
    await patched(scim, path, add, { op: 'add', value: { members: named(d.id) } });
    assert.deepEqual(await members(path), [a, b, c, d.id].sort());
    const before = (await scim('GET', path)).body.meta;
    assert.notEqual(before.version, group.meta.version);
    const after = await patched(scim, path, add);
    assert.deepEqual(after.meta, before);
  });

  test('takes the name of a member as RFC 7643, section 8.4, shows it, and does not keep it (GRP-08)', async () => {
    const { id, userName: display } = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: id, display }] });
    const add = { op: 'add', path: 'members', value: [{ value: id, display, type: 'User' }] };
    assert.deepEqual((await patched(scim, `/Groups/${group.id}`, add)).members, group.members);
    assert.deepEqual(Object.keys(group.members[0]).sort(), ['$ref', 'type', 'value']);
  });

  test('removes exactly those that are named (PAT-52, PAT-53, PAT-57, PAT-58)', async () => {
    for (const [operation, left] of [
      [(a: string) => ({ op: 'remove', path: `members[value eq "${a}"]` }), 2],
      [(a: string, b: string) => ({ op: 'remove', path: `members[value eq "${a}" or value eq "${b}"]` }), 1],
      [() => ({ op: 'remove', path: 'members[value eq "nope"]' }), 3],
      [() => ({ op: 'remove', path: 'members[type eq "Group"]' }), 3],
      [(a: string) => ({ op: 'remove', path: `members[type eq "User" and not (value eq "${a}")]` }), 1],
      [() => ({ op: 'remove', path: 'members' }), 0],
    ] as const) {
      const { path, a, b } = await groupOfThree();
      await patched(scim, path, operation(a, b));
      assert.equal((await members(path)).length, left, JSON.stringify(operation('a', 'b')));
    }
  });

  test('a remove that lists members removes these, and is refused when strict (PAT-59)', async () => {
    for (const [list, left] of [
      [(a: string, b: string) => named(a, b), 1],
      [(a: string) => ({ value: a }), 2],
      [() => named('nope'), 3],
      [() => [], 3],
    ] as const) {
      const { path, a, b } = await groupOfThree();
      const removal = patchBody({ op: 'remove', path: 'members', value: list(a, b) });
      const answer = await scim('PATCH', path, removal);
      if (strict) assertError(answer, 400, 'invalidValue');
      else assert.equal(answer.status, 204);
      assert.equal((await members(path)).length, strict ? 3 : left);
    }
  });

  test('a remove with null for a value empties nothing, and says so', async () => {
    const { path } = await groupOfThree();
    const body = patchBody({ op: 'remove', path: 'members', value: null });
    assertError(await scim('PATCH', path, body), 400, 'invalidValue');
    assert.equal((await members(path)).length, 3);
  });

  test('replaces the list, with an empty one too (PAT-72)', async () => {
    const { path, a } = await groupOfThree();
    await patched(scim, path, { op: 'replace', path: 'members', value: named(a) });
    assert.deepEqual(await members(path), [a]);
    await patched(scim, path, { op: 'replace', value: { members: [] } });
    assert.deepEqual(await members(path), []);
  });

  test('applies operations in order, all or none (PAT-08, PAT-09)', async () => {
    const { path, a, b, group } = await groupOfThree();
    await patched(
      scim,
      path,
      { op: 'remove', path: 'members' },
      { op: 'add', path: 'members', value: named(a, b) },
      { op: 'remove', path: `members[value eq "${a}"]` },
      { op: 'replace', path: 'displayName', value: `${group.displayName} 2` },
    );
    assert.deepEqual(await members(path), [b]);
    const before = (await scim('GET', path)).body;
    for (const [last, scimType] of [
      [{ op: 'add', path: 'members', value: named('nope') }, 'invalidValue'],
      [{ op: 'remove', path: 'displayName' }, 'mutability'],
      [{ op: 'add', path: 'members', value: ['text'] }, 'invalidValue'],
      [{ op: 'remove', path: 'members[nope eq "x"]' }, 'invalidFilter'],
    ] as const) {
      const answer = await scim('PATCH', path, patchBody({ op: 'remove', path: 'members' }, last));
      assertError(answer, 400, scimType);
      assert.match(answer.body.detail, /^Operation 1\b/);
    }
    assert.deepEqual((await scim('GET', path)).body, before);
  });

  test('an unrelated change leaves the members', async () => {
    const { path, a, b, c } = await groupOfThree();
    await patched(scim, path, { op: 'Replace', path: 'displayName', value: 'Renamed by path' });
    await patched(scim, path, { op: 'replace', value: { displayName: 'Renamed without', externalId: 'e' } });
    assert.deepEqual(await members(path), [a, b, c].sort());
  });

  test('50 clients add one member each, and none is lost', async () => {
    const group = await createGroup(scim);
    const users = await Promise.all(Array.from({ length: 50 }, () => createUser(scim)));
    const added = await Promise.all(
      users.map(({ id }) =>
        scim('PATCH', `/Groups/${group.id}`, patchBody({ op: 'Add', path: 'members', value: named(id) })),
      ),
    );
    assert.ok(added.every(({ status }) => status === 204));
    assert.deepEqual(await members(`/Groups/${group.id}`), ids(users));
  });

  test('a user of another connection is nobody here', async () => {
    const { path } = await groupOfThree();
    const foreign = await createUser(scimOf(await rollcall.connect()));
    for (const body of [
      patchBody({ op: 'add', path: 'members', value: named(foreign.id) }),
      patchBody({ op: 'replace', path: 'members', value: named(foreign.id) }),
    ]) {
      assertError(await scim('PATCH', path, body), 400, 'invalidValue');
    }
  });
});
