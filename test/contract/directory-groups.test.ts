import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { v7 as newUuid } from 'uuid';
import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { CreateGroupRequest } from '#proto/rollcall/directory/v1/group_service.ts';
import type { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import type { JsonValue } from '#scim/json.ts';
import { maxResourceBytes } from '../../services/directory/resources.ts';
import {
  type ConnectionDriver,
  createDriver,
  idOf,
  members,
  oddIds,
  operation,
  refused,
  resourceTypes,
  testInConnection,
  type WholeGroup,
  writesNothing,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

const patch = (op: keyof typeof PatchOp, path: string, value?: JsonValue, index = 0) =>
  operation(resourceTypes.group, op, path, value, index);

const inConnection = testInConnection(() => directory.clients);

const memberIds = ({ members }: WholeGroup) => members.map(({ value }) => value ?? '').sort();

/** What the membership records after a position say, in order. */
async function membershipChanges(acme: ConnectionDriver, after: number) {
  const changes = await acme.listChanges(after);
  return changes.flatMap(({ what }) => (what?.$case === 'membership' ? [what.value] : []));
}

suite('creating a group', () => {
  inConnection('answers the group and its members, each once', async (acme) => {
    const [ada, bob] = await acme.createUsers(['ada', 'bob']);
    assert.ok(ada && bob);
    const inner = await acme.groupOf('Inner');
    const before = await acme.position();
    const created = await acme.createGroup({ displayName: 'Staff', externalId: 'G-1' }, [
      ada,
      inner,
      bob,
      ada,
    ]);
    assert.equal(created.changed, true);
    assert.equal(created.group.displayName, 'Staff');
    assert.equal(created.group.externalId, 'G-1');
    assert.equal(created.group.meta?.version, '1');
    assert.deepEqual(memberIds(created), [ada, bob, inner].sort());
    assert.deepEqual(
      created.members.map(({ value, type }) => [value, type]).sort(),
      [
        [ada, 'User'],
        [bob, 'User'],
        [inner, 'Group'],
      ].sort(),
    );
    const read = await acme.getGroup(idOf(created.group));
    assert.deepEqual(read.group, created.group);
    assert.deepEqual(memberIds(read), memberIds(created));

    const [resource, membership, ...others] = await acme.listChanges(before);
    assert.equal(others.length, 0);
    assert.ok(resource?.what?.$case === 'resource');
    assert.equal(resource.what.value.action, ResourceAction.CREATED);
    assert.equal(resource.what.value.active, undefined);
    assert.ok(membership?.what?.$case === 'membership');
    const { groupId, added, removed, version } = membership.what.value;
    assert.equal(groupId, created.group.id);
    assert.deepEqual([...added].sort(), [ada, bob, inner].sort());
    assert.deepEqual(removed, []);
    assert.equal(version, '1');
    assert.equal(created.position, membership.position);
  });

  inConnection('refuses a member that names nothing here, and a name that is taken', async (acme) => {
    const other = await createDriver(directory.clients);
    const { user: foreign } = await other.createUser('eve');
    await acme.createGroup('Staff');
    await writesNothing(acme, async () => {
      for (const member of [newUuid(), idOf(foreign), ...oddIds])
        await refused(acme.createGroup('New', [member]), ErrorReason.MEMBER_NOT_FOUND, {
          member: member.slice(0, 64),
        });
      await refused(acme.createGroup('sTAFF'), ErrorReason.UNIQUENESS, {
        resource_type: 'Group',
        attribute: 'displayName',
      });
      for (const group of [{}, { displayName: '' }, { displayName: ' ' }])
        await refused(acme.createGroup(group), ErrorReason.VALUE_INVALID, { attribute: 'displayName' });
      const empty = CreateGroupRequest.fromPartial({ connectionId: acme.connectionId });
      await refused(
        Array.fromAsync(directory.clients.groups.createGroup(empty)),
        ErrorReason.REQUEST_INVALID,
        { field: 'group' },
      );
    });
  });

  test('in a strict connection may share a name', async () => {
    const strict = await createDriver(directory.clients, { strict: true });
    await strict.createGroup('Staff');
    await strict.createGroup('Staff');
    assert.equal((await strict.listGroups({ filter: 'displayName eq "staff"' })).ids.length, 2);
  });

  inConnection('takes a reserved id, and may be a member of itself', async (acme) => {
    const id = newUuid();
    const created = await acme.createGroup('Ring', [], { id });
    assert.equal(created.group.id, id);
    const patched = await acme.patchGroup(id, [], [members.add(id)]);
    assert.deepEqual(memberIds(patched), [id]);
    await acme.deleteGroup(id);
    assert.equal((await acme.listGroups()).header.totalSize, 0);
  });
});

suite('limits', () => {
  inConnection('of member ids hold in every method', async (acme) => {
    const { user } = await acme.createUser('ada');
    const group = await acme.groupOf('Staff', [idOf(user)]);
    const many = Array.from({ length: 100_001 }, () => newUuid());
    const half = many.slice(0, 50_001);
    const limit = [ErrorReason.LIMIT_EXCEEDED, { limit: 'member changes', maximum: '100000' }] as const;
    await writesNothing(acme, async () => {
      await refused(acme.createGroup('Crowd', many), ...limit);
      await refused(acme.replaceGroup(group, { displayName: 'Staff' }, many), ...limit);
      await refused(acme.patchGroup(group, [], [members.add(...half), members.remove(...half)]), ...limit);
      await refused(acme.changeMembers(group, [members.replace(...many)]), ...limit);
    });
    // As many as are allowed: whoever is named twice or is no member costs nothing.
    const most = await acme.changeMembers(group, [members.remove(...many.slice(1))]);
    assert.equal(most.changed, false);
  });

  inConnection('of a resource hold for groups', async (acme) => {
    const displayName = 'x'.repeat(maxResourceBytes);
    await refused(acme.createGroup({ displayName }), ErrorReason.LIMIT_EXCEEDED, {
      limit: 'resource bytes',
      maximum: String(maxResourceBytes),
    });
  });

  inConnection('of a filter for members hold before any member is looked at', async (acme) => {
    const empty = await acme.groupOf('Empty');
    const value = { node: { $case: 'present' as const, value: { attribute: 'favouriteColour' } } };
    const change = { change: { $case: 'removeWhere' as const, value } };
    await refused(acme.changeMembers(empty, [change]), ErrorReason.FILTER_INVALID, {
      attribute: 'members.favouriteColour',
    });
  });

  inConnection('of operations count member changes too', async (acme) => {
    const group = await acme.groupOf('Staff');
    const changes = Array.from({ length: 1_000 }, () => members.remove());
    await refused(
      acme.patchGroup(group, [patch('REPLACE', 'displayName', 'x')], changes),
      ErrorReason.LIMIT_EXCEEDED,
      { limit: 'operations', maximum: '1000' },
    );
  });
});

suite('validate_only', () => {
  inConnection('answers what a write would, and writes nothing', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    const group = await acme.groupOf('Staff', [ada]);
    const before = await acme.getGroup(group);
    const validateOnly = true;
    await writesNothing(acme, async () => {
      const created = await acme.createGroup('New', [ada], { validateOnly });
      assert.deepEqual(created.members, []);
      await refused(acme.getGroup(idOf(created.group)), ErrorReason.RESOURCE_NOT_FOUND, {
        resource_type: 'Group',
        id: idOf(created.group),
      });
      const replaced = await acme.replaceGroup(group, { displayName: 'Crew' }, [bob], { validateOnly });
      assert.equal(replaced.group.displayName, 'Crew');
      const rename = [patch('REPLACE', 'displayName', 'Crew')];
      const patched = await acme.patchGroup(group, rename, [members.add(bob)], { validateOnly });
      assert.equal(patched.group.meta?.version, '2');
      assert.equal((await acme.changeMembers(group, [members.add(bob)], { validateOnly })).changed, true);
      await acme.deleteGroup(group, { validateOnly });
      await refused(
        acme.patchGroup(group, [], [members.add(newUuid())], { validateOnly, expectedVersion: '7' }),
        ErrorReason.VERSION_MISMATCH,
        { version: '1' },
      );
      const { group: header, members: list } = await acme.getGroup(group);
      assert.deepEqual({ header, list }, { header: before.group, list: before.members });
    });
  });
});

suite('replacing a group', () => {
  inConnection('makes the list the only members; without one they stay', async (acme) => {
    const [ada = '', bob = '', cat = ''] = await acme.createUsers(['ada', 'bob', 'cat']);
    const group = await acme.groupOf('Staff', [ada, bob]);
    const before = await acme.position();

    const renamed = await acme.replaceGroup(group, { displayName: 'Crew' }, undefined);
    assert.deepEqual(memberIds(renamed), [ada, bob].sort());
    const replaced = await acme.replaceGroup(group, { displayName: 'Crew' }, [bob, cat]);
    assert.deepEqual(memberIds(replaced), [bob, cat].sort());
    assert.equal(replaced.group.meta?.version, '3');
    const again = await acme.replaceGroup(group, { displayName: 'Crew' }, [cat, bob, cat]);
    assert.equal(again.changed, false);
    assert.equal(again.group.meta?.version, '3');
    const emptied = await acme.replaceGroup(group, { displayName: 'Crew' }, []);
    assert.deepEqual(memberIds(emptied), []);

    assert.deepEqual(
      (await membershipChanges(acme, before)).map(({ added, removed, version }) => ({
        added,
        removed: [...removed].sort(),
        version,
      })),
      [
        { added: [cat], removed: [ada], version: '3' },
        { added: [], removed: [bob, cat].sort(), version: '4' },
      ],
    );
  });

  inConnection('is refused whole for one unknown member', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    const group = await acme.groupOf('Staff', [ada]);
    const unknown = newUuid();
    await writesNothing(acme, () =>
      refused(
        acme.replaceGroup(group, { displayName: 'Crew' }, [bob, unknown]),
        ErrorReason.MEMBER_NOT_FOUND,
        {
          member: unknown,
        },
      ),
    );
    assert.deepEqual(memberIds(await acme.getGroup(group)), [ada]);
  });
});

