import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { UpdateConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import {
  BatchListUserRolesRequest,
  ListRoleHoldersRequest,
  PreviewRoleMappingsRequest,
  type RoleMapping,
  RoleMappings,
  type RoleReason,
  SetRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { JsonObject } from '#scim/json.ts';
import {
  type ConnectionDriver,
  createDriver,
  idOf,
  members,
  operation,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';
import {
  type NaiveDirectory,
  type NaiveMapping,
  type NaiveRoles,
  type NaiveSubject,
  naiveDistance,
  naiveRoles,
} from '../support/naive-roles.ts';

const start = Date.UTC(2030, 0, 1);
const day = 24 * 60 * 60_000;
let now = start;
let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory(undefined, undefined, undefined, () => now);
});
after(() => directory[Symbol.asyncDispose]());

const userCount = 8;
const groupCount = 6;
const departments = ['Research', 'Sales', ''];
const filters = [
  'title eq "captain"',
  'title ne "captain"',
  'not (title pr)',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "RESEARCH"',
  'emails[type eq "work"] or title sw "Maj"',
  'emails.type eq "home" and active eq true',
  'userName sw "user-1" or userName eq "user-3"',
  'groups pr',
  'not (groups pr) and userName co "user"',
];
const someGroup = fc.nat(groupCount - 1);
const subject: fc.Arbitrary<{ kind: NaiveSubject['kind']; index: number }> = fc.oneof(
  {
    arbitrary: fc.record({ kind: fc.constantFrom('id', 'externalId', 'name'), index: someGroup }),
    weight: 5,
  },
  { arbitrary: fc.record({ kind: fc.constant('filter'), index: fc.nat(filters.length) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('everyone'), index: fc.constant(0) }), weight: 1 },
);
const date = fc.option(fc.integer({ min: -2, max: 4 }), { nil: undefined, freq: 4 });
const mapping = fc.record({
  subject,
  roles: fc.uniqueArray(fc.constantFrom('admin', 'editor', 'viewer'), { minLength: 1, maxLength: 2 }),
  precedence: fc.option(fc.nat(2), { nil: undefined }),
  from: date,
  length: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 3 }),
});
const someMappings = fc.array(mapping, { minLength: 1, maxLength: 5 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('active'), user: fc.nat(userCount - 1), on: fc.boolean() }),
  fc.record({ kind: fc.constant('title'), user: fc.nat(userCount - 1), on: fc.boolean() }),
  fc.record({ kind: fc.constant('member'), group: someGroup, user: fc.nat(userCount - 1), on: fc.boolean() }),
  fc.record({ kind: fc.constant('nest'), group: someGroup, inner: someGroup, on: fc.boolean() }),
  fc.record({ kind: fc.constant('rename'), group: someGroup, to: someGroup }),
  fc.record({ kind: fc.constant('delete'), user: fc.nat(userCount - 1) }),
  fc.record({ kind: fc.constant('drop'), group: someGroup }),
  fc.record({ kind: fc.constant('map'), mappings: someMappings }),
  fc.record({ kind: fc.constant('wait'), days: fc.integer({ min: 1, max: 2 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
type Drawn = typeof mapping extends fc.Arbitrary<infer One> ? One : never;

/** A connection and the model that goes with it. */
interface World {
  readonly acme: ConnectionDriver;
  readonly users: string[];
  readonly groups: string[];
  readonly model: {
    readonly users: Map<string, JsonObject>;
    readonly groups: Map<string, { name: string; externalId: string; members: Set<string> }>;
  };
  mappings: readonly NaiveMapping[];
}

async function createWorld(): Promise<World> {
  const { connections } = directory.clients;
  const acme = await createDriver(directory.clients);
  await connections.updateConnection(
    UpdateConnectionRequest.fromPartial({ connectionId: acme.connectionId, uniqueGroupNames: false }),
  );
  const world: World = {
    acme,
    users: [],
    groups: [],
    model: { users: new Map(), groups: new Map() },
    mappings: [],
  };
  for (let index = 0; index < userCount; index++) {
    const department = departments[index % departments.length] ?? '';
    const type = index % 2 ? 'work' : 'home';
    const { user } = await acme.createUser({
      userName: `user-${index}`,
      ...(index % 3 !== 0 && { emails: [{ value: `mail-${index}@example.com`, type }] }),
      ...(department !== '' && { enterprise: { department } }),
    });
    world.users.push(idOf(user));
    world.model.users.set(idOf(user), {
      id: idOf(user),
      userName: `user-${index}`,
      active: true,
      ...(index % 3 !== 0 && { emails: [{ value: `mail-${index}@example.com`, type }] }),
      ...(department !== '' && { enterprise: { department } }),
    });
  }
  for (let index = 0; index < groupCount; index++) {
    // Two names are shared from the beginning.
    const name = `group ${index % 4}`;
    const { group } = await acme.createGroup({ displayName: name, externalId: `E${index}` });
    world.groups.push(idOf(group));
    world.model.groups.set(idOf(group), { name, externalId: `E${index}`, members: new Set() });
  }
  return world;
}

function naive(
  world: World,
  { subject: { kind, index }, roles, ...rest }: Drawn,
  number: number,
): NaiveMapping {
  const from = rest.from === undefined ? undefined : start + rest.from * day;
  const until = rest.length === undefined ? undefined : (from ?? now) + rest.length * day;
  const text = filters[index] ?? `groups.value eq "${world.groups[0]}"`;
  const subjects: Record<NaiveSubject['kind'], () => NaiveSubject> = {
    id: () => ({ kind: 'id', group: world.groups[index] ?? '' }),
    externalId: () => ({ kind: 'externalId', group: `E${index}` }),
    name: () => ({ kind: 'name', group: `GROUP ${index % 4}` }),
    filter: () => ({ kind: 'filter', filter: parseFilter(resourceTypes.user, text) }),
    everyone: () => ({ kind: 'everyone' }),
  };
  return { id: `m${number}`, subject: subjects[kind](), roles, precedence: rest.precedence, from, until };
}

function message({ id, subject: about, roles, precedence, from, until }: NaiveMapping): RoleMapping {
  const subjectOf = (): RoleMapping['subject'] => {
    switch (about.kind) {
      case 'id':
        return { $case: 'groupId', value: about.group };
      case 'externalId':
        return { $case: 'groupExternalId', value: about.group };
      case 'name':
        return { $case: 'groupDisplayName', value: about.group };
      case 'filter':
        return { $case: 'userFilter', value: about.filter };
      case 'everyone':
        return { $case: 'everyone', value: {} };
    }
  };
  return {
    id,
    subject: subjectOf(),
    roles: [...roles],
    precedence,
    notBefore: from === undefined ? undefined : new Date(from),
    notAfter: until === undefined ? undefined : new Date(until),
  };
}

const proposalOf = (mappings: readonly NaiveMapping[]) =>
  RoleMappings.fromPartial({ mappings: mappings.map(message) });

async function perform(world: World, asked: Step): Promise<void> {
  const { acme, model } = world;
  const user = 'user' in asked ? (world.users[asked.user] ?? '') : '';
  const group = 'group' in asked ? (world.groups[asked.group] ?? '') : '';
  const held = model.users.get(user);
  const list = model.groups.get(group)?.members;
  const member = 'inner' in asked ? (world.groups[asked.inner] ?? '') : user;
  switch (asked.kind) {
    case 'active':
    case 'title': {
      if (!held) return;
      const value = asked.kind === 'active' ? asked.on : asked.on ? 'Captain' : 'Major';
      await acme.patchUser(user, [operation(resourceTypes.user, 'REPLACE', asked.kind, value)]);
      model.users.set(user, { ...held, [asked.kind]: value });
      return;
    }
    case 'member':
    case 'nest': {
      const exists = asked.kind === 'member' ? held : model.groups.has(member);
      if (!list || !exists) return;
      await acme.changeMembers(group, [asked.on ? members.add(member) : members.remove(member)]);
      if (asked.on) list.add(member);
      else list.delete(member);
      return;
    }
    case 'rename': {
      const known = model.groups.get(group);
      if (!known) return;
      known.name = `group ${asked.to}`;
      await acme.patchGroup(group, [operation(resourceTypes.group, 'REPLACE', 'displayName', known.name)]);
      return;
    }
    case 'delete':
      if (!held) return;
      await acme.deleteUser(user);
      model.users.delete(user);
      for (const each of model.groups.values()) each.members.delete(user);
      return;
    case 'drop':
      if (!list) return;
      await acme.deleteGroup(group);
      model.groups.delete(group);
      for (const each of model.groups.values()) each.members.delete(group);
      return;
    case 'map': {
      const next = asked.mappings.map((drawn, number) => naive(world, drawn, number));
      await previewAgrees(world, next);
      await directory.clients.roles.setRoleMappings(
        SetRoleMappingsRequest.fromPartial({
          connectionId: acme.connectionId,
          mappings: proposalOf(next),
        }),
      );
      world.mappings = next;
      return;
    }
    case 'wait':
      now += asked.days * day;
  }
}

const rolesIn = (world: World, mappings: readonly NaiveMapping[], id: string): NaiveRoles =>
  naiveRoles(world.model, mappings, id, now);

/** What a preview says is the difference between what was and what then is. */
async function previewAgrees(world: World, next: readonly NaiveMapping[]): Promise<void> {
  const expected = world.users.flatMap((id) => {
    const before = Object.keys(rolesIn(world, world.mappings, id).roles);
    const after = Object.keys(rolesIn(world, next, id).roles);
    const gained = after.filter((role) => !before.includes(role)).sort();
    const lost = before.filter((role) => !after.includes(role)).sort();
    return gained.length + lost.length > 0 ? [{ id, gained, lost }] : [];
  });
  const request = PreviewRoleMappingsRequest.fromPartial({
    connectionId: world.acme.connectionId,
    proposal: { $case: 'mappings', value: proposalOf(next) },
    maxUsers: 100,
  });
  const parts = await Array.fromAsync(directory.clients.roles.previewRoleMappings(request));
  const found = parts
    .flatMap(({ users }) => users)
    .map(({ userId: id, gained, lost }) => ({ id, gained, lost }));
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  assert.deepEqual(found.sort(byId), expected.sort(byId));
  const summary = parts.at(-1)?.summary;
  assert.equal(summary?.users, expected.length);
  assert.equal(summary?.complete, true);
  for (const { role, gained, lost } of summary?.roles ?? []) {
    assert.equal(gained, expected.filter((user) => user.gained.includes(role)).length);
    assert.equal(lost, expected.filter((user) => user.lost.includes(role)).length);
  }
}

/** Checks that the reasons are the model's, and that each chain is one: from the user's own group up to the mapping's. */
function reasonsAgree(
  { model, mappings }: { readonly model: NaiveDirectory; readonly mappings: readonly NaiveMapping[] },
  user: string,
  because: readonly RoleReason[],
  expected: NaiveRoles['roles'][string] = [],
): void {
  assert.deepEqual(
    because.map(({ mappingId, cause }) => ({
      mapping: mappingId,
      chain: cause?.$case === 'membership' ? cause.value.path.length : 0,
    })),
    expected,
  );
  for (const { mappingId, cause } of because) {
    const about = mappings.find(({ id }) => id === mappingId)?.subject;
    if (cause?.$case !== 'membership') {
      assert.equal(cause?.$case, about?.kind === 'filter' ? 'userFilter' : 'everyone');
      continue;
    }
    const { path } = cause.value;
    for (const [index, group] of path.entries())
      assert.ok(model.groups.get(group)?.members.has(index === 0 ? user : (path[index - 1] ?? '')));
    const last = path.at(-1) ?? '';
    const { name = '', externalId = '' } = model.groups.get(last) ?? {};
    assert.ok(about && 'group' in about);
    const wanted = { id: last, externalId, name: name.toUpperCase() }[about.kind];
    assert.equal(wanted, about.group);
  }
}

/** Everything that can be asked about roles says what the model does. */
async function rolesAgree(world: World): Promise<void> {
  const { acme, users, mappings } = world;
  const { connectionId } = acme;
  const roleNames = ['admin', 'editor', 'viewer'];
  const batch = directory.clients.roles.batchListUserRoles(
    BatchListUserRolesRequest.fromPartial({ connectionId, userIds: users }),
  );
  const found = (await Array.fromAsync(batch)).flatMap((part) => part.users);
  assert.deepEqual(
    found.map(({ userId }) => userId),
    users,
  );
  for (const { userId, active, known, roles, primaryRole, validUntil } of found) {
    const expected = rolesIn(world, mappings, userId);
    assert.equal(known, world.model.users.has(userId));
    assert.equal(active, world.model.users.get(userId)?.active === true);
    assert.deepEqual(
      roles.map(({ role }) => role),
      Object.keys(expected.roles).sort(),
    );
    for (const { role, because } of roles) reasonsAgree(world, userId, because, expected.roles[role]);
    assert.equal(primaryRole, expected.primary ?? '');
    assert.equal(validUntil?.getTime(), expected.validUntil);
  }
  for (const role of roleNames) {
    const expected = users.filter((id) => role in rolesIn(world, mappings, id).roles);
    const holders: { userId: string; because: RoleReason[] }[] = [];
    let pageToken = '';
    do {
      const request = ListRoleHoldersRequest.fromPartial({ connectionId, role, pageSize: 2, pageToken });
      const parts = await Array.fromAsync(directory.clients.roles.listRoleHolders(request));
      holders.push(...parts.flatMap((part) => part.holders));
      pageToken = parts.at(-1)?.nextPageToken ?? '';
    } while (pageToken !== '');
    assert.deepEqual(holders.map(({ userId }) => userId).sort(), expected.toSorted());
    for (const { userId, because } of holders)
      reasonsAgree(world, userId, because, rolesIn(world, mappings, userId).roles[role]);
  }
}

/** All members of groups at any depth, page by page, are those of the model, by shortest chains. */
async function membersAgree({ acme, model }: World): Promise<void> {
  for (const group of model.groups.keys()) {
    const expected = [...model.users.keys(), ...model.groups.keys()].sort().flatMap((id) => {
      const length = naiveDistance(model, id, group);
      return length === undefined ? [] : [[id, length]];
    });
    const found: unknown[] = [];
    let pageToken = '';
    do {
      const page = { nested: true, includeInactive: true, pageSize: 3, pageToken };
      const { entries, nextPageToken } = await acme.listMembers(group, page);
      found.push(...entries.map(({ id, path }) => [id, path.length]));
      pageToken = nextPageToken;
    } while (pageToken !== '');
    assert.deepEqual(found, expected);
  }
}

test('members, roles, why, who holds them and what a preview says are those of a naive model, whatever happened', async () => {
  await fc.assert(
    fc.asyncProperty(
      someMappings,
      fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }),
      async (first, steps) => {
        now = start;
        const world = await createWorld();
        // Some structure from the beginning: groups in a circle, and users in them.
        for (const [index, group] of [0, 1, 2, 3].entries()) {
          await perform(world, { kind: 'nest', group, inner: (index + 1) % 4, on: true });
          await perform(world, { kind: 'member', group, user: index, on: true });
        }
        // Of those that share a name one is above the other.
        for (const [group, inner] of [
          [4, 0],
          [5, 1],
        ] as const)
          await perform(world, { kind: 'nest', group, inner, on: true });
        await perform(world, { kind: 'map', mappings: first });
        await rolesAgree(world);
        for (const [index, asked] of steps.entries()) {
          await perform(world, asked);
          if (index % 4 === 3 || asked.kind === 'wait' || asked.kind === 'map') await rolesAgree(world);
        }
        await rolesAgree(world);
        await membersAgree(world);
      },
    ),
    { numRuns: 2, interruptAfterTimeLimit: 20_000 },
  );
});
