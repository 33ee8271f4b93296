import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import { pino } from 'pino';
import { v7 as newUuid } from 'uuid';
import { ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  DeclareExtensionRequest,
  DeleteConnectionRequest,
  GetConnectionRequest,
  OnDelete,
  RemoveExtensionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  CheckUserRoleRequest,
  GetRoleMappingsRequest,
  ListRoleHoldersRequest,
  ListRoleMappingsVersionsRequest,
  ListUserRolesRequest,
  PreviewRoleMappingsRequest,
  type RoleMapping,
  type RoleReason,
  RollBackRoleMappingsRequest,
  SetRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { readConfig } from '#runtime/config.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { type RollcallClient, rollcallError } from '../../services/access/client.ts';
import { directoryConfig } from '../../services/directory/config.ts';
import { startDirectory } from '../../services/directory/start-directory.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  members,
  oddIds,
  operation,
  refused,
  resourceTypes,
  writesNothing,
} from '../support/connection-driver.ts';
import { ownDatabase, startTestDirectory } from '../support/directory.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { runCommand } from '../support/run-command.ts';
import { scimOf } from '../support/scim-client.ts';
import { checkTenants, type SentCommand } from '../support/tenant-commands.ts';

const start = Date.UTC(2030, 0, 1);
const hour = 60 * 60_000;
let now = start;
const sent: SentCommand[] = [];
let rollcall: TestRollcall;
/** A second instance on the same database and clock. */
let second: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  const clock = () => now;
  rollcall = await startRollcall((event) => {
    // What the directory looks after by itself says so in a comment.
    if ('command' in event && event.command.comment === undefined) sent.push(event);
  }, clock);
  second = await startTestDirectory(rollcall.database.uri, undefined, undefined, clock);
});
after(async () => {
  await second[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});

type Subject = NonNullable<RoleMapping['subject']>;
type PartialMapping = Partial<RoleMapping> & Pick<RoleMapping, 'id' | 'roles'>;
const byId = (value: string): Subject => ({ $case: 'groupId', value });
const byExternalId = (value: string): Subject => ({ $case: 'groupExternalId', value });
const byName = (value: string): Subject => ({ $case: 'groupDisplayName', value });
const everyone: Subject = { $case: 'everyone', value: {} };
const byFilter = (text: string): Subject => ({
  $case: 'userFilter',
  value: parseFilter(resourceTypes.user, text),
});

/** A connection with what is asked of its roles. */
interface Roles extends ConnectionDriver {
  readonly connection_: TestConnection;
  set(
    mappings: readonly PartialMapping[],
    rest?: Omit<Parameters<typeof SetRoleMappingsRequest.fromPartial>[0], 'connectionId' | 'mappings'> & {
      protectedRoles?: string[];
    },
  ): Promise<{ version: number; changed: boolean; position: number }>;
  /** Names of the roles of a user. */
  rolesOf(user: string): Promise<string[]>;
  /** Why a user has a role, as text: the mapping, and the chain of groups or what else applied. */
  why(user: string, role: string): Promise<string[]>;
  holders(role: string, pageSize?: number): Promise<string[]>;
}

const reasonText = ({ mappingId, cause }: RoleReason) =>
  `${mappingId}: ${cause?.$case === 'membership' ? cause.value.path.join(' < ') : cause?.$case}`;

async function createRoles(name = 'test'): Promise<Roles> {
  const connection = await rollcall.connect({ name });
  const { id: connectionId } = connection;
  const { roles } = rollcall.directory;
  const listed = async (userId: string) =>
    (await roles.listUserRoles(ListUserRolesRequest.fromPartial({ connectionId, userId }))).user;
  return {
    ...driveConnection(rollcall.directory, connectionId),
    connection_: connection,
    async set(mappings, { protectedRoles = [], ...rest } = {}) {
      const request = { ...rest, connectionId, mappings: { mappings: [...mappings], protectedRoles } };
      const answer = await roles.setRoleMappings(SetRoleMappingsRequest.fromPartial(request));
      return { ...answer, version: answer.version?.version ?? -1 };
    },
    rolesOf: async (user) => (await listed(user))?.roles.map(({ role }) => role) ?? [],
    async why(user, role) {
      const found = (await listed(user))?.roles.find((each) => each.role === role);
      return found?.because.map(reasonText) ?? [];
    },
    async holders(role, pageSize = 0) {
      const found: string[] = [];
      let pageToken = '';
      do {
        const request = ListRoleHoldersRequest.fromPartial({ connectionId, role, pageSize, pageToken });
        const parts = await Array.fromAsync(roles.listRoleHolders(request));
        found.push(...parts.flatMap((part) => part.holders.map(({ userId }) => userId)));
        pageToken = parts.at(-1)?.nextPageToken ?? '';
      } while (pageToken !== '');
      assert.equal(new Set(found).size, found.length, 'each once');
      return found.sort();
    },
  };
}

const setActive = (acme: ConnectionDriver, user: string, active: boolean) =>
  acme.patchUser(user, [operation(resourceTypes.user, 'REPLACE', 'active', active)]);

/** The changes after a position, once there are so many. */
async function changesAfter(acme: ConnectionDriver, position: number, count: number) {
  for (;;) {
    const found = await acme.listChanges(position);
    if (found.length >= count) return found;
  }
}

suite('role mappings', () => {
  test('are set as versions, read, gone back to, and listed with who set them', async () => {
    const acme = await createRoles();
    const { connectionId } = acme;
    const { roles } = rollcall.directory;
    const read = async (version?: number) => {
      const answer = await roles.getRoleMappings(
        GetRoleMappingsRequest.fromPartial({ connectionId, version }),
      );
      return [answer.version?.version, answer.mappings?.mappings.map(({ id }) => id)];
    };
    assert.deepEqual(await read(), [0, []]);
    const one: PartialMapping = { id: 'one', subject: byName('Staff'), roles: ['staff'] };
    const two: PartialMapping = { id: 'two', subject: everyone, roles: ['member'], precedence: -3 };
    const first = await acme.set([two, one], { author: ' ada@example.com ' });
    assert.deepEqual([first.version, first.changed, first.position], [1, true, await acme.position()]);
    assert.deepEqual(await read(), [1, ['one', 'two']]);

    await writesNothing(acme, async () => {
      // The same in another order is the same.
      assert.deepEqual(await acme.set([one, two]), { version: 1, changed: false, position: first.position });
      assert.equal((await acme.set([one], { validateOnly: true })).changed, true);
      await refused(acme.set([one], { expectedVersion: 0 }), ErrorReason.VERSION_MISMATCH, { version: '1' });
    });
    now += hour;
    assert.equal(
      (await acme.set([{ ...one, roles: ['crew'] }], { expectedVersion: 1, author: 'bob' })).version,
      2,
    );
    const back = (version: number, expectedVersion?: number) =>
      roles.rollBackRoleMappings(
        RollBackRoleMappingsRequest.fromPartial({ connectionId, version, author: 'cy', expectedVersion }),
      );
    await refused(back(1, 1), ErrorReason.VERSION_MISMATCH, { version: '2' });
    await refused(back(7), ErrorReason.MAPPINGS_VERSION_NOT_FOUND, { version: '7' });
    await refused(read(3), ErrorReason.MAPPINGS_VERSION_NOT_FOUND, { version: '3' });
    assert.equal((await back(1)).version?.version, 3);
    assert.equal((await back(1)).changed, false);
    assert.deepEqual(await read(), [3, ['one', 'two']]);
    assert.deepEqual(await read(2), [2, ['one']]);
    assert.equal((await back(0)).version?.mappings, 0);

    const history = async (before = 0, pageSize = 0) => {
      const request = ListRoleMappingsVersionsRequest.fromPartial({ connectionId, before, pageSize });
      return (await roles.listRoleMappingsVersions(request)).versions;
    };
    assert.deepEqual(
      (await history()).map(({ version, author, mappings, rolledBackTo, time }) => [
        version,
        author,
        mappings,
        rolledBackTo,
        time?.getTime(),
      ]),
      [
        [4, 'cy', 0, 0, now],
        [3, 'cy', 2, 1, now],
        [2, 'bob', 1, 0, now],
        [1, 'ada@example.com', 2, 0, now - hour],
      ],
    );
    assert.deepEqual(
      (await history(4, 2)).map(({ version }) => version),
      [3, 2],
    );
    const changes = await acme.listChanges();
    assert.deepEqual(
      changes.map(({ type, affected, what }) => [
        type,
        affected?.everyone,
        what?.$case === 'mappings' && [what.value.version, what.value.author, what.value.mappingIds],
      ]),
      [
        [ChangeType.MAPPINGS_CHANGED, true, [1, 'ada@example.com', ['one', 'two']]],
        [ChangeType.MAPPINGS_CHANGED, true, [2, 'bob', ['one', 'two']]],
        [ChangeType.MAPPINGS_CHANGED, true, [3, 'cy', ['one', 'two']]],
        [ChangeType.MAPPINGS_CHANGED, true, [4, 'cy', ['one', 'two']]],
      ],
    );
  });

  test('that cannot be are refused with what to change, and change nothing', async () => {
    const acme = await createRoles();
    const good: PartialMapping = { id: 'a', subject: everyone, roles: ['r'] };
    const field = (mapping: Partial<PartialMapping>, name: string) =>
      refused(acme.set([good, { ...good, id: 'b', ...mapping }]), ErrorReason.REQUEST_INVALID, {
        field: `mappings[1].${name}`,
      });
    const unusable = (name: string): Subject => ({
      $case: 'userFilter',
      value: {
        node: {
          $case: 'present',
          value: { extension: '', attribute: name, subAttribute: '', valueFilter: undefined },
        },
      },
    });
    await writesNothing(acme, async () => {
      await field({ id: 'a' }, 'id');
      await field({ id: 'No' }, 'id');
      await field({ subject: undefined }, 'subject');
      await field({ subject: byName('') }, 'subject');
      for (const id of oddIds) await field({ subject: byId(id) }, 'group_id');
      await field({ roles: [] }, 'roles');
      await field({ roles: ['white space'] }, 'roles');
      await field({ notBefore: new Date(start), notAfter: new Date(start) }, 'not_after');
      await refused(acme.set([good], { protectedRoles: [''] }), ErrorReason.REQUEST_INVALID, {
        field: 'protected_roles',
      });
      for (const attribute of ['nothing', 'password'])
        await refused(acme.set([{ ...good, subject: unusable(attribute) }]), ErrorReason.FILTER_INVALID, {
          attribute,
        });
      const many = Array.from({ length: 501 }, (_, index) => ({ ...good, id: `m${index}` }));
      await refused(acme.set(many), ErrorReason.LIMIT_EXCEEDED, { limit: 'role mappings', maximum: '500' });
    });
    assert.deepEqual(await acme.rolesOf(await acme.createUsers(['ada']).then(([id = '']) => id)), []);
  });

  test('of a connection that is deleted go with it', async () => {
    const acme = await createRoles();
    await acme.set([{ id: 'a', subject: everyone, roles: ['r'] }]);
    const { connectionId } = acme;
    await rollcall.directory.connections.deleteConnection(
      DeleteConnectionRequest.fromPartial({ connectionId }),
    );
    await refused(acme.set([]), ErrorReason.CONNECTION_NOT_FOUND, { connection: connectionId });
    await using client = await new MongoClient(rollcall.database.uri).connect();
    const count = (collection: string) =>
      client.db().collection<Document>(collection).find({ connection: connectionId }).toArray();
    while ((await count('connections')).length > 0);
    assert.deepEqual(await count('role_mappings'), []);
  });
});

suite('the roles of a user', () => {
  test('come from groups by id, externalId and name at any depth, from conditions, and by default', async () => {
    const acme = await createRoles();
    const [ada = '', bob = ''] = await acme.createUsers(['ada@example.com', 'bob@example.com']);
    await acme.patchUser(ada, [operation(resourceTypes.user, 'ADD', 'title', 'Engineer')]);
    const inner = await acme.groupOf('Inner', [ada]);
    const { group: middleGroup } = await acme.createGroup({ displayName: 'Middle', externalId: 'M-1' }, [
      inner,
    ]);
    const middle = idOf(middleGroup);
    const outer = await acme.groupOf('Straße', [middle]);
    // A circle.
    await acme.changeMembers(inner, [members.add(outer)]);
    const { version } = await acme.set([
      { id: 'by-id', subject: byId(inner), roles: ['editor', 'viewer'], precedence: 1 },
      { id: 'by-external', subject: byExternalId('M-1'), roles: ['viewer'] },
      { id: 'by-name', subject: byName('STRASSE'), roles: ['nothing'] },
      { id: 'by-name-2', subject: byName('STRAßE'), roles: ['admin'], precedence: 2 },
      {
        id: 'filter',
        subject: byFilter(`title sw "Eng" and groups[value eq "${inner}"]`),
        roles: ['coder'],
      },
      { id: 'all', subject: everyone, roles: ['member'], precedence: 0 },
      { id: 'nobody', subject: byName('Typo'), roles: ['admin'] },
    ]);
    assert.deepEqual(await acme.rolesOf(ada), ['admin', 'coder', 'editor', 'member', 'viewer']);
    assert.deepEqual(await acme.why(ada, 'viewer'), [`by-external: ${inner} < ${middle}`, `by-id: ${inner}`]);
    assert.deepEqual(await acme.why(ada, 'admin'), [`by-name-2: ${inner} < ${middle} < ${outer}`]);
    assert.deepEqual(await acme.why(ada, 'coder'), ['filter: userFilter']);
    assert.deepEqual(await acme.rolesOf(bob), ['member']);
    assert.deepEqual(await acme.why(bob, 'member'), ['all: everyone']);

    const { connectionId } = acme;
    const request = ListUserRolesRequest.fromPartial({ connectionId, userId: ada });
    const { user, asOf } = await rollcall.directory.roles.listUserRoles(request);
    assert.deepEqual([user?.known, user?.active, user?.primaryRole], [true, true, 'admin']);
    assert.equal(asOf, await acme.position());
    assert.ok(
      user?.roles.every(({ because }) => because.every((reason) => reason.mappingsVersion === version)),
    );

    await acme.patchGroup(outer, [operation(resourceTypes.group, 'REPLACE', 'displayName', 'Other')]);
    assert.ok(!(await acme.rolesOf(ada)).includes('admin'));
    await acme.deleteGroup(inner);
    assert.deepEqual(await acme.rolesOf(ada), ['member']);
  });

  test('are none for who is inactive or deleted, and unknown users are said to be', async () => {
    const acme = await createRoles();
    const { connectionId } = acme;
    await rollcall.directory.connections.updateConnection(
      UpdateConnectionRequest.fromPartial({ connectionId, onDelete: OnDelete.DEACTIVATE }),
    );
    const [ada = '', bob = '', cy = ''] = await acme.createUsers(['ada', 'bob', 'cy']);
    const staff = await acme.groupOf('Staff', [ada, bob]);
    await acme.set([
      { id: 'staff', subject: byId(staff), roles: ['staff'], notAfter: new Date(start + 100 * hour) },
      { id: 'all', subject: everyone, roles: ['member'] },
    ]);
    await setActive(acme, ada, false);
    await acme.deleteUser(bob);
    const { roles } = rollcall.directory;
    for (const id of [ada, bob]) {
      const { user } = await roles.listUserRoles(
        ListUserRolesRequest.fromPartial({ connectionId, userId: id }),
      );
      assert.deepEqual(user, {
        userId: id,
        known: true,
        active: false,
        roles: [],
        primaryRole: '',
        validUntil: undefined,
      });
    }
    assert.deepEqual(await acme.holders('staff'), []);
    assert.deepEqual(await acme.holders('member'), [cy]);
    await setActive(acme, ada, true);
    assert.deepEqual(await acme.rolesOf(ada), ['member', 'staff']);
    for (const userId of [...oddIds, newUuid(), staff]) {
      const request = { connectionId, userId };
      await refused(
        roles.listUserRoles(ListUserRolesRequest.fromPartial(request)),
        ErrorReason.RESOURCE_NOT_FOUND,
        {
          resource_type: 'User',
          id: userId.slice(0, 64),
        },
      );
      const check = await roles.checkUserRole(
        CheckUserRoleRequest.fromPartial({ ...request, role: 'member' }),
      );
      assert.deepEqual([check.hasRole, check.active, check.because], [false, false, []]);
    }
  });

  test('begin and end on time, in answers at once and once in the log of whichever instance notices', async () => {
    const acme = await createRoles();
    const { connectionId } = acme;
    const [ada = ''] = await acme.createUsers(['ada']);
    const times = [1, 2, 3].map((hours) => new Date(now + hours * hour));
    const [begins, changes, ends] = times;
    await acme.set([
      { id: 'guest', subject: everyone, roles: ['guest'], notAfter: changes },
      { id: 'host', subject: everyone, roles: ['host'], notBefore: begins, notAfter: ends },
      { id: 'far', subject: byName('Nobody'), roles: ['host'], notBefore: new Date(now + 1000 * hour) },
    ]);
    const seen = async () => {
      const { user } = await rollcall.directory.roles.listUserRoles(
        ListUserRolesRequest.fromPartial({ connectionId, userId: ada }),
      );
      return [user?.roles.map(({ role }) => role), user?.validUntil];
    };
    let { position } = await acme.connection();
    assert.deepEqual(await seen(), [['guest'], begins]);
    for (const [time, roles, until, began, ended] of [
      [begins, ['guest', 'host'], changes, ['host'], []],
      [changes, ['host'], ends, [], ['guest']],
      [ends, [], undefined, [], ['host']],
    ] as const) {
      now = (time?.getTime() ?? 0) - 1;
      assert.deepEqual((await seen())[1], time);
      now += 1;
      assert.deepEqual(await seen(), [roles, until]);
      assert.deepEqual((await acme.holders('host')).length, roles.includes('host' as never) ? 1 : 0);
      const [record] = await changesAfter(acme, position, 1);
      assert.deepEqual(record?.what, { $case: 'validity', value: { began, ended } });
      assert.deepEqual([record?.type, record?.affected?.everyone], [ChangeType.ACCESS_CHANGED, true]);
      position += 1;
    }
    // Whoever else looked did not write.
    const [other = ''] = await acme.createUsers(['bob']);
    const last = await acme.listChanges(position);
    assert.deepEqual(
      last.map(({ what }) => what?.$case === 'resource' && what.value.id),
      [other],
    );
  });

  test('come from attributes that the connection declares, and from none that it declares no longer', async () => {
    const acme = await createRoles();
    const { connectionId } = acme;
    const urn = 'urn:example:params:scim:schemas:extension:badge:2.0:User';
    const schema = { id: urn, name: 'Badge', attributes: [{ name: 'clearance', type: 'string' }] };
    const { connections } = rollcall.directory;
    const { connection } = await connections.declareExtension(
      DeclareExtensionRequest.fromPartial({ connectionId, extension: { resourceType: 'User', schema } }),
    );
    const declared = createDeclaredRegistry(connection?.extensions ?? []).resourceType('User');
    const { user } = await acme.createUser({
      userName: 'ada',
      extensions: { [urn]: { Clearance: 'Top' } },
    });
    await acme.createUser('bob');
    const filter = parseFilter(declared ?? assert.fail(), `${urn}:clearance eq "top"`);
    await acme.set([{ id: 'top', subject: { $case: 'userFilter', value: filter }, roles: ['spy'] }]);
    assert.deepEqual(await acme.rolesOf(idOf(user)), ['spy']);
    for (;;) {
      const { connection: current } = await connections.getConnection(
        GetConnectionRequest.fromPartial({ connectionId }),
      );
      if (current?.refolding === undefined) break;
    }
    assert.deepEqual(await acme.holders('spy'), [idOf(user)]);

    await connections.removeExtension(RemoveExtensionRequest.fromPartial({ connectionId, urn }));
    assert.deepEqual(await acme.rolesOf(idOf(user)), []);
    assert.deepEqual(await acme.holders('spy'), []);
    const again = acme.set([
      { id: 'other', subject: { $case: 'userFilter', value: filter }, roles: ['spy'] },
    ]);
    await refused(again, ErrorReason.FILTER_INVALID, { attribute: `${urn}:clearance` });
  });

  test('can be asked for so many at once, in their order', async () => {
    const acme = await createRoles();
    const { id: connectionId } = acme.connection_;
    const names = Array.from({ length: 230 }, (_, index) => `user ${index}`);
    const ids = await acme.createUsers(names);
    const odd = ids.filter((_, index) => index % 2);
    await acme.set([{ id: 'odd', subject: byId(await acme.groupOf('Odd', odd)), roles: ['odd'] }]);
    const unknown = newUuid();
    const asked = [...ids.toReversed(), unknown, ids[0] ?? ''];
    const access = await rollcall.accessFor(acme.connection_);
    const { users, asOf } = await access.roles.ofUsers.query({ connection: connectionId, users: asked });
    assert.equal(asOf, await acme.position());
    assert.deepEqual(
      users.map(({ user, known, roles }) => [user, known, roles.map(({ role }) => role)]),
      asked.map((id) => [id, id !== unknown, odd.includes(id) ? ['odd'] : []]),
    );
    assert.deepEqual(await acme.holders('odd', 50), odd.toSorted());
  });
});

suite('the holders of a role', () => {
  test('are met once each, in pages that end when the mappings change', async () => {
    const acme = await createRoles();
    const { connectionId } = acme;
    const ids = await acme.createUsers(Array.from({ length: 60 }, (_, index) => `user ${index}`));
    for (const id of ids.slice(50, 55))
      await acme.patchUser(id, [operation(resourceTypes.user, 'ADD', 'title', 'Boss')]);
    const inner = await acme.groupOf('Inner', ids.slice(20, 52));
    const outer = await acme.groupOf('Outer', [...ids.slice(0, 25), inner]);
    await setActive(acme, ids[3] ?? '', false);
    await acme.set([
      { id: 'outer', subject: byId(outer), roles: ['r'] },
      { id: 'inner', subject: byId(inner), roles: ['r'] },
      { id: 'boss', subject: byFilter('title eq "boss"'), roles: ['r'] },
    ]);
    const expected = ids.filter((id, index) => index < 55 && id !== ids[3]).sort();
    assert.deepEqual(await acme.holders('r'), expected);
    assert.deepEqual(await acme.holders('r', 7), expected);
    assert.deepEqual(await acme.holders('unknown'), []);

    const { roles } = rollcall.directory;
    const page = (pageToken = '', role = 'r', pageSize = 5) =>
      Array.fromAsync(
        roles.listRoleHolders(
          ListRoleHoldersRequest.fromPartial({ connectionId, role, pageSize, pageToken }),
        ),
      );
    const [first] = await page();
    const token = first?.nextPageToken ?? '';
    assert.notEqual(token, '');
    await refused(page(token, 'other'), ErrorReason.PAGE_TOKEN_INVALID);
    await refused(page('', 'r', 1_001), ErrorReason.REQUEST_INVALID, { field: 'page_size' });
    await acme.set([{ id: 'outer', subject: byId(outer), roles: ['r'] }]);
    await refused(page(token), ErrorReason.PAGE_TOKEN_INVALID);
  });
});

suite('a protected role', () => {
  const admins = (group: string): PartialMapping => ({
    id: 'admins',
    subject: byId(group),
    roles: ['admin'],
  });

  test('keeps its last holder in an edit of mappings, unless that is forced', async () => {
    const acme = await createRoles();
    const { connectionId } = acme;
    const [ada = ''] = await acme.createUsers(['ada', 'bob']);
    const group = await acme.groupOf('Admins', [ada]);
    const empty = await acme.groupOf('Empty');
    const protectedRoles = ['admin', 'owner'];
    // That nobody has a role is no reason to refuse what protects it.
    await acme.set([admins(group)], { protectedRoles });
    await writesNothing(acme, async () => {
      for (const [mappings, rest] of [
        [[], { protectedRoles }],
        // Not by taking the protection away in the same edit either.
        [[], {}],
        [[admins(empty)], { protectedRoles }],
        [[{ ...admins(group), notBefore: new Date(now + 1) }], { protectedRoles }],
      ] as const)
        await refused(
          acme.set(mappings, { ...rest, protectedRoles: [...(rest.protectedRoles ?? [])] }),
          ErrorReason.LAST_HOLDER,
          {
            roles: 'admin',
          },
        );
    });
    const preview = PreviewRoleMappingsRequest.fromPartial({
      connectionId,
      proposal: { $case: 'version', value: 0 },
      maxUsers: 10,
    });
    const parts = await Array.fromAsync(rollcall.directory.roles.previewRoleMappings(preview));
    assert.deepEqual(parts.at(-1)?.summary?.lastHolderRoles, ['admin']);
    assert.deepEqual(parts[0]?.users, [{ userId: ada, userName: 'ada', gained: [], lost: ['admin'] }]);

    assert.equal((await acme.set([admins(empty)], { protectedRoles, force: true })).version, 2);
    // Now nobody has it, so nobody loses it.
    assert.equal((await acme.set([], { protectedRoles })).version, 3);
  });

  test('lets an identity provider take its last holder, and the log tells of it once', async () => {
    const acme = await createRoles();
    const scim = scimOf(acme.connection_);
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    const group = await acme.groupOf('Admins', [ada, bob]);
    await acme.set([admins(group)], { protectedRoles: ['admin'] });
    const patch = (user: string, active: boolean) =>
      scim('PATCH', `/Users/${user}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'active', value: active }],
      });
    let { position } = await acme.connection();
    for (let round = 1; round <= 2; round++) {
      assert.equal((await patch(ada, false)).status, 200);
      assert.equal((await patch(bob, false)).status, 200);
      const changes = await changesAfter(acme, position, 3);
      assert.deepEqual(
        changes.map(({ type, what }) => [type, what?.$case === 'protectedRole' && what.value.role]),
        [
          [ChangeType.USER_DEACTIVATED, false],
          [ChangeType.USER_DEACTIVATED, false],
          [ChangeType.ROLE_UNHELD, 'admin'],
        ],
        `round ${round}`,
      );
      assert.deepEqual(await acme.holders('admin'), []);
      await patch(ada, true);
      await patch(bob, true);
      position += 5;
      await untilHeld(acme.connectionId);
    }
  });

  test('of which the last holder went while no directory ran is told of by the next one', async () => {
    const uri = await ownDatabase();
    let connection: string;
    let ada: string;
    {
      await using first = await startTestDirectory(uri);
      const acme = await createDriver(first.clients);
      connection = acme.connectionId;
      [ada = ''] = await acme.createUsers(['ada']);
      const mappings = { mappings: [admins(await acme.groupOf('Admins', [ada]))], protectedRoles: ['admin'] };
      await first.clients.roles.setRoleMappings(
        SetRoleMappingsRequest.fromPartial({ connectionId: connection, mappings }),
      );
    }
    // As if that directory had ended between a write and the look at what it took.
    await using client = await new MongoClient(uri).connect();
    const users = client.db().collection<{ _id: string }>('users');
    await users.updateOne({ _id: `${connection}/${ada}` }, { $set: { 'resource.active': false } });

    const lines: string[] = [];
    const config = { ROLLCALL_DIRECTORY_PORT: '0', ROLLCALL_DATA_DIR: rollcall.dataDir };
    await using _ = await startDirectory(readConfig(directoryConfig, config), {
      database: { uri },
      secretKeys: [randomBytes(32)],
      logger: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    });
    const changes = client.db().collection('changes');
    while (lines.length === 0) await changes.findOne({ connection });
    const warning = JSON.parse(lines[0] ?? '');
    assert.deepEqual([warning.level, warning.connection, warning.role], [40, connection, 'admin']);
    const records = await changes.find({ connection, 'content.kind': 'protectedRole' }).toArray();
    assert.deepEqual(
      records.map(({ content }) => content.role),
      ['admin'],
    );
  });

  /** Waits until the head knows that the role is held again; only then its loss is news. */
  async function untilHeld(connection: string) {
    await using client = await new MongoClient(rollcall.database.uri).connect();
    const heads = client.db().collection<Document & { _id: string }>('heads');
    while ((await heads.findOne({ _id: connection }))?.roleMappings.unheld.length !== 0);
  }
});

suite('the access service', () => {
  let acme: Roles;
  let access: RollcallClient;
  let connection: string;
  let ada: string;
  let group: string;
  before(async () => {
    acme = await createRoles();
    connection = acme.connectionId;
    access = await rollcall.accessFor(acme.connection_);
    [ada = ''] = await acme.createUsers(['ada@example.com']);
    const inner = await acme.groupOf('Inner', [ada]);
    group = await acme.groupOf('Editors', [inner]);
    await acme.set([
      { id: 'editors', subject: byName('editors'), roles: ['editor'], precedence: 1 },
      {
        id: 'ada',
        subject: byFilter('userName eq "ada@example.com"'),
        roles: ['viewer'],
        notAfter: new Date(now + 90 * hour),
      },
      { id: 'all', subject: everyone, roles: ['viewer'] },
    ]);
  });

  test('answers roles, checks, holders and a snapshot', async () => {
    const answer = await access.roles.ofUser.query({ connection, user: ada });
    const path = answer.roles[0]?.because[0]?.path ?? [];
    assert.equal(path.at(-1), group);
    const validUntil = new Date(now + 90 * hour).toISOString();
    const editor = [{ mapping: 'editors', version: 1, cause: 'membership', path }];
    const viewer = [
      { mapping: 'ada', version: 1, cause: 'filter', filter: 'userName eq "ada@example.com"' },
      { mapping: 'all', version: 1, cause: 'everyone' },
    ];
    const position = await acme.position();
    const expected = {
      user: ada,
      known: true,
      active: true,
      roles: [
        { role: 'editor', because: editor },
        { role: 'viewer', because: viewer },
      ],
      primaryRole: 'editor',
      validUntil,
      asOf: position,
    };
    assert.deepEqual(answer, expected);
    assert.deepEqual(await access.roles.check.query({ connection, user: ada, role: 'editor' }), {
      hasRole: true,
      active: true,
      because: editor,
      asOf: position,
    });
    assert.deepEqual(await access.roles.holders.query({ connection, role: 'viewer' }), {
      holders: [{ user: ada, because: viewer }],
      validUntil,
      asOf: position,
    });
    const { groups, ...snapshot } = await access.access.snapshot.query({ connection, user: ada });
    assert.deepEqual(snapshot, expected);
    assert.deepEqual(
      groups.map(({ displayName, path: chain }) => [displayName, chain.length]),
      [
        ['Inner', 1],
        ['Editors', 2],
      ],
    );
  });

  test('shows a SCIM write to who names its position, and to who asks for a fresh answer', async () => {
    const scim = scimOf(acme.connection_);
    for (const active of [false, true]) {
      const { headers } = await scim('PATCH', `/Users/${ada}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'active', value: active }],
      });
      const atLeast = Number(headers.get('rollcall-position'));
      for (const current of [{ atLeast }, { fresh: true }]) {
        const question = { connection, user: ada, ...current };
        const snapshot = await access.access.snapshot.query(question);
        assert.deepEqual(
          [snapshot.active, snapshot.roles.length, snapshot.groups.length],
          active ? [true, 2, 2] : [false, 0, 0],
        );
        assert.ok(snapshot.asOf >= atLeast);
        assert.equal((await access.roles.ofUser.query(question)).roles.length, active ? 2 : 0);
        assert.equal((await access.roles.check.query({ ...question, role: 'editor' })).hasRole, active);
        const { user: _, ...rest } = question;
        assert.equal(
          (await access.roles.holders.query({ ...rest, role: 'editor' })).holders.length,
          active ? 1 : 0,
        );
        const { users } = await access.roles.ofUsers.query({ ...rest, users: [ada] });
        assert.equal(users[0]?.roles.length, active ? 2 : 0);
      }
    }
  });

  test('refuses what it cannot answer, and says why', async () => {
    const reasonOf = (query: Promise<unknown>) =>
      query.then(
        () => assert.fail('not refused'),
        (error) => [rollcallError(error)?.reason, rollcallError(error)?.code],
      );
    const user = newUuid();
    const notFound = ['ERROR_REASON_RESOURCE_NOT_FOUND', 'NOT_FOUND'];
    const invalid = ['ERROR_REASON_REQUEST_INVALID', 'BAD_REQUEST'];
    assert.deepEqual(await reasonOf(access.roles.ofUser.query({ connection, user })), notFound);
    assert.deepEqual(await reasonOf(access.access.snapshot.query({ connection, user })), notFound);
    assert.deepEqual(await reasonOf(access.roles.ofUser.query({ connection, user: '' })), invalid);
    assert.deepEqual(await reasonOf(access.roles.ofUsers.query({ connection, users: [] })), invalid);
    assert.deepEqual(await reasonOf(access.roles.check.query({ connection, user, role: '' })), invalid);
    assert.deepEqual(
      await reasonOf(access.roles.holders.query({ connection, role: 'viewer', pageToken: 'x' })),
      ['ERROR_REASON_PAGE_TOKEN_INVALID', 'BAD_REQUEST'],
    );
    const other = await rollcall.connect();
    assert.deepEqual(await reasonOf(access.roles.ofUser.query({ connection: other.id, user })), [
      'ERROR_REASON_CALLER_FORBIDDEN',
      'FORBIDDEN',
    ]);
  });
});

