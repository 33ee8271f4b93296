import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import {
  type Change,
  ChangeType,
  ListChangesRequest,
  ResourceAction,
} from '#proto/rollcall/directory/v1/change_service.ts';
import {
  DeclareExtensionRequest,
  DeleteConnectionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { DatabaseCommandEvent } from '../../services/directory/mongo/database.ts';
import { changeKey } from '../../services/directory/mongo/documents.ts';
import { replay } from '../support/change-log.ts';
import { listen } from '../support/change-watch.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  members,
  operation,
  refused,
  resourceTypes,
  testInConnection,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

const logReads: string[] = [];
let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory(undefined, undefined, noteLogReads);
});
after(() => directory[Symbol.asyncDispose]());

const inConnection = testInConnection(() => directory.clients);

function noteLogReads(event: DatabaseCommandEvent) {
  if (!('command' in event) || event.command.find !== 'changes') return;
  const [key = ''] = event.command.filter._id?.$in ?? [];
  logReads.push(key.split('/')[0]);
}

const { user: userType, group: groupType } = resourceTypes;
const setActive = (active: boolean) => [operation(userType, 'REPLACE', 'active', active)];
const positions = (changes: readonly Change[]) => changes.map(({ position }) => position);
const types = (changes: readonly Change[]) =>
  changes.map(({ type }) => type.replace('CHANGE_TYPE_', '').toLowerCase());

suite('the log of a connection', () => {
  inConnection('tells what happened, in order, by which request', async (acme) => {
    const started = Date.now();
    const { user } = await acme.createUser('ada', { requestId: 'r1' });
    const ada = idOf(user);
    const { group } = await acme.createGroup('Staff', [ada], { requestId: 'r2' });
    const staff = idOf(group);
    const title = operation(resourceTypes.user, 'ADD', 'title', 'Countess');
    await acme.patchUser(ada, [title], { requestId: 'r3' });
    const rename = operation(resourceTypes.group, 'REPLACE', 'displayName', 'Crew');
    await acme.patchGroup(staff, [rename], [members.remove(ada)], { requestId: 'r4' });
    await acme.changeMembers(staff, [members.add(ada)], { requestId: 'r5' });
    await acme.deleteUser(ada, { requestId: 'r6' });
    await acme.deleteGroup(staff, { requestId: 'r7' });

    const changes = await acme.listChanges();
    replay(changes);
    assert.deepEqual(changes.map(line), [
      'r1 User created 1 active []',
      'r2 Group created 1 []',
      'r2 members 1 +1 -0',
      'r3 User updated 2 active [title]',
      'r4 Group updated 2 [displayName]',
      'r4 members 2 +0 -1',
      'r5 members 3 +1 -0',
      'r6 User deleted 2 []',
      'r7 Group deleted 3 []',
    ]);
    const times = changes.map(({ time }) => time?.getTime() ?? 0);
    assert.ok(times.every((time) => time >= started && time <= Date.now()));
  });

  inConnection('tells when settings change by which everything is read, and of no others', async (acme) => {
    const { connections } = directory.clients;
    const { connectionId } = acme;
    const update = (changes: Parameters<typeof UpdateConnectionRequest.fromPartial>[0]) =>
      connections.updateConnection(UpdateConnectionRequest.fromPartial({ connectionId, ...changes }));
    await update({ name: 'Acme', strict: true });
    await update({ attributeMapping: { login: 'userName' } });
    assert.deepEqual(await acme.listChanges(), []);
    await update({ attributeMapping: { login: 'emails' } });
    const schema = { id: 'urn:example:badge', attributes: [{ name: 'level', type: 'integer' }] };
    const extension = { resourceType: 'User', schema };
    const declare = DeclareExtensionRequest.fromPartial({ connectionId, extension });
    await connections.declareExtension(declare);
    await connections.declareExtension(declare);
    const changes = await acme.listChanges();
    assert.deepEqual(types(changes), ['connection_changed', 'connection_changed']);
    assert.deepEqual(
      changes.map(({ what }) => what?.$case === 'connection' && what.value.settings),
      [['attribute_mapping'], ['extensions']],
    );
    assert.ok(changes.every(({ affected }) => affected?.everyone));
  });

  inConnection('is read in pages after a position', async (acme) => {
    await acme.createUsers(Array.from({ length: 230 }, (_, index) => `user ${index}`));
    const all = await acme.listChanges();
    assert.equal(all.length, 230);
    for (const [after, size, expected] of [
      [0, 0, all.slice(0, 100)],
      [0, 7, all.slice(0, 7)],
      [7, 100, all.slice(7, 107)],
      [229, 1_000, all.slice(229)],
      [230, 10, []],
      [10_000, 10, []],
    ] as const)
      assert.deepEqual(await acme.listChanges(after, size), expected);
    for (const size of [-1, 1_001])
      await refused(acme.listChanges(0, size), ErrorReason.REQUEST_INVALID, { field: 'page_size' });
    await refused(acme.listChanges(-1, 1), ErrorReason.REQUEST_INVALID, { field: 'after' });
  });
});

