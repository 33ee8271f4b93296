import assert from 'node:assert/strict';
import { after, before, suite } from 'node:test';
import { v7 as newUuid } from 'uuid';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { MemberKind } from '#proto/rollcall/directory/v1/membership_service.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import {
  type ConnectionDriver,
  members,
  oddIds,
  operation,
  refused,
  resourceTypes,
  testInConnection,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

/** How many commands the directory has sent to the database, without those by which it looks after itself. */
let commands = 0;
let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory(undefined, undefined, (event) => {
    if ('command' in event && event.command.comment === undefined) commands += 1;
  });
});
after(() => directory[Symbol.asyncDispose]());

const inConnection = testInConnection(() => directory.clients);

const nested = true;
const includeInactive = true;

/** Creates groups, each with members by name: users or groups that come before it. */
async function tree(
  acme: ConnectionDriver,
  users: readonly string[],
  groups: Readonly<Record<string, readonly string[]>>,
) {
  const ids = await acme.createUsers(users);
  const id: Record<string, string> = Object.fromEntries(users.map((name, index) => [name, ids[index] ?? '']));
  for (const [name, list] of Object.entries(groups))
    id[name] = await acme.groupOf(
      name,
      list.map((member) => id[member] ?? assert.fail(member)),
    );
  return (name: string) => id[name] ?? assert.fail(name);
}