suite('patching a group', () => {
  inConnection('applies attributes and member changes in order, as one version', async (acme) => {
    const [ada = '', bob = '', cat = ''] = await acme.createUsers(['ada', 'bob', 'cat']);
    const inner = await acme.groupOf('Inner');
    const group = await acme.groupOf('Staff', [ada]);
    const before = await acme.position();
    const patched = await acme.patchGroup(
      group,
      [patch('REPLACE', 'displayName', 'Crew')],
      [
        members.add(bob, inner),
        members.remove(ada),
        members.add(cat),
        members.removeWhere('type eq "Group"'),
      ],
    );
    assert.deepEqual(memberIds(patched), [bob, cat].sort());
    assert.equal(patched.group.displayName, 'Crew');
    assert.equal(patched.group.meta?.version, '2');
    const [change, ...others] = await membershipChanges(acme, before);
    assert.equal(others.length, 0);
    assert.deepEqual([...(change?.added ?? [])].sort(), [bob, cat].sort());
    assert.deepEqual(change?.removed, [ada]);
    assert.deepEqual((await acme.getUser(ada)).user.groups, []);
  });

  inConnection('writes nothing when all is as asked for', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    const group = await acme.groupOf('Staff', [ada]);
    await writesNothing(acme, async () => {
      for (const changes of [
        [members.add(ada)],
        [members.remove(bob, newUuid(), 'no id at all')],
        [members.add(bob), members.remove(bob)],
        [members.remove(ada), members.add(ada)],
        [members.replace(ada)],
        [members.replace(), members.add(ada)],
        [members.removeWhere('type eq "Group"')],
        [],
      ]) {
        const answer = await acme.patchGroup(group, [patch('REPLACE', 'displayName', 'Staff')], changes);
        assert.equal(answer.changed, false);
        assert.equal(answer.group.meta?.version, '1');
        assert.deepEqual(memberIds(answer), [ada]);
      }
    });
  });

  inConnection('names the operation whose member is unknown', async (acme) => {
    const { user } = await acme.createUser('ada');
    const group = await acme.groupOf('Staff');
    const other = await createDriver(directory.clients);
    const { user: foreign } = await other.createUser('eve');
    await writesNothing(acme, async () => {
      for (const member of [newUuid(), idOf(foreign), ...oddIds]) {
        const changes = [
          { ...members.add(idOf(user)), index: 1 },
          { ...members.add(member), index: 4 },
        ];
        await refused(acme.patchGroup(group, [], changes), ErrorReason.MEMBER_NOT_FOUND, {
          member: member.slice(0, 64),
          operation: '4',
        });
      }
    });
    // What a later change takes back need not exist.
    const unknown = newUuid();
    const answer = await acme.patchGroup(group, [], [members.add(unknown), members.remove(unknown)]);
    assert.equal(answer.changed, false);
  });

  inConnection('refuses a selection of members that is not possible', async (acme) => {
    const { user } = await acme.createUser('ada');
    const group = await acme.groupOf('Staff', [idOf(user)]);
    const selection = members.removeWhere('value eq "x"');
    assert.ok(selection.change?.$case === 'removeWhere');
    assert.ok(
      selection.change.value?.node?.$case === 'comparison' && selection.change.value.node.value?.path,
    );
    selection.change.value.node.value.path.attribute = 'shoeSize';
    await refused(acme.patchGroup(group, [], [selection]), ErrorReason.FILTER_INVALID, {
      attribute: 'members.shoeSize',
    });
  });

  inConnection('of thousands of members is one version in records of at most 1,000', async (acme) => {
    const ids = await acme.createUsers(Array.from({ length: 2_300 }, (_, index) => `user ${index}`));
    const group = await acme.groupOf('Crowd', ids.slice(0, 100));
    const before = await acme.position();
    const answer = await acme.changeMembers(group, [members.replace(...ids.slice(50))]);
    assert.equal(answer.version, '2');
    const changes = await membershipChanges(acme, before);
    assert.deepEqual(
      changes.map(({ added, removed }) => added.length + removed.length),
      [1_000, 1_000, 250],
    );
    assert.ok(changes.every(({ version }) => version === '2'));
    assert.deepEqual(changes.flatMap(({ added }) => added).sort(), ids.slice(100).sort());
    assert.deepEqual(changes.flatMap(({ removed }) => removed).sort(), ids.slice(0, 50).sort());
    assert.equal(answer.position, before + 3);
    const read = await acme.getGroup(group);
    assert.deepEqual(memberIds(read), ids.slice(50).sort());
    assert.ok(read.chunks.every((size) => size <= 1_000));
  });
});