suite('rollcall mappings', () => {
  const launcher = join(import.meta.dirname, '..', '..', 'bin', 'rollcall');
  const env = () => ({
    PATH: process.env.PATH,
    ROLLCALL_DATA_DIR: rollcall.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
  });

  test('lists, previews, sets, goes back and tells the history', async () => {
    const acme = await createRoles();
    const [ada = ''] = await acme.createUsers(['ada@example.com', 'bob@example.com']);
    await acme.groupOf('Admins', [ada]);
    const mappings = (...args: string[]) =>
      runCommand(launcher, ['mappings', ...args, '--connection', acme.connectionId], { env: env() });
    const printed = async (...args: string[]) => {
      const { code, stdout, stderr } = await mappings(...args);
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
      return stdout;
    };
    const failed = async (...args: string[]) => {
      const { code, stdout, stderr } = await mappings(...args);
      assert.equal(stdout, '');
      return [code, stderr];
    };
    const file = join(rollcall.dataDir, 'mappings.json');
    const write = (content: unknown) => writeFile(file, JSON.stringify(content));
    const content = {
      protectedRoles: ['admin'],
      mappings: [
        { id: 'admins', group: { displayName: 'Admins' }, roles: ['admin'], precedence: 10 },
        { id: 'all', everyone: true, roles: ['member'], notBefore: '2029-12-31T23:00:00.000Z' },
        { id: 'bobs', filter: 'userName sw "bob"', roles: ['editor', 'member'] },
        { id: 'typo', group: { externalId: 'nobody' }, roles: ['editor'] },
      ],
    };
    await write(content);
    const preview = await printed('preview', file);
    assert.match(preview, /^2 users would gain or lose a role\.\n\n/);
    assert.match(preview, /\nadmin +1 +0\neditor +1 +0\nmember +2 +0\n/);
    assert.match(preview, /\nada@example\.com +admin, member\n/);
    assert.match(preview, /name a group that does not exist: typo\./);
    assert.equal(await acme.position(), 4, 'a preview writes nothing');

    assert.equal(await printed('set', file, '--author', 'ada'), 'Version 1 is in force.\n');
    assert.equal(await printed('set', file), 'Version 1 is in force already.\n');
    assert.deepEqual(JSON.parse(await printed('list', '--json')), { version: 1, ...content });

    // What `list --json` wrote is only set on the version that it was read from.
    await write({ ...content, version: 0 });
    assert.deepEqual(await failed('set', file), [
      1,
      'error: Version 1 of the role mappings is in force; read it and repeat the edit on it.\n',
    ]);
    await write({ version: 1, mappings: [] });
    assert.match(await printed('preview', file), /set refuses that without --force\.\n$/);
    const [code, message] = await failed('set', file);
    assert.equal(code, 1);
    assert.match(
      String(message),
      /^error: Nobody would have the protected role admin any more: .*force the edit\.\n$/,
    );
    assert.equal(await printed('set', file, '--force'), 'Version 2 is in force.\n');
    const summary = JSON.parse(await printed('preview', '--at', '1', '--json'));
    assert.deepEqual([summary.users, summary.complete, summary.changes.length], [2, true, 2]);
    assert.equal(await printed('rollback', '1', '--author', 'cy'), 'Version 3 is in force.\n');
    const history = JSON.parse(await printed('history', '--json'));
    assert.deepEqual(
      history.map((row: Record<string, unknown>) => [row.version, row.mappings, row.rolledBackTo]),
      [
        [3, 4, 1],
        [2, 0, null],
        [1, 4, null],
      ],
    );
    assert.deepEqual([history[0].author, history[2].author], ['cy', 'ada']);
    assert.match(await printed('list', '--at', '1'), /\nbobs +editor, member +userName sw "bob" +- +- +-\n/);

    const wrongly = async (wrong: unknown, name: string) => {
      const path = join(rollcall.dataDir, `${name}.json`);
      await writeFile(path, JSON.stringify(wrong));
      return failed('set', path);
    };
    const shape = {
      mappings: [
        { id: 'x', roles: ['r'] },
        { id: 'x', everyone: true, roles: 'r' },
      ],
      extra: 1,
    };
    const [shapes, filters, ids, noFile, noVersion] = await Promise.all([
      wrongly(shape, 'shape'),
      wrongly({ mappings: [{ id: 'x', filter: 'title eq', roles: ['r'] }] }, 'filter'),
      wrongly({ mappings: [{ id: 'X', everyone: true, roles: ['r'] }] }, 'id'),
      failed('preview'),
      failed('rollback', 'x'),
    ]);
    assert.match(
      String(shapes),
      /^1,.*mappings\.0: say whom it is about by one of .*mappings\.1\.roles: .*extra/,
    );
    assert.match(String(filters), /^1,error: The filter of the mapping x: /);
    assert.match(String(ids), /^1,error: mappings\[0\]\.id: must have 1 to 64/);
    assert.match(String(noFile), /^2,error: give either a file or --at <version>\n$/);
    assert.match(String(noVersion), /^2,error: .*whole number/);
  });
});

