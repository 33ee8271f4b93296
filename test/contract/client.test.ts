import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DeleteConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import {
  type AccessSnapshot,
  type ChangeAnswer,
  createRollcall,
  type RememberedAccess,
  type Rollcall,
  rollcallError,
} from '../../services/access/client.ts';
import { driveConnection, members, operation, resourceTypes } from '../support/connection-driver.ts';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';

let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall();
});
after(() => rollcall[Symbol.asyncDispose]());

async function createConnection() {
  const connection = await rollcall.connect();
  const client: Rollcall = await rollcall.accessFor(connection);
  const acme = driveConnection(rollcall.directory, connection.id);
  return {
    acme,
    connection,
    client,
    setActive: (user: string, active: boolean) =>
      acme.patchUser(user, [operation(resourceTypes.user, 'REPLACE', 'active', active)]),
  };
}

test('a watch goes on where it was when the service is replaced by another: each change once and in order', async () => {
  const { acme, connection } = await createConnection();
  const { address, clientFor, ...first } = await rollcall.startAccess({});
  const client = await clientFor(connection);
  await acme.createUsers(['ada', 'bob']);
  const seen: ChangeAnswer[] = [];
  const ends = new AbortController();
  const heard = Promise.withResolvers<void>();
  const watching = (async () => {
    for await (const { changes } of client.watch({
      connection: connection.id,
      after: 0,
      signal: ends.signal,
    })) {
      seen.push(...changes);
      if (seen.length >= 2) heard.resolve();
      if (seen.length >= 5) return;
    }
  })();
  await heard.promise;
  await first[Symbol.asyncDispose]();
  await acme.createUsers(['eve', 'kim']);
  await using _second = await rollcall.startAccess({ ROLLCALL_ACCESS_PORT: new URL(address).port });
  await acme.createUsers(['lee']);
  await watching;
  assert.deepEqual(
    seen.map(({ position, type }) => [position, type]),
    [1, 2, 3, 4, 5].map((position) => [position, 'user-created']),
  );
});

test('a slow consumer of a watch misses nothing', async () => {
  const { acme, connection, client } = await createConnection();
  await acme.createUsers(['first']);
  const seen: number[] = [];
  for await (const { changes } of client.watch({ connection: connection.id, after: 0 })) {
    for (const { position } of changes) {
      seen.push(position);
      // It writes more than may wait for it before it goes on.
      if (position === 1) await acme.createUsers(Array.from({ length: 300 }, (_, index) => `user ${index}`));
    }
    if (seen.length >= 301) break;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 301 }, (_, index) => index + 1),
  );
});

test('a watch ends with what connecting again cannot mend, and when it is told to', async () => {
  const { connection, client } = await createConnection();
  const reasonOf = async (watched: Rollcall, id: string) => {
    try {
      for await (const _ of watched.watch({ connection: id })) return 'it began';
      return 'it ended';
    } catch (error) {
      return rollcallError(error)?.reason;
    }
  };
  const unknown = createRollcall({ url: rollcall.accessUrl, token: 'wrong' });
  assert.equal(await reasonOf(unknown, connection.id), 'ERROR_REASON_TOKEN_INVALID');
  assert.equal(await reasonOf(client, 'otherconnection'), 'ERROR_REASON_CALLER_FORBIDDEN');
  assert.equal(await reasonOf(client, connection.id), 'it began');
  const ends = new AbortController();
  for await (const _ of client.watch({ connection: connection.id, signal: ends.signal })) ends.abort();
});

test('what is remembered follows every change, and tells of it', async () => {
  const { acme, connection, client, setActive } = await createConnection();
  const [ada = '', bob = '', eve = ''] = await acme.createUsers(['ada', 'bob', 'eve']);
  const team = await acme.groupOf('Team', [ada]);
  const told: AccessSnapshot[] = [];
  let news = Promise.withResolvers<AccessSnapshot>();
  await using access: RememberedAccess = client.remember({
    connection: connection.id,
    onChange(snapshot) {
      told.push(snapshot);
      news.resolve(snapshot);
    },
  });
  const next = async (write: Promise<unknown>) => {
    news = Promise.withResolvers();
    await write;
    return news.promise;
  };
  for (const user of [ada, bob, eve]) assert.equal((await access.of(user)).active, true);
  access.forget(eve);

  const staff = await acme.groupOf('Staff');
  const nested = await next(acme.changeMembers(staff, [members.add(team)]));
  assert.deepEqual([nested.user, nested.groups.map(({ id }) => id).sort()], [ada, [team, staff].sort()]);
  assert.deepEqual((await access.of(ada)).groups, nested.groups);

  await setActive(eve, false);
  const ended = await next(setActive(bob, false));
  assert.deepEqual([ended.user, ended.active], [bob, false]);
  const gone = await next(acme.deleteUser(ada));
  assert.deepEqual([gone.user, gone.known, gone.active], [ada, false, false]);
  assert.deepEqual(
    told.map(({ user }) => user),
    [ada, bob, ada],
  );
});

test('what is remembered is given without asking only while it is current', async () => {
  const { acme, connection, setActive } = await createConnection();
  await using service = await rollcall.startAccess({});
  const { metrics } = service;
  const client = await service.clientFor(connection);
  const [ada = ''] = await acme.createUsers(['ada']);
  const asked = async () => {
    const values =
      (await metrics.getSingleMetric('rollcall_access_query_duration_seconds')?.get())?.values ?? [];
    const { value = 0 } =
      values.find(
        ({ labels, ...rest }) =>
          labels.procedure === 'access.snapshot' &&
          'metricName' in rest &&
          String(rest.metricName).endsWith('_count'),
      ) ?? {};
    return value;
  };
  {
    await using access = client.remember({ connection: connection.id, maxStalenessMs: 60_000 });
    for (let before = -1; (await asked()) !== before; await access.of(ada)) before = await asked();
    const before = await asked();
    for (let time = 0; time < 100; time++) await access.of(ada);
    assert.equal(await asked(), before);
  }
  {
    await using access = client.remember({ connection: connection.id, maxStalenessMs: 0 });
    await access.of(ada);
    await setActive(ada, false);
    assert.equal((await access.of(ada)).active, false);
    await rollcall.directory.connections.deleteConnection(
      DeleteConnectionRequest.fromPartial({ connectionId: connection.id }),
    );
    await assert.rejects(access.of(ada), (error) => rollcallError(error)?.httpStatus === 404);
  }
});