suite('a watch', () => {
  inConnection('gives what is there, then what comes, and heartbeats in between', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    await using watch = listen(acme.watchChanges({ after: 1 }));
    const begin = await watch.next();
    assert.deepEqual([begin.position, begin.changes], [1, []]);
    assert.deepEqual(positions(await watch.until(2)), [2]);
    const { position } = await acme.patchUser(ada, setActive(false));
    assert.deepEqual(positions(await watch.until(position)), [3]);
    let heartbeat = await watch.next();
    while (heartbeat.ageMs === undefined) heartbeat = await watch.next();
    assert.deepEqual([heartbeat.position, heartbeat.changes], [3, []]);
    await acme.deleteUser(bob);
    assert.deepEqual(types(await watch.until(4)), ['user_deleted']);
  });

  inConnection('tells the age of what it has given also while it is written all the time', async (acme) => {
    await using watch = listen(acme.watchChanges());
    let isEnough = false;
    const write = async (writer: number) => {
      for (let round = 0; !isEnough; round++) await acme.createUser(`user ${writer} ${round}`);
    };
    const writing = Promise.all([1, 2, 3, 4].map(write));
    for (let told = 0; told < 3; ) {
      const { changes, ageMs } = await watch.next();
      if (changes.length > 0 && ageMs !== undefined) told += 1;
    }
    isEnough = true;
    await writing;
  });

  inConnection('begins with what comes when no position is given', async (acme) => {
    await acme.createUser('ada');
    await using watch = listen(acme.watchChanges());
    const { position, ageMs } = await watch.next();
    assert.equal(position, 1);
    assert.ok(ageMs !== undefined && ageMs >= 0);
    await acme.createUser('bob');
    assert.deepEqual(positions(await watch.until(2)), [2]);
  });

  inConnection('says what happened and whom it affects', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    const inner = await acme.groupOf('Inner');
    const begin = await acme.position();
    const title = operation(userType, 'REPLACE', 'title', 'Countess');
    await acme.patchUser(ada, [title]);
    await acme.patchUser(ada, [...setActive(false), { ...title, op: 'PATCH_OP_REMOVE', value: undefined }]);
    await acme.patchUser(ada, setActive(true));
    const outer = await acme.groupOf('Outer', [ada, inner]);
    await acme.patchGroup(
      outer,
      [operation(groupType, 'REPLACE', 'externalId', 'e')],
      [members.remove(inner), members.add(bob)],
    );
    await acme.deleteUser(ada);
    await acme.deleteGroup(outer);
    const changes = await acme.listChanges(begin);
    const affected = changes.map(({ affected }) => [
      affected?.userIds,
      affected?.groupIds,
      affected?.everyone,
    ]);
    assert.deepEqual(types(changes), [
      'user_updated',
      'user_deactivated',
      'user_activated',
      'group_created',
      'members_changed',
      'group_updated',
      'members_changed',
      'user_deleted',
      'group_deleted',
    ]);
    assert.deepEqual(affected, [
      [[ada], [], false],
      [[ada], [], false],
      [[ada], [], false],
      [[], [outer], false],
      [[ada], [inner], false],
      [[], [outer], false],
      [[bob], [inner], false],
      [[ada], [], false],
      [[], [outer], false],
    ]);
    assert.ok(changes[1]?.what?.$case === 'resource');
    assert.deepEqual(changes[1].what.value.attributes, ['active', 'title']);
  });

  inConnection('leaves out what was not asked for, and goes on behind it', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    const staff = await acme.groupOf('Staff', [bob]);
    const filters = [
      { types: [ChangeType.USER_DEACTIVATED, ChangeType.USER_DELETED] },
      { userIds: [ada] },
      { types: [ChangeType.MEMBERS_CHANGED], userIds: [ada] },
    ];
    const begin = await acme.position();
    await acme.patchUser(bob, setActive(false));
    await acme.patchUser(ada, [operation(userType, 'REPLACE', 'title', 'x')]);
    await acme.changeMembers(staff, [members.add(ada)]);
    await acme.changeMembers(staff, [members.remove(bob)]);
    // Who is below a group is not looked up: it may concern ada, and does.
    await acme.deleteGroup(staff);
    await acme.deleteUser(bob);
    const expected = [[1, 6], [2, 3, 5], [3]].map((steps) => steps.map((step) => begin + step));
    for (const [index, filter] of filters.entries()) {
      await using watch = listen(acme.watchChanges({ after: begin, filter }));
      assert.deepEqual(positions(await watch.until(begin + 6)), expected[index]);
      const page = { connectionId: acme.connectionId, after: begin, pageSize: 5, filter };
      const parts = await Array.fromAsync(
        directory.clients.changes.listChanges(ListChangesRequest.fromPartial(page)),
      );
      const listed = positions(parts.flatMap(({ changes }) => changes));
      assert.deepEqual(
        listed,
        expected[index]?.filter((position) => position <= begin + 5),
      );
      assert.deepEqual([parts.at(-1)?.position, parts.at(-1)?.asOf], [begin + 5, begin + 6]);
    }
    const many = { userIds: Array.from({ length: 1_001 }, () => ada) };
    await refused(listen(acme.watchChanges({ filter: many })).next(), ErrorReason.REQUEST_INVALID, {
      field: 'filter.user_ids',
    });
  });

  inConnection('shares its reading with all who are at the same position', async (acme) => {
    const watches = Array.from({ length: 20 }, () => listen(acme.watchChanges()));
    try {
      for (const watch of watches) await watch.next();
      const before = logReads.filter((connection) => connection === acme.connectionId).length;
      await acme.createUser('ada');
      const seen = await Promise.all(watches.map((watch) => watch.until(1)));
      assert.ok(seen.every((changes) => changes.length === 1));
      const reads = logReads.filter((connection) => connection === acme.connectionId).length - before;
      assert.equal(reads, 1);
    } finally {
      for (const watch of watches) await watch[Symbol.asyncDispose]();
    }
  });

  inConnection('ends with its connection', async (acme) => {
    await using watch = listen(acme.watchChanges());
    await watch.next();
    const { connectionId } = acme;
    await directory.clients.connections.deleteConnection(
      DeleteConnectionRequest.fromPartial({ connectionId }),
    );
    await refused(watch.until(1), ErrorReason.CONNECTION_NOT_FOUND, { connection: connectionId });
  });

  inConnection('of a directory that stops goes on at another, which hears of its writes', async (acme) => {
    const other = await startTestDirectory(directory.uri);
    const through = driveConnection(other.clients, acme.connectionId);
    await using watch = listen(through.watchChanges());
    await watch.next();
    await acme.createUser('ada');
    assert.deepEqual(positions(await watch.until(1)), [1]);
    const ended = refused(watch.until(2), ErrorReason.FEED_STOPPED);
    await other[Symbol.asyncDispose]();
    await ended;
    await acme.createUser('bob');
    await using resumed = listen(acme.watchChanges({ after: 1 }));
    assert.deepEqual(positions(await resumed.until(2)), [2]);
  });
});

