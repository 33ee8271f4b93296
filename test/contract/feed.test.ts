import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { AcknowledgeRequest, RegisterConsumerRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  CreateServiceTokenRequest,
  DeleteConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { SetRoleMappingsRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import { readConfig } from '#runtime/config.ts';
import {
  type AccessErrorShape,
  createRollcall,
  rollcallError,
  type WatchAnswer,
} from '../../services/access/client.ts';
import { accessConfig } from '../../services/access/config.ts';
import { startAccess } from '../../services/access/start-access.ts';
import {
  type ConnectionDriver,
  createDriver,
  inParallel,
  operation,
  refused,
  resourceTypes,
  testInConnection,
} from '../support/connection-driver.ts';
import { testLogger } from '../support/directory.ts';
import {
  applyChange,
  connectionContents,
  copyContents,
  type DirectoryCopy,
  emptyCopy,
  exportConnection,
} from '../support/directory-copy.ts';
import { openEventStream, type ServerEvent } from '../support/event-stream.ts';
import { writeAtRandom } from '../support/random-writes.ts';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';

let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall();
});
after(() => rollcall[Symbol.asyncDispose]());

const inConnection = testInConnection(() => rollcall.directory);
const setActive = (active: boolean) => [operation(resourceTypes.user, 'REPLACE', 'active', active)];

suite('a copy of a connection', () => {
  /** Follows the feed from a position, is killed at random, and resumes from what it had noted before; until it has all. */
  async function follow(
    connection: ConnectionDriver,
    copy: DirectoryCopy,
    position: number,
    end: () => number | undefined,
  ): Promise<number> {
    let kills = 0;
    for (let noted = position; ; kills++) {
      for await (const message of connection.watchChanges({ after: noted, withResources: true })) {
        for (const change of message.changes) applyChange(copy, change);
        if (message.position >= (end() ?? Number.POSITIVE_INFINITY)) return kills;
        // It is killed before it notes what it has applied, so that it applies that again.
        if (message.changes.length > 0 && (kills === 0 || randomInt(4) === 0)) break;
        if (randomInt(2) === 0) noted = message.position;
      }
    }
  }

  /** Sets the role mappings again and again. */
  async function editMappings({ connectionId }: ConnectionDriver, edits: number): Promise<void> {
    for (let edit = 0; edit < edits; edit++) {
      const everyone = {
        id: 'all',
        roles: [`role-${edit}`],
        subject: { $case: 'everyone', value: {} },
      } as const;
      const mappings = { mappings: [{ ...everyone, roles: [...everyone.roles] }] };
      const request = SetRoleMappingsRequest.fromPartial({ connectionId, mappings });
      await rollcall.directory.roles.setRoleMappings(request);
    }
  }

  test('is what export and feed give while others write, for consumers that are killed and resume', async () => {
    const acme = await createDriver(rollcall.directory);
    const names = Array.from({ length: 12 }, (_, index) => `user ${index}`);
    const known = { users: await acme.createUsers(names), groups: [await acme.groupOf('Staff')] };
    let end: number | undefined;
    const folded = emptyCopy();
    const folding = follow(acme, folded, 0, () => end);
    const writing = Promise.all([
      editMappings(acme, 20),
      ...Array.from({ length: 4 }, () => writeAtRandom(acme, known, 50)),
    ]);
    const { copy, position, pages } = await exportConnection(rollcall.directory, acme.connectionId, 3);
    const following = follow(acme, copy, position, () => end);
    await writing;
    end = await acme.position();
    const [kills] = await Promise.all([folding, following]);
    assert.ok(kills > 0 && pages > 3 && position < end, 'they were killed, and it was written meanwhile');
    const stands = await connectionContents(rollcall.directory, acme);
    assert.deepEqual(copyContents(folded), stands);
    assert.deepEqual(copyContents(copy), stands);
  });

  inConnection('comes in pages that cut through large groups', async (acme) => {
    const users = await acme.createUsers(Array.from({ length: 30 }, (_, index) => `user ${index}`));
    await acme.groupOf('None');
    await acme.groupOf('All', users);
    await acme.groupOf('One', users.slice(0, 1));
    const stands = await connectionContents(rollcall.directory, acme);
    for (const pageSize of [1, 10, 31, 32, 33, 1_000]) {
      const { copy, position } = await exportConnection(rollcall.directory, acme.connectionId, pageSize);
      assert.deepEqual(copyContents(copy), stands);
      assert.equal(position, await acme.position());
    }
    const empty = await createDriver(rollcall.directory);
    const { copy, pages } = await exportConnection(rollcall.directory, empty.connectionId, 0);
    assert.deepEqual([copyContents(copy), pages], [copyContents(emptyCopy()), 1]);
  });
});