suite('memberships', () => {
  inConnection('are direct, and nested through groups', async (acme) => {
    const id = await tree(acme, ['ada', 'bob'], {
      inner: ['ada'],
      middle: ['inner', 'bob'],
      outer: ['middle'],
    });

    const direct = await acme.listUserGroups(id('ada'));
    assert.equal(direct.active, true);
    assert.deepEqual(direct.paths, { [id('inner')]: [id('inner')] });
    assert.equal(direct.entries[0]?.displayName, 'inner');
    const all = await acme.listUserGroups(id('ada'), { nested });
    assert.deepEqual(all.paths, {
      [id('inner')]: [id('inner')],
      [id('middle')]: [id('inner'), id('middle')],
      [id('outer')]: [id('inner'), id('middle'), id('outer')],
    });
    assert.deepEqual((await acme.listUserGroups(id('inner'), { nested })).paths, {
      [id('middle')]: [id('middle')],
      [id('outer')]: [id('middle'), id('outer')],
    });

    const below = await acme.listMembers(id('outer'), { nested });
    assert.deepEqual(below.paths, {
      [id('middle')]: [id('outer')],
      [id('inner')]: [id('outer'), id('middle')],
      [id('bob')]: [id('outer'), id('middle')],
      [id('ada')]: [id('outer'), id('middle'), id('inner')],
    });
    assert.equal(below.entries.find((entry) => entry.id === id('inner'))?.kind, MemberKind.GROUP);
    assert.equal(below.entries.find((entry) => entry.id === id('ada'))?.kind, MemberKind.USER);
    assert.deepEqual((await acme.listMembers(id('outer'))).ids, [id('middle')]);

    assert.equal((await acme.check(id('ada'), id('outer'))).member, false);
    const check = await acme.check(id('ada'), id('outer'), { nested });
    assert.deepEqual(check, {
      asOf: await acme.position(),
      member: true,
      active: true,
      path: [id('inner'), id('middle'), id('outer')],
    });
    assert.equal((await acme.check(id('inner'), id('outer'), { nested })).member, true);
    assert.equal((await acme.check(id('outer'), id('inner'), { nested })).member, false);
  });

  inConnection('take the shortest way', async (acme) => {
    // A diamond with a longer way round, and a direct membership besides.
    const id = await tree(acme, ['ada', 'bob'], {
      start: ['ada'],
      left: ['start'],
      right: ['start', 'bob'],
      detour: ['left'],
      top: ['detour', 'right', 'bob'],
    });
    const short = [id('start'), id('right'), id('top')];
    assert.deepEqual((await acme.check(id('ada'), id('top'), { nested })).path, short);
    assert.deepEqual((await acme.listUserGroups(id('ada'), { nested })).paths[id('top')], short);
    assert.deepEqual((await acme.check(id('bob'), id('top'), { nested })).path, [id('top')]);
    assert.deepEqual((await acme.listUserGroups(id('bob'), { nested })).paths[id('top')], [id('top')]);
    const below = await acme.listMembers(id('top'), { nested });
    assert.equal(new Set(below.ids).size, below.ids.length, 'each once');
    assert.deepEqual(below.paths[id('ada')], [id('top'), id('right'), id('start')]);
    assert.deepEqual(below.paths[id('bob')], [id('top')]);
  });

  inConnection('of groups that contain each other end', async (acme) => {
    const id = await tree(acme, ['ada'], { a: ['ada'], b: ['a'], c: ['b'] });
    await acme.changeMembers(id('a'), [members.add(id('b'), id('a'), id('c'))]);
    const groups = await acme.listUserGroups(id('ada'), { nested });
    assert.deepEqual(groups.paths, {
      [id('a')]: [id('a')],
      [id('b')]: [id('a'), id('b')],
      [id('c')]: [id('a'), id('b'), id('c')],
    });
    for (const group of ['a', 'b', 'c']) {
      assert.equal((await acme.check(id('ada'), id(group), { nested })).member, true);
      const { ids } = await acme.listMembers(id(group), { nested });
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(ids.includes(id('ada')));
    }
    assert.deepEqual((await acme.check(id('a'), id('a'))).path, [id('a')]);
    assert.equal((await acme.check(id('b'), id('b'))).member, false);
    assert.deepEqual((await acme.check(id('b'), id('b'), { nested })).path, [id('a'), id('b')]);
  });

  inConnection('of inactive users do not count unless asked for', async (acme) => {
    const id = await tree(acme, ['ada', 'bob'], { inner: ['ada', 'bob'], outer: ['inner'] });
    for (const change of [
      operation(resourceTypes.user, 'REPLACE', 'active', false),
      operation(resourceTypes.user, 'REMOVE', 'active'),
    ]) {
      await acme.patchUser(id('ada'), [change]);
      for (const group of ['inner', 'outer']) {
        const check = await acme.check(id('ada'), id(group), { nested });
        assert.deepEqual([check.member, check.active, check.path], [false, false, []]);
        assert.equal((await acme.check(id('ada'), id(group), { nested, includeInactive })).member, true);
        assert.ok(!(await acme.listMembers(id(group), { nested })).ids.includes(id('ada')));
        const { entries } = await acme.listMembers(id(group), { nested, includeInactive });
        assert.equal(entries.find((entry) => entry.id === id('ada'))?.active, false);
        assert.equal(entries.find((entry) => entry.id === id('bob'))?.active, true);
      }
      const none = await acme.listUserGroups(id('ada'), { nested });
      assert.deepEqual([none.active, none.ids], [false, []]);
      assert.equal((await acme.listUserGroups(id('ada'), { nested, includeInactive })).ids.length, 2);
    }
    await acme.patchUser(id('ada'), [operation(resourceTypes.user, 'REPLACE', 'active', true)]);
    assert.equal((await acme.check(id('ada'), id('outer'), { nested })).member, true);
  });

  inConnection('of unknown ids are none', async (acme) => {
    const id = await tree(acme, ['ada'], { staff: ['ada'] });
    for (const unknown of [...oddIds, newUuid()]) {
      const check = await acme.check(unknown, id('staff'), { nested, includeInactive });
      assert.deepEqual([check.member, check.active, check.path], [false, false, []]);
      assert.equal((await acme.check(id('ada'), unknown, { nested, includeInactive })).member, false);
      const about = unknown.slice(0, 64);
      await refused(acme.listUserGroups(unknown), ErrorReason.RESOURCE_NOT_FOUND, {
        resource_type: 'User',
        id: about,
      });
      await refused(acme.listMembers(unknown), ErrorReason.RESOURCE_NOT_FOUND, {
        resource_type: 'Group',
        id: about,
      });
    }
    // A user is no group.
    assert.equal((await acme.check(id('ada'), id('ada'), { nested })).member, false);
    await refused(acme.listMembers(id('ada')), ErrorReason.RESOURCE_NOT_FOUND, {
      resource_type: 'Group',
      id: id('ada'),
    });
  });

  inConnection('are checked many at once as one by one', async (acme) => {
    const id = await tree(acme, ['ada', 'bob', 'cy', 'gone'], {
      a: ['ada', 'cy', 'gone'],
      b: ['a', 'bob'],
      c: ['b', 'ada'],
    });
    await acme.changeMembers(id('a'), [members.add(id('c'))]);
    await acme.patchUser(id('cy'), [operation(resourceTypes.user, 'REPLACE', 'active', false)]);
    await acme.deleteUser(id('gone'));
    const asked = ['ada', 'cy', 'gone', 'a', 'c'].map(id).concat(newUuid(), 'nobody');
    const pairs = asked.flatMap((user) =>
      [id('a'), id('c'), 'nothing'].map((group) => [user, group] as const),
    );
    pairs.push(...pairs.slice(0, 2));
    for (const scope of [{}, { nested }, { includeInactive }, { nested, includeInactive }]) {
      const { asOf, checks } = await acme.checkMany(pairs, scope);
      assert.equal(asOf, await acme.position());
      const single = await Promise.all(pairs.map(([user, group]) => acme.check(user, group, scope)));
      const expected = single.map(({ member, active, path }, index) => {
        const [userId, groupId] = pairs[index] ?? [];
        return { userId, groupId, member, active, path };
      });
      assert.deepEqual(checks, expected);
    }
    const { checks } = await acme.checkMany([[id('ada'), id('b')]], { nested });
    assert.deepEqual(checks, [
      { userId: id('ada'), groupId: id('b'), member: true, active: true, path: [id('a'), id('b')] },
    ]);
    const field = { field: 'pairs' };
    await refused(acme.checkMany([]), ErrorReason.REQUEST_INVALID, field);
    const one = [id('ada'), id('b')] as const;
    await refused(acme.checkMany(Array(1_001).fill(one)), ErrorReason.REQUEST_INVALID, field);
  });

  inConnection('end with a group in the middle', async (acme) => {
    const id = await tree(acme, ['ada'], { inner: ['ada'], middle: ['inner'], outer: ['middle'] });
    await acme.deleteGroup(id('middle'));
    const gone = [ErrorReason.RESOURCE_NOT_FOUND, { resource_type: 'Group', id: id('middle') }] as const;
    await refused(acme.getGroup(id('middle')), ...gone);
    await refused(acme.listMembers(id('middle')), ...gone);
    assert.deepEqual((await acme.listUserGroups(id('ada'), { nested })).ids, [id('inner')]);
    assert.deepEqual((await acme.listMembers(id('outer'), { nested })).ids, []);
    assert.equal((await acme.check(id('ada'), id('outer'), { nested })).member, false);
    await holdingsAsLogged(acme);
  });
});