suite('old changes', () => {
  /** Waits until the log of a connection begins at a position. */
  async function untilFloor(connection: ConnectionDriver, floor: number) {
    for (;;) {
      const [result] = await Promise.allSettled([connection.listChanges(0)]);
      if (result.status === 'rejected' && result.reason.metadata?.floor === String(floor)) return;
    }
  }

  test('are kept for 30 days, and who is behind is told to export', async () => {
    const acme = await createDriver(directory.clients);
    const idle = await createDriver(directory.clients);
    await acme.createUsers(Array.from({ length: 8 }, (_, index) => `user ${index}`));
    await idle.createUser('ada');
    await using client = await MongoClient.connect(directory.uri);
    const changes = client.db().collection<Document & { _id: string }>('changes');
    const heads = client.db().collection<{ _id: string }>('heads');
    const age = async ({ connectionId }: ConnectionDriver, positions: number[], days: number) => {
      const time = new Date(Date.now() - days * 24 * 60 * 60_000);
      await changes.updateMany(
        { connection: connectionId, position: { $in: positions } },
        { $set: { time } },
      );
    };
    /** Adds copies of a connection's first record, all of them old, up to a position. */
    const fill = async ({ connectionId }: ConnectionDriver, until: number) => {
      const first = (await changes.findOne({ connection: connectionId, position: 1 })) ?? assert.fail();
      const copies = Array.from({ length: until }, (_, index) => {
        const _id = changeKey(connectionId, index + 1);
        return { ...first, _id, position: index + 1, time: new Date(0) };
      });
      await changes.deleteOne({ _id: first._id });
      await changes.insertMany(copies);
      await heads.updateOne({ _id: connectionId }, { $set: { position: until } });
    };
    await age(acme, [1, 2, 3, 4, 5], 31);
    await age(acme, [6], 29);
    // As processes leave it that end between raising the floor and removing the records below.
    await heads.updateOne({ _id: acme.connectionId }, { $set: { floor: 3 } });
    await fill(idle, 1_700);
    await heads.updateOne({ _id: idle.connectionId }, { $set: { floor: 600 } });
    {
      await using other = await startTestDirectory(directory.uri);
      await untilFloor(acme, 6);
      await untilFloor(idle, 1_701);
      await refused(acme.listChanges(4), ErrorReason.POSITION_PURGED, { floor: '6' });
      const behind = driveConnection(other.clients, acme.connectionId).watchChanges({ after: 4 });
      await refused(listen(behind).next(), ErrorReason.POSITION_PURGED, { floor: '6' });
    }
    const left = await changes.find({ connection: acme.connectionId }).toArray();
    assert.deepEqual(left.map(({ position }) => position).sort(), [6, 7, 8]);
    assert.equal(await changes.countDocuments({ connection: idle.connectionId }), 0);
    assert.deepEqual(await idle.listChanges(1_700), []);
    await acme.createUser('new');
    await using watch = listen(acme.watchChanges({ after: 5 }));
    assert.deepEqual(positions(await watch.until(9)), [6, 7, 8, 9]);
  });
});

const actions: Partial<Record<ResourceAction, string>> = {
  [ResourceAction.CREATED]: 'created',
  [ResourceAction.UPDATED]: 'updated',
  [ResourceAction.DELETED]: 'deleted',
  [ResourceAction.DEACTIVATED]: 'deactivated',
};

/** A change on one line. */
function line({ requestId, what }: Change): string {
  if (what?.$case === 'membership') {
    const { version, added, removed } = what.value;
    return `${requestId} members ${version} +${added.length} -${removed.length}`;
  }
  assert.ok(what?.$case === 'resource');
  const { resourceType, action, version, active, attributes } = what.value;
  const activity = active === undefined ? '' : active ? ' active' : ' inactive';
  return `${requestId} ${resourceType} ${actions[action]} ${version}${activity} [${attributes.join()}]`;
}
