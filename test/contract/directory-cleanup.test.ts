import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { DeleteConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import { createDriver, driveConnection, members } from '../support/connection-driver.ts';
import { ownDatabase, startTestDirectory } from '../support/directory.ts';

let uri: string;
let client: MongoClient;
before(async () => {
  uri = await ownDatabase();
  client = await MongoClient.connect(uri);
});
after(() => client.close());

interface Head {
  readonly _id: string;
  readonly draining: readonly string[];
}

const documentsOf = (collection: string, connection: string) =>
  client.db().collection(collection).find({ connection }).toArray();

/** Reads a connection's head again and again until nothing is left to clean up. */
async function untilClean(connection: string): Promise<void> {
  const heads = client.db().collection<Head>('heads');
  while ((await heads.findOne({ _id: connection }))?.draining.length !== 0);
}

const userNames = (count: number) => Array.from({ length: count }, (_, index) => `user ${index}`);

suite('the memberships of a deleted group', () => {
  test('are removed behind it, whoever else comes and goes', async () => {
    await using first = await startTestDirectory(uri);
    await using second = await startTestDirectory(uri);
    const acme = await createDriver(first.clients);
    const other = driveConnection(second.clients, acme.connectionId);
    const users = await acme.createUsers(userNames(1_800));
    const crowd = await acme.groupOf('Crowd', users);
    const staff = await acme.groupOf('Staff', users.slice(0, 10));
    await acme.changeMembers(staff, [members.add(crowd)]);

    const settled = await Promise.allSettled([
      acme.deleteGroup(crowd),
      ...users.slice(0, 40).map((user, index) => (index % 2 ? acme : other).deleteUser(user)),
      ...users.slice(-10).map((user) => other.changeMembers(staff, [members.add(user)])),
      ...users.slice(-20).map((user) => acme.changeMembers(crowd, [members.remove(user)])),
      other.groupOf('crowd'),
    ]);
    for (const one of settled) {
      if (one.status === 'fulfilled') continue;
      const { reason } = one.reason as RpcError;
      assert.ok(reason === ErrorReason.RESOURCE_NOT_FOUND || reason === ErrorReason.UNIQUENESS, reason);
    }
    await untilClean(acme.connectionId);
    const { groups } = await holdingsAsLogged(acme);
    assert.deepEqual([...(groups.get(staff)?.members ?? [])].sort(), users.slice(-10).sort());
    const left = await documentsOf('memberships', acme.connectionId);
    assert.deepEqual(new Set(left.map(({ group }) => group)), new Set([staff]));
    assert.equal(left.length, 10);
  });

  test('are removed by the next directory when this one ends first', async () => {
    let connection: string;
    {
      await using ending = await startTestDirectory(uri);
      const acme = await createDriver(ending.clients);
      connection = acme.connectionId;
      const users = await acme.createUsers(userNames(2_400));
      const crowd = await acme.groupOf('Crowd', users);
      await acme.deleteGroup(crowd);
    }
    await using next = await startTestDirectory(uri);
    await untilClean(connection);
    assert.deepEqual(await documentsOf('memberships', connection), []);
    await holdingsAsLogged(driveConnection(next.clients, connection));
  });
});

suite('what a deleted connection held', () => {
  test('is removed by the next directory when this one ends first', async () => {
    let connection: string;
    {
      await using ending = await startTestDirectory(uri);
      const acme = await createDriver(ending.clients);
      connection = acme.connectionId;
      await acme.createUsers(userNames(1_200));
      await ending.clients.connections.deleteConnection(
        DeleteConnectionRequest.fromPartial({ connectionId: connection }),
      );
    }
    await using next = await startTestDirectory(uri);
    const gone = driveConnection(next.clients, connection);
    let refusal: unknown;
    while (refusal === undefined) await gone.connection().catch((error) => (refusal = error));
    assert.ok(refusal instanceof RpcError && refusal.reason === ErrorReason.CONNECTION_NOT_FOUND);
    for (const collection of ['users', 'groups', 'memberships', 'changes', 'heads', 'connections'])
      assert.deepEqual(await documentsOf(collection, connection), [], collection);
  });
});
