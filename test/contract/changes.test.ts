import assert from 'node:assert/strict';
import { after, before, suite } from 'node:test';
import { MongoClient } from 'mongodb';
import { type Change, ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { replay } from '../support/change-log.ts';
import {
  idOf,
  members,
  operation,
  refused,
  resourceTypes,
  testInConnection,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

const inConnection = testInConnection(() => directory.clients);

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

  inConnection('says from where it is kept', async (acme) => {
    await acme.createUsers(Array.from({ length: 10 }, (_, index) => `user ${index}`));
    // Nothing purges yet; what it will leave behind is a head with another floor.
    await using client = await MongoClient.connect(directory.uri);
    const heads = client.db().collection<{ _id: string }>('heads');
    await heads.updateOne({ _id: acme.connectionId }, { $set: { floor: 5 } });
    for (const after of [0, 3])
      await refused(acme.listChanges(after), ErrorReason.POSITION_PURGED, { floor: '5' });
    assert.deepEqual(
      (await acme.listChanges(4)).map(({ position }) => position),
      [5, 6, 7, 8, 9, 10],
    );
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