suite('a consumer', () => {
  const named = (connection: ConnectionDriver, name: string) => ({
    connectionId: connection.connectionId,
    name,
  });
  const register = async (connection: ConnectionDriver, name: string, after?: number) => {
    const request = { ...named(connection, name), ...(after !== undefined && { after }) };
    const { changes } = rollcall.directory;
    const { consumer } = await changes.registerConsumer(RegisterConsumerRequest.fromPartial(request));
    return [consumer?.position, consumer?.lag];
  };
  const acknowledge = (connection: ConnectionDriver, name: string, position: number) =>
    rollcall.directory.changes.acknowledge(
      AcknowledgeRequest.fromPartial({ ...named(connection, name), position }),
    );
  const list = async ({ connectionId }: ConnectionDriver) =>
    (await rollcall.directory.changes.listConsumers({ connectionId })).consumers;

  inConnection('acknowledges positions, and its lag is known', async (acme) => {
    await acme.createUsers(['ada', 'bob']);
    assert.deepEqual(await register(acme, 'billing', 0), [0, 2]);
    assert.deepEqual(await register(acme, 'sign-in'), [2, 0]);
    const [third] = [await acme.createUser('cat')];
    assert.deepEqual(await acknowledge(acme, 'billing', 1), { position: 1 });
    assert.deepEqual(await register(acme, 'billing', 3), [1, 2], 'one that is known stays');
    assert.deepEqual(await acknowledge(acme, 'billing', 0), { position: 1 });
    const [, second, last] = await acme.listChanges();
    const consumers = await list(acme);
    assert.deepEqual(
      consumers.map(({ name, position, lag, laggingSince }) => ({ name, position, lag, laggingSince })),
      [
        { name: 'billing', position: 1, lag: 2, laggingSince: second?.time },
        { name: 'sign-in', position: 2, lag: 1, laggingSince: last?.time },
      ],
    );
    assert.ok(consumers[0]?.acknowledged);
    assert.equal(consumers[1]?.acknowledged, undefined);
    await acknowledge(acme, 'sign-in', third.position);
    assert.deepEqual(
      (await list(acme)).map(({ lag, laggingSince }) => [lag, laggingSince !== undefined]),
      [
        [2, true],
        [0, false],
      ],
    );
    await rollcall.directory.changes.deleteConsumer(named(acme, 'billing'));
    assert.deepEqual(
      (await list(acme)).map(({ name }) => name),
      ['sign-in'],
    );
    const other = await createDriver(rollcall.directory);
    assert.deepEqual(await list(other), []);
    const gone = { consumer: 'billing' };
    const { changes } = rollcall.directory;
    await refused(acknowledge(acme, 'billing', 1), ErrorReason.CONSUMER_NOT_FOUND, gone);
    await refused(changes.deleteConsumer(named(acme, 'billing')), ErrorReason.CONSUMER_NOT_FOUND, gone);
    await refused(acknowledge(other, 'sign-in', 1), ErrorReason.CONSUMER_NOT_FOUND, { consumer: 'sign-in' });
    for (const name of ['', 'Billing', 'a/b', 'x'.repeat(65)])
      await refused(register(acme, name), ErrorReason.REQUEST_INVALID, { field: 'name' });
  });

  inConnection('is measured by how long a deprovisioning takes to reach it', async (acme) => {
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    await register(acme, 'measured');
    await acme.patchUser(ada, setActive(false));
    await acme.patchUser(ada, [operation(resourceTypes.user, 'REPLACE', 'title', 'x')]);
    await acme.deleteUser(bob);
    const { position } = await acme.createUser('cat');
    const { metrics } = rollcall.database;
    const lag = async () => {
      const text = await metrics.getSingleMetricAsString('rollcall_directory_consumer_lag_seconds');
      return Number(/\{consumer="measured"\} (\S+)$/m.exec(text)?.[1]);
    };
    assert.ok((await lag()) > 0);
    await acknowledge(acme, 'measured', position);
    assert.equal(await lag(), 0);
    await acknowledge(acme, 'measured', position);
    const text = await rollcall.database.metrics.getSingleMetricAsString(
      'rollcall_directory_deprovisioning_seconds',
    );
    assert.match(text, /_count\{consumer="measured"\} 2$/m);
  });

  inConnection('is one of a hundred at most', async (acme) => {
    const names = Array.from({ length: 100 }, (_, index) => `service-${index}`);
    await inParallel(names, (name) => register(acme, name));
    await refused(register(acme, 'one-more'), ErrorReason.LIMIT_EXCEEDED, {
      limit: 'consumers',
      maximum: '100',
    });
    assert.deepEqual(await register(acme, 'service-7'), [0, 0]);
  });

  test('is gone with its connection', async () => {
    const acme = await createDriver(rollcall.directory);
    const { connectionId } = acme;
    await register(acme, 'billing');
    await rollcall.directory.connections.deleteConnection(
      DeleteConnectionRequest.fromPartial({ connectionId }),
    );
    await using client = await MongoClient.connect(rollcall.database.uri);
    const heads = client.db().collection<{ _id: string }>('heads');
    while (await heads.findOne({ _id: connectionId }));
    assert.equal(await client.db().collection('consumers').findOne({ connection: connectionId }), null);
  });
});

