import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { replay } from '../support/change-log.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  inParallel,
  refusal,
  refused,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

type TestDirectory = Awaited<ReturnType<typeof startTestDirectory>>;

let first: TestDirectory;
let second: TestDirectory;
before(async () => {
  first = await startTestDirectory();
  second = await startTestDirectory(first.uri);
});
after(async () => {
  await second[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
});

/** Every read that can say how current it must be; each shows the position it answers for. */
const reads = {
  getUser: async (c: ConnectionDriver, { user }: Ids, atLeast: number) =>
    (await c.getUser(user, { freshness: { atLeast } })).asOf,
  listUsers: async (c: ConnectionDriver, _: Ids, atLeast: number) =>
    (await c.listUsers({ freshness: { atLeast } })).header.asOf,
  getGroup: async (c: ConnectionDriver, { group }: Ids, atLeast: number) =>
    (await c.getGroup(group, { freshness: { atLeast } })).position,
  listGroups: async (c: ConnectionDriver, _: Ids, atLeast: number) =>
    (await c.listGroups({ freshness: { atLeast } })).header.asOf,
  listMembers: async (c: ConnectionDriver, { group }: Ids, atLeast: number) =>
    (await c.listMembers(group, { freshness: { atLeast } })).asOf,
  listUserGroups: async (c: ConnectionDriver, { user }: Ids, atLeast: number) =>
    (await c.listUserGroups(user, { freshness: { atLeast } })).asOf,
  checkMembership: async (c: ConnectionDriver, { user, group }: Ids, atLeast: number) =>
    (await c.check(user, group, { freshness: { atLeast } })).asOf,
  batchCheckMemberships: async (c: ConnectionDriver, { user, group }: Ids, atLeast: number) =>
    (await c.checkMany([[user, group]], { freshness: { atLeast } })).asOf,
};

interface Ids {
  readonly user: string;
  readonly group: string;
}

async function populated() {
  const acme = await createDriver(first.clients);
  const { user } = await acme.createUser('ada');
  const group = await acme.groupOf('Staff', [idOf(user)]);
  return { acme, ids: { user: idOf(user), group } };
}

suite('at_least', () => {
  test('that is reached answers at once, in every read', async () => {
    const { acme, ids } = await populated();
    for (const read of Object.values(reads))
      for (const position of [0, 1, 3]) assert.equal(await read(acme, ids, position), 3);
  });

  test('that is not reached in time is refused, in every read', async () => {
    const { acme, ids } = await populated();
    await Promise.all(
      Object.values(reads).map((read) =>
        refused(read(acme, ids, 4), ErrorReason.POSITION_NOT_REACHED, { position: '3', at_least: '4' }),
      ),
    );
  });

  test('waits for the write of another client, here or in another directory', async () => {
    const { acme, ids } = await populated();
    for (const writer of [acme, driveConnection(second.clients, acme.connectionId)]) {
      const before = await acme.position();
      const waiting = Object.values(reads).map((read) => read(acme, ids, before + 1));
      const found = acme.listUsers({ freshness: { atLeast: before + 1 } });
      const { user } = await writer.createUser(`user ${before}`);
      for (const asOf of await Promise.all(waiting)) assert.equal(asOf, before + 1);
      assert.ok((await found).ids.includes(idOf(user)));
    }
  });

  test('is a position', async () => {
    const { acme, ids } = await populated();
    for (const read of Object.values(reads))
      await refused(read(acme, ids, -1), ErrorReason.REQUEST_INVALID, { field: 'freshness.at_least' });
  });

  test('waits no longer than the caller does', async () => {
    const { acme, ids } = await populated();
    const error = await refusal(acme.getUser(ids.user, { freshness: { atLeast: 4 } }, { timeoutMs: 100 }));
    const expected: ErrorReason[] = [ErrorReason.POSITION_NOT_REACHED, ErrorReason.DEADLINE_EXCEEDED];
    assert.ok(expected.includes(error.reason), error.reason);
  });
});

suite('fresh', () => {
  test('shows what another directory has just written', async () => {
    const { acme } = await populated();
    const elsewhere = driveConnection(second.clients, acme.connectionId);
    for (let round = 0; round < 20; round++) {
      const { user, position } = await elsewhere.createUser(`user ${round}`);
      const read = await acme.getUser(idOf(user), { freshness: { fresh: true } });
      assert.ok(read.asOf >= position);
    }
  });
});

suite('an answer', () => {
  test('shows every change up to its position, and none after it', async () => {
    const acme = await createDriver(first.clients);
    const names = Array.from({ length: 300 }, (_, index) => `user ${index}`);
    const writing = inParallel(names, async (name, index) => {
      const { user } = await acme.createUser(name);
      if (index % 3 > 0) await acme.deleteUser(idOf(user));
    });
    const ended = writing.then(() => true);
    const seen: { asOf: number; total: number; ids: readonly string[] }[] = [];
    do {
      const { header, ids } = await acme.listUsers({ page: { pageSize: 1_000 } });
      seen.push({ asOf: header.asOf, total: header.totalSize, ids });
    } while (!(await Promise.race([ended, Promise.resolve(false)])));
    assert.ok(seen.length > 1);

    const changes = await acme.listChanges();
    for (const { asOf, total, ids } of seen) {
      const expected = [...replay(changes.slice(0, asOf)).users.keys()];
      assert.deepEqual(ids, expected);
      assert.equal(total, expected.length);
    }
  });
});
