import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { v7 as newUuid } from 'uuid';
import { RegisterConsumerRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  PauseConnectionRequest,
  ResumeConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { listen } from '../support/change-watch.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  members,
  refused,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';
import { exportConnection } from '../support/directory-copy.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

interface Ids {
  readonly user: string;
  readonly group: string;
}

/** Every call that reads about a connection, by method. */
const reads = {
  getUser: (c: ConnectionDriver, { user }: Ids) => c.getUser(user),
  listUsers: (c: ConnectionDriver) => c.listUsers(),
  getGroup: (c: ConnectionDriver, { group }: Ids) => c.getGroup(group),
  listGroups: (c: ConnectionDriver) => c.listGroups(),
  listMembers: (c: ConnectionDriver, { group }: Ids) => c.listMembers(group),
  listUserGroups: (c: ConnectionDriver, { user }: Ids) => c.listUserGroups(user),
  checkMembership: (c: ConnectionDriver, { user, group }: Ids) => c.check(user, group),
  batchCheckMemberships: (c: ConnectionDriver, { user, group }: Ids) => c.checkMany([[user, group]]),
  listChanges: (c: ConnectionDriver) => c.listChanges(),
  async watchChanges(c: ConnectionDriver) {
    await using watch = listen(c.watchChanges());
    await watch.next();
  },
  export: (c: ConnectionDriver) => exportConnection(directory.clients, c.connectionId, 1),
  registerConsumer: ({ connectionId }: ConnectionDriver) =>
    directory.clients.changes.registerConsumer(
      RegisterConsumerRequest.fromPartial({ connectionId, name: 'billing' }),
    ),
  listConsumers: ({ connectionId }: ConnectionDriver) =>
    directory.clients.changes.listConsumers({ connectionId }),
};

/** Every call that writes to a connection, by method. */
const writes = {
  createUser: (c: ConnectionDriver) => c.createUser('new'),
  replaceUser: (c: ConnectionDriver, { user }: Ids) => c.replaceUser(user, { userName: 'replaced' }),
  patchUser: (c: ConnectionDriver, { user }: Ids) => c.patchUser(user, []),
  deleteUser: (c: ConnectionDriver, { user }: Ids) => c.deleteUser(user),
  createGroup: (c: ConnectionDriver) => c.createGroup('New'),
  replaceGroup: (c: ConnectionDriver, { group }: Ids) =>
    c.replaceGroup(group, { displayName: 'Replaced' }, []),
  patchGroup: (c: ConnectionDriver, { group }: Ids) => c.patchGroup(group, []),
  changeMembers: (c: ConnectionDriver, { group }: Ids) => c.changeMembers(group, [members.replace()]),
  deleteGroup: (c: ConnectionDriver, { group }: Ids) => c.deleteGroup(group),
};

/** A connection with one user in one group. */
async function populated() {
  const acme = await createDriver(directory.clients);
  const { user } = await acme.createUser({ userName: 'ada', displayName: 'Ada', externalId: 'E-1' });
  const group = await acme.groupOf('Staff', [idOf(user)]);
  return { acme, ids: { user: idOf(user), group } };
}

/** All that a connection holds, as its reads show it. */
async function contents(connection: ConnectionDriver) {
  const { users } = await connection.listUsers();
  const { groups } = await connection.listGroups();
  return { users, groups, changes: await connection.listChanges() };
}

suite('another connection', () => {
  test('shows nothing of a connection and changes nothing in it, whatever ids it is asked about', async () => {
    const { acme, ids } = await populated();
    const globex = await createDriver(directory.clients);
    const before = await contents(acme);
    const own = await globex.createUser({ userName: 'ada', enterprise: { manager: { value: ids.user } } });
    const group = await globex.groupOf('Staff');

    const user = [ErrorReason.RESOURCE_NOT_FOUND, { resource_type: 'User', id: ids.user }] as const;
    const team = [ErrorReason.RESOURCE_NOT_FOUND, { resource_type: 'Group', id: ids.group }] as const;
    for (const call of [reads.getUser, reads.listUserGroups]) await refused(call(globex, ids), ...user);
    for (const call of [writes.replaceUser, writes.patchUser, writes.deleteUser])
      await refused(call(globex, ids), ...user);
    for (const call of [reads.getGroup, reads.listMembers]) await refused(call(globex, ids), ...team);
    for (const call of [writes.replaceGroup, writes.patchGroup, writes.changeMembers, writes.deleteGroup])
      await refused(call(globex, ids), ...team);

    const stranger = [ErrorReason.MEMBER_NOT_FOUND, { member: ids.user }] as const;
    await refused(globex.createGroup('New', [ids.user]), ...stranger);
    await refused(globex.replaceGroup(group, { displayName: 'Staff' }, [ids.user]), ...stranger);
    for (const [member, team] of [
      [ids.user, ids.group],
      [idOf(own.user), ids.group],
      [ids.user, group],
    ] as const) {
      const scope = { nested: true, includeInactive: true };
      assert.equal((await globex.check(member, team, scope)).member, false);
      assert.equal((await globex.checkMany([[member, team]], scope)).checks[0]?.member, false);
    }

    for (const filter of [`id eq "${ids.user}"`, 'externalId eq "E-1"', `groups eq "${ids.group}"`])
      assert.deepEqual((await globex.listUsers({ filter })).ids, []);
    for (const filter of [`id eq "${ids.group}"`, `members eq "${ids.user}"`])
      assert.deepEqual((await globex.listGroups({ filter })).ids, []);
    const named = await globex.getUser(idOf(own.user));
    assert.equal(named.user.enterprise?.manager?.value, ids.user);
    assert.equal(named.user.enterprise?.manager?.displayName, undefined);

    assert.deepEqual((await globex.listUsers()).ids, [own.user.id]);
    assert.deepEqual((await globex.listGroups()).ids, [group]);
    assert.deepEqual(
      (await globex.listChanges()).map(({ position }) => position),
      [1, 2],
    );
    assert.deepEqual(await contents(acme), before);
  });

  test('may have the same ids, names and members without touching them', async () => {
    const { acme, ids } = await populated();
    const globex = await createDriver(directory.clients);
    const before = await contents(acme);
    await globex.createUser({ userName: 'ada' }, { id: ids.user });
    await globex.createGroup('Staff', [ids.user], { id: ids.group });
    await globex.deleteUser(ids.user);
    await globex.deleteGroup(ids.group);
    assert.deepEqual(await contents(acme), before);
  });
});

suite('a connection that does not exist', () => {
  test('is not found by any method', async () => {
    const ids = { user: newUuid(), group: newUuid() };
    const odd = ['', 'short', 'UPPERCASE', 'with/slash', 'x'.repeat(33), '$where123', 'é'.repeat(9)];
    for (const connection of ['nobody12', ...odd]) {
      const nowhere = driveConnection(directory.clients, connection);
      for (const call of Object.values({ ...reads, ...writes }))
        await refused(call(nowhere, ids), ErrorReason.CONNECTION_NOT_FOUND, { connection });
    }
  });
});

suite('a paused connection', () => {
  test('is read but not written until it is resumed', async () => {
    const { acme, ids } = await populated();
    const { connectionId } = acme;
    const { connections } = directory.clients;
    const before = await contents(acme);
    await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId }));
    for (const call of Object.values(writes))
      await refused(call(acme, ids), ErrorReason.CONNECTION_PAUSED, { connection: connectionId });
    for (const call of Object.values(reads)) await call(acme, ids);
    assert.deepEqual(await contents(acme), before);
    await connections.resumeConnection(ResumeConnectionRequest.fromPartial({ connectionId }));
    for (const call of Object.values(writes)) await call(acme, ids).catch(notFoundAnyMore);
    assert.deepEqual(
      (await acme.listUsers()).users.map(({ userName }) => userName),
      ['new'],
    );
  });
});

// The calls run in order, and some come after the deletion of what they ask about.
function notFoundAnyMore(error: unknown) {
  assert.ok(error instanceof Error && 'reason' in error && error.reason === ErrorReason.RESOURCE_NOT_FOUND);
}