suite('reading groups', () => {
  inConnection('leaves the members out when masked', async (acme) => {
    const { user } = await acme.createUser('ada');
    const group = await acme.groupOf('Staff', [idOf(user)]);
    const mask = { withoutMembers: true };
    assert.deepEqual((await acme.getGroup(group, { mask })).chunks, []);
    assert.deepEqual((await acme.patchGroup(group, [], [], { mask })).chunks, []);
    assert.deepEqual((await acme.replaceGroup(group, { displayName: 'x' }, undefined, { mask })).chunks, []);
    assert.deepEqual((await acme.listGroups({ mask })).groups[0]?.memberIds, []);
    assert.deepEqual((await acme.listGroups()).groups[0]?.memberIds, [idOf(user)]);
  });
});

suite('expected_version and ids of another form', () => {
  inConnection('are checked in every method', async (acme) => {
    const group = await acme.groupOf('Staff');
    await acme.patchGroup(group, [patch('REPLACE', 'displayName', 'Crew')], [], { expectedVersion: '1' });
    await writesNothing(acme, async () => {
      const expectedVersion = '1';
      const mismatch = [ErrorReason.VERSION_MISMATCH, { version: '2' }] as const;
      await refused(acme.replaceGroup(group, { displayName: 'x' }, [], { expectedVersion }), ...mismatch);
      await refused(acme.patchGroup(group, [], [], { expectedVersion }), ...mismatch);
      await refused(acme.changeMembers(group, [], { expectedVersion }), ...mismatch);
      await refused(acme.deleteGroup(group, { expectedVersion }), ...mismatch);
      const { user } = await acme.createUser('ada', { validateOnly: true });
      for (const id of [...oddIds, newUuid(), idOf(user)]) {
        const none = [
          ErrorReason.RESOURCE_NOT_FOUND,
          { resource_type: 'Group', id: id.slice(0, 64) },
        ] as const;
        await refused(acme.getGroup(id), ...none);
        await refused(acme.replaceGroup(id, { displayName: 'x' }, []), ...none);
        await refused(
          acme.patchGroup(id, [], [members.add(group), members.removeWhere('value pr')]),
          ...none,
        );
        await refused(acme.changeMembers(id, [members.replace(group)]), ...none);
        await refused(acme.deleteGroup(id), ...none);
      }
    });
    await acme.deleteGroup(group, { expectedVersion: '2' });
  });
});