suite('over tRPC', () => {
  /** A client of the access service for one connection, its token, and what opens a watch. */
  async function accessTo({ connectionId }: ConnectionDriver) {
    const { secret: token, token: made } = await rollcall.directory.connections.createServiceToken(
      CreateServiceTokenRequest.fromPartial({ label: 'test', connectionIds: [connectionId] }),
    );
    const client = createRollcall({ url: rollcall.accessUrl, token });
    return { client, token, tokenId: made?.id ?? '' };
  }

  /** Opens `changes.watch` as an EventSource does. */
  function watch(
    token: string,
    input: object,
    options: { url?: string; lastEventId?: string } = {},
  ): {
    next(): Promise<ServerEvent>;
    changes(): Promise<{ id: string; answer: WatchAnswer }>;
  } & AsyncDisposable {
    const { url = rollcall.accessUrl, ...rest } = options;
    const address = new URL(`${url}/trpc/changes.watch`);
    address.searchParams.set('input', JSON.stringify(input));
    const events = openEventStream(address, { token, ...rest });
    async function next() {
      const { done, value } = await events.next();
      assert.ok(!done, 'the stream ended');
      return value;
    }
    return {
      next,
      async changes() {
        for (;;) {
          const { event, id, data } = await next();
          const answer = data as WatchAnswer;
          if (event === 'message' && answer.changes.length > 0) return { id, answer };
          assert.ok(event === 'message' || event === 'connected', JSON.stringify(data));
        }
      },
      async [Symbol.asyncDispose]() {
        await events.return(undefined);
      },
    };
  }

  /** Reads on to the error that ends a watch. */
  async function errorOf({ next }: Pick<ReturnType<typeof watch>, 'next'>) {
    for (;;) {
      const { event, data } = await next();
      if (event === 'serialized-error') return data as AccessErrorShape;
      assert.notEqual(event, 'return', 'it ended as if nothing more could come');
    }
  }

  inConnection('changes.since says what happened in the words of a product', async (acme) => {
    const { client } = await accessTo(acme);
    const connection = acme.connectionId;
    const [ada = ''] = await acme.createUsers(['ada', 'bob']);
    const staff = await acme.groupOf('Staff', [ada]);
    const { position } = await acme.patchUser(ada, setActive(false), { requestId: 'r1' });
    const page = await client.changes.since.query({ connection, after: 0 });
    assert.deepEqual([page.position, page.asOf], [5, 5]);
    assert.deepEqual(
      page.changes.map(({ type }) => type),
      ['user-created', 'user-created', 'group-created', 'members-changed', 'user-deactivated'],
    );
    const { time, ...last } = page.changes.at(-1) ?? assert.fail();
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.deepEqual(last, {
      position,
      requestId: 'r1',
      type: 'user-deactivated',
      userId: ada,
      active: false,
      attributes: ['active'],
      affected: { users: [ada], groups: [], everyone: false },
    });
    const wanted = {
      connection,
      after: 0,
      pageSize: 4,
      users: [ada],
      withResources: true,
      atLeast: position,
    };
    const some = await client.changes.since.query({ ...wanted, types: ['user-created', 'members-changed'] });
    assert.deepEqual([some.position, some.asOf], [4, 5]);
    const [created, joined] = some.changes;
    assert.ok(created?.type === 'user-created' && joined?.type === 'members-changed');
    // As it is now, and not as it was then.
    assert.deepEqual([created.active, created.user?.userName, created.user?.active], [true, 'ada', false]);
    assert.deepEqual([joined.groupId, joined.added, joined.group?.displayName], [staff, [ada], 'Staff']);
    await assert.rejects(
      client.changes.since.query({ connection, after: 0, types: ['user-lost' as 'user-created'] }),
      (error) => rollcallError(error)?.reason === ErrorReason.REQUEST_INVALID,
    );
  });

  inConnection('changes.watch goes on after the last message that arrived', async (acme) => {
    const { token } = await accessTo(acme);
    const connection = acme.connectionId;
    const [ada = ''] = await acme.createUsers(['ada', 'bob']);
    {
      await using stream = watch(token, { connection, after: 1 });
      const { event, data } = await stream.next();
      assert.deepEqual([event, data], ['connected', { reconnectAfterInactivityMs: 5_000 }]);
      const begin = await stream.next();
      assert.deepEqual([begin.id, begin.data], ['1', { changes: [], position: 1 }]);
      const { id, answer } = await stream.changes();
      assert.deepEqual([id, answer.position, answer.changes[0]?.type], ['2', 2, 'user-created']);
      for (;;) {
        const { id, data } = await stream.next();
        const { ageMs, ...rest } = data as WatchAnswer;
        assert.deepEqual([id, rest], ['2', { changes: [], position: 2 }]);
        if (ageMs !== undefined) break;
      }
    }
    await acme.patchUser(ada, setActive(false));
    const types = ['user-deactivated', 'user-deleted'];
    await using stream = watch(token, { connection, after: 0, types }, { lastEventId: '2' });
    assert.equal((await stream.next()).event, 'connected');
    assert.equal((await stream.next()).id, '2');
    assert.deepEqual((await stream.changes()).answer.changes[0]?.position, 3);
    await acme.createUser('cat');
    await acme.deleteUser(ada);
    const { id, answer } = await stream.changes();
    assert.equal(id, '5');
    assert.deepEqual(
      answer.changes.map(({ type }) => type),
      ['user-deleted'],
    );
  });

  inConnection('changes.watch ends with the token, and is for its connections alone', async (acme) => {
    const { token, tokenId } = await accessTo(acme);
    const connection = acme.connectionId;
    const other = await createDriver(rollcall.directory);
    await using forbidden = watch(token, { connection: other.connectionId });
    assert.equal((await errorOf(forbidden)).data.reason, ErrorReason.CALLER_FORBIDDEN);
    await using unknown = watch(token, { connection, lastEventId: 'x' });
    assert.equal((await errorOf(unknown)).data.reason, ErrorReason.REQUEST_INVALID);
    await using stream = watch(token, { connection });
    assert.equal((await stream.next()).event, 'connected');
    await rollcall.directory.connections.revokeServiceToken({ tokenId });
    assert.equal((await errorOf(stream)).data.reason, ErrorReason.TOKEN_INVALID);
  });

  inConnection('changes.watch of a service that stops is to be resumed', async (acme) => {
    const { token } = await accessTo(acme);
    const config = readConfig(accessConfig, {
      ROLLCALL_DATA_DIR: rollcall.dataDir,
      ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
      ROLLCALL_ACCESS_PORT: '0',
    });
    const access = await startAccess(config, { logger: testLogger('access') });
    await using stream = watch(token, { connection: acme.connectionId }, { url: access.address });
    assert.equal((await stream.next()).event, 'connected');
    await stream.next();
    const ended = errorOf(stream);
    await access[Symbol.asyncDispose]();
    const { data } = await ended;
    assert.deepEqual([data.code, data.reason], ['SERVICE_UNAVAILABLE', ErrorReason.FEED_STOPPED]);
  });

  inConnection('changes.export gives everything in pages, and consumers acknowledge', async (acme) => {
    const { client } = await accessTo(acme);
    const connection = acme.connectionId;
    const users = await acme.createUsers(['ada', 'bob', 'cat']);
    const everyone = { id: 'all', subject: { $case: 'everyone' as const, value: {} }, roles: ['member'] };
    const mappings = { mappings: [everyone], protectedRoles: ['member'] };
    await rollcall.directory.roles.setRoleMappings(
      SetRoleMappingsRequest.fromPartial({ connectionId: connection, mappings, author: 'ada' }),
    );
    const inner = await acme.groupOf('Inner', users.slice(0, 2));
    const outer = await acme.groupOf('Outer', [inner, ...users.slice(2)]);
    const first = await client.changes.export.query({ connection, pageSize: 6 });
    const { nextPageToken: pageToken = '', ...page } = first;
    const rest = await client.changes.export.query({ connection, pageSize: 6, pageToken });
    assert.deepEqual(page.users.map(({ id }) => id).sort(), users.toSorted());
    assert.deepEqual([page.position, rest.position], [8, 8]);
    const mapped = {
      version: 1,
      mappings: [{ id: 'all', subject: { everyone: true }, roles: ['member'] }],
      protectedRoles: ['member'],
    };
    assert.deepEqual([page.mappings, rest.mappings], [mapped, undefined]);
    const since = await client.changes.since.query({
      connection,
      after: 0,
      types: ['mappings-changed'],
      withResources: true,
    });
    const { position, time: _, ...edited } = since.changes[0] ?? assert.fail();
    assert.deepEqual(
      [position, edited],
      [
        4,
        {
          type: 'mappings-changed',
          affected: { users: [], groups: [], everyone: true },
          version: 1,
          author: 'ada',
          changed: ['all'],
          mappings: mapped,
        },
      ],
    );
    assert.deepEqual(
      [...page.groups, ...rest.groups].map(({ id }) => id),
      [inner, outer],
    );
    assert.equal(rest.nextPageToken, undefined);
    const found = [...page.members, ...rest.members].flatMap(({ group, members }) =>
      members.map(({ id, kind }) => `${group} ${kind} ${id}`),
    );
    assert.deepEqual(
      found.sort(),
      [
        ...users.slice(0, 2).map((id) => `${inner} User ${id}`),
        `${outer} User ${users[2]}`,
        `${outer} Group ${inner}`,
      ].sort(),
    );
    const name = 'billing';
    assert.deepEqual(await client.consumers.register.mutate({ connection, name, after: 2 }), {
      name,
      position: 2,
      lag: 6,
    });
    assert.deepEqual(
      await client.consumers.acknowledge.mutate({ connection, name, position: page.position }),
      {
        position: 8,
      },
    );
    await assert.rejects(
      client.consumers.acknowledge.mutate({ connection, name: 'other', position: 1 }),
      (error) => rollcallError(error)?.reason === ErrorReason.CONSUMER_NOT_FOUND,
    );
  });
});