suite('what roles cost at the database', () => {
  /** The commands about a connection that a call makes. */
  const reads = async ({ connectionId }: Roles, call: () => Promise<unknown>) => {
    const before = sent.length;
    await call();
    return sent
      .slice(before)
      .filter(({ command }) => JSON.stringify(command).includes(connectionId))
      .map(({ commandName, command }) => `${commandName} ${command[commandName]}`);
  };

  test('does not grow with what the question is not about', async () => {
    const costs: unknown[] = [];
    for (const [others, mappingCount] of [
      [5, 3],
      [300, 120],
    ] as const) {
      const acme = await createRoles();
      const { connectionId } = acme;
      const crowd = await acme.createUsers(Array.from({ length: others }, (_, index) => `user ${index}`));
      const [ada = ''] = crowd;
      const everybody = await acme.groupOf('Everybody', crowd);
      const mappings = Array.from({ length: mappingCount }, (_, index) => ({
        id: `m${index}`,
        subject: byName(index === 0 ? 'Everybody' : `Group ${index}`),
        roles: ['r'],
      }));
      await acme.set(mappings);
      const { roles } = rollcall.directory;
      const question = { connectionId, userId: ada };
      // Once, so that the mappings are known.
      await acme.rolesOf(ada);
      costs.push([
        await reads(acme, () => roles.listUserRoles(ListUserRolesRequest.fromPartial(question))),
        await reads(acme, () =>
          roles.checkUserRole(CheckUserRoleRequest.fromPartial({ ...question, role: 'r' })),
        ),
        await reads(acme, () => Array.fromAsync(roles.getAccess(ListUserRolesRequest.fromPartial(question)))),
        await reads(acme, () => acme.check(ada, everybody)),
      ]);
    }
    assert.deepEqual(costs[1], costs[0]);
    const [[ofUser] = []] = costs as string[][][];
    assert.deepEqual(ofUser, [
      'find heads',
      'find users',
      'find groups',
      'find memberships',
      'find memberships',
      'find heads',
    ]);
  });

  test('is one query for each level of groups above, whatever stands on it', async () => {
    const acme = await createRoles();
    const [ada = ''] = await acme.createUsers(['ada']);
    let below = [ada];
    for (let depth = 1; depth <= 10; depth++) {
      const level = await Promise.all([1, 2, 3].map((each) => acme.groupOf(`${depth} ${each}`, below)));
      below = level;
    }
    await acme.set([{ id: 'top', subject: byId(below[0] ?? ''), roles: ['top'] }]);
    await acme.rolesOf(ada);
    const commands = await reads(acme, () => acme.rolesOf(ada));
    assert.equal(commands.filter((text) => text === 'find memberships').length, 11);
    assert.equal((await acme.why(ada, 'top'))[0]?.split(' < ').length, 10);
    assert.deepEqual(await acme.holders('top'), [ada]);
  });

  test('and every command names the tenant', () => {
    assert.ok(checkTenants(sent) > 1_000);
  });
});