suite('a large group', () => {
  inConnection('comes in chunks and pages of at most 1,000', async (acme) => {
    const names = Array.from({ length: 2_100 }, (_, index) => `user ${index}`);
    const ids = await acme.createUsers(names);
    const group = await acme.groupOf('Crowd', ids);
    const sorted = [...ids].sort();

    const whole = await acme.getGroup(group);
    assert.deepEqual(whole.members.map(({ value }) => value).sort(), sorted);
    assert.deepEqual(whole.chunks, [1_000, 1_000, 100]);
    const listed = await acme.listGroups();
    assert.deepEqual(listed.groups[0]?.memberIds.sort(), sorted);
    for (const scope of [{}, { nested }]) {
      const streamed = await acme.listMembers(group, scope);
      assert.deepEqual(streamed.ids, sorted);
      assert.deepEqual(streamed.chunks, [1_000, 1_000, 100]);
      assert.equal(streamed.nextPageToken, '');
    }
    const walked: string[] = [];
    let pageToken = '';
    do {
      const page = await acme.listMembers(group, { pageSize: 700, pageToken });
      assert.ok(page.ids.length <= 700);
      walked.push(...page.ids);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    assert.deepEqual(walked, sorted);
    for (const pageSize of [-1, 1_001])
      await refused(acme.listMembers(group, { pageSize }), ErrorReason.REQUEST_INVALID, {
        field: 'page_size',
      });

    const above = await acme.groupOf('Above', [await acme.groupOf('Around', [group])]);
    const pairs = sorted.slice(0, 1_000).map((user) => [user, above] as const);
    const before = commands;
    const { checks, chunks } = await acme.checkMany(pairs, { nested });
    assert.ok(commands - before <= 20, `${commands - before} commands`);
    assert.deepEqual(
      checks.map(({ userId }) => userId),
      sorted.slice(0, 1_000),
    );
    assert.ok(checks.every(({ member, path }) => member && path.length === 3 && path[0] === group));
    assert.deepEqual(chunks, Array(10).fill(100));

    // Pages hold as many as asked for even where most members are left out.
    for (const id of sorted.slice(100, 400))
      await acme.patchUser(id, [operation(resourceTypes.user, 'REPLACE', 'active', false)], {
        mask: { withoutGroups: true },
      });
    const active = await acme.listMembers(group, { pageSize: 150 });
    assert.deepEqual(active.ids, [...sorted.slice(0, 100), ...sorted.slice(400, 450)]);

    await disappears(acme, group, sorted);
  });
});

/** Deletes a large group, whose edges are removed later, and checks that no read shows it from the answer on. */
async function disappears(acme: ConnectionDriver, group: string, ids: readonly string[]) {
  const outer = await acme.groupOf('Outer', [group]);
  // The last ones: their memberships stand the longest.
  const [other = '', someone = ''] = ids.slice(-2);
  await acme.deleteGroup(group);
  // Its id is refused as long as its memberships stand; whenever it is not, they are gone.
  const reborn = acme.createGroup('Reborn', [other], { id: group }).then(
    ({ members: found }) =>
      assert.deepEqual(
        found.map(({ value }) => value),
        [other],
      ),
    (error) => assert.equal(error.reason, ErrorReason.UNIQUENESS),
  );
  const answers = await Promise.all([
    acme.getUser(someone),
    acme.listUserGroups(someone, { nested }),
    acme.check(someone, group),
    acme.check(someone, outer, { nested }),
    acme.listUsers({ filter: `groups eq "${group}"` }),
    acme.listGroups({ filter: `members eq "${someone}"` }),
    acme.listMembers(outer, { nested }),
    reborn,
  ]);
  const [user, groups, direct, through, listed, teams, below] = answers;
  assert.deepEqual(user.user.groups, []);
  assert.deepEqual(groups.ids, []);
  assert.equal(direct.member || through.member, false);
  assert.ok(!listed.ids.includes(someone));
  assert.deepEqual([teams.ids, below.ids], [[], []]);

  // While it is being cleaned up, and after: its name is free, and its members go their ways.
  const again = await acme.groupOf('Crowd', [someone]);
  assert.deepEqual(
    (await acme.getUser(someone)).user.groups.map(({ value }) => value),
    [again],
  );
  await acme.deleteUser(someone);
  assert.deepEqual((await acme.getGroup(again)).members, []);
  await holdingsAsLogged(acme);
}
