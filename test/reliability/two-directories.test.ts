import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Change } from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { holdingsAsLogged, replay } from '../support/change-log.ts';
import { checkStored } from '../support/check-stored.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  inParallel,
  members,
  operation,
  resourceTypes,
} from '../support/connection-driver.ts';
import { directoryClients, ownDatabase } from '../support/directory.ts';
import { projectRoot, startProcess } from '../support/product-process.ts';

const secretKey = randomBytes(32).toString('hex');

/** A directory in a process of its own, with a client of it. */
async function startDirectoryProcess(uri: string) {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-test-directory-'));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const running = stack.use(
    startProcess(process.execPath, [join(projectRoot, 'services/directory/main.ts')], {
      ROLLCALL_MONGODB_URI: uri,
      ROLLCALL_SECRET_KEY: secretKey,
      ROLLCALL_DATA_DIR: dataDir,
    }),
  );
  const [, address = ''] = await running.printed(/"address":"([^"]+)","msg":"directory started"/);
  const channel = stack.use(
    await openDirectoryChannel({ ROLLCALL_DATA_DIR: dataDir, ROLLCALL_DIRECTORY_ADDRESS: address }, 'admin', {
      timeoutMs: 60_000,
    }),
  );
  const owned = stack.move();
  return {
    clients: directoryClients(channel),
    output: () => running.output(),
    kill: () => running.end('SIGKILL'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const honest: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.UNIQUENESS,
  ErrorReason.RESOURCE_NOT_FOUND,
  ErrorReason.MEMBER_NOT_FOUND,
]);

/** Refusals that a race explains are fine; so is no answer, once the directory was killed. */
function isExpected(error: unknown, killed: boolean): boolean {
  if (!(error instanceof RpcError)) return false;
  return honest.has(error.reason) || (killed && error.reason === ErrorReason.DATABASE_UNAVAILABLE);
}

interface Acknowledged {
  /** Names that were answered as created, with their ids. */
  readonly created: Map<string, string>;
  /** Ids that were answered as deleted. */
  readonly deleted: Set<string>;
  /** Ids whose deletion was asked for, answered or not. */
  readonly mayBeDeleted: Set<string>;
  /** Ids that were answered as added to the shared group. */
  readonly added: Set<string>;
}

/** One client's writes: it creates users under names that all clients want, groups them, renames some, deletes some. */
async function work(
  directory: ConnectionDriver,
  shared: string,
  victims: number,
  acknowledged: Acknowledged,
  isKilled: () => boolean,
): Promise<void> {
  for (let round = 0; round < 15; round++) {
    try {
      const name = `user-${victims}-${round}`;
      const user = idOf((await directory.createUser(name)).user ?? {});
      acknowledged.created.set(name, user);
      await directory.changeMembers(shared, [members.add(user)]);
      acknowledged.added.add(user);
      await directory.patchUser(user, [operation(resourceTypes.user, 'REPLACE', 'title', `round ${round}`)]);
      if (round % 4 === 1) await directory.deleteGroup(await directory.groupOf(`team of ${name}`, [user]));
      if (round % 3 === 0) {
        acknowledged.mayBeDeleted.add(user);
        await directory.deleteUser(user);
        acknowledged.deleted.add(user);
      }
    } catch (error) {
      if (!isExpected(error, isKilled())) throw error;
      if (error instanceof RpcError && error.reason === ErrorReason.DATABASE_UNAVAILABLE) break;
    }
  }
}

/** A client that fills and empties a large group until its directory dies: such a transaction is long. */
async function crowd(directory: ConnectionDriver, group: string, users: readonly string[]): Promise<void> {
  try {
    for (;;) {
      await directory.changeMembers(group, [members.replace(...users)]);
      await directory.changeMembers(group, [members.replace()]);
    }
  } catch (error) {
    if (!isExpected(error, true)) throw error;
  }
}

/**
 * Follows the log after what was heard of it, each change once and in order, until the position is reached or the directory
 * is gone; answers whether it was reached.
 */
async function follow(
  directory: ConnectionDriver,
  heard: Change[],
  end: () => number | undefined,
): Promise<boolean> {
  try {
    for await (const { changes, position } of directory.watchChanges({ after: heard.length })) {
      for (const change of changes) {
        assert.equal(change.position, heard.length + 1);
        heard.push(change);
      }
      assert.equal(position, heard.length);
      if (position === end()) return true;
    }
  } catch (error) {
    if (!isExpected(error, true)) throw error;
  }
  return false;
}

test('two directories write one connection at once, one dies in a transaction, and nothing is lost or broken', async () => {
  const uri = await ownDatabase();
  await using survivor = await startDirectoryProcess(uri);
  const through = await createDriver(survivor.clients);
  const shared = await through.groupOf('shared');
  const many = await through.groupOf('many');
  const names = Array.from({ length: 800 }, (_, index) => `one of many ${index}`);
  const users = await inParallel(names, async (name) => idOf((await through.createUser(name)).user ?? {}));
  // One follows the survivor alone, the other goes from one victim to the next and hears the rest of the survivor.
  const heard = { here: [] as Change[], there: [] as Change[] };
  let end: number | undefined;
  const following = follow(through, heard.here, () => end);
  const acknowledged: Acknowledged = {
    created: new Map(),
    deleted: new Set(),
    mayBeDeleted: new Set(),
    added: new Set(),
  };

  for (let victims = 1; victims <= 3; victims++) {
    await using victim = await startDirectoryProcess(uri);
    const throughVictim = driveConnection(victim.clients, through.connectionId);
    let killed = false;
    const followingVictim = follow(throughVictim, heard.there, () => undefined);
    const workers = [through, throughVictim].flatMap((driver) =>
      Array.from({ length: 8 }, () => work(driver, shared, victims, acknowledged, () => killed)),
    );
    const crowding = crowd(throughVictim, many, users);
    let isWorking = true;
    const worked = Promise.all(workers).finally(() => {
      isWorking = false;
    });
    // The victim is in the middle of its writes: some were answered, and more are always asked for.
    const enough = acknowledged.created.size + 10;
    while (isWorking && acknowledged.created.size < enough) await through.connection();
    const answered = acknowledged.created.size >= enough;
    for (let more = randomInt(10); more > 0; more--) await through.connection();
    killed = true;
    await victim.kill();
    await Promise.all([worked, crowding]);
    assert.equal(await followingVictim, false);
    assert.ok(answered, 'the writes were answered while the crowd wrote');
    // What the victim left open holds up nobody.
    acknowledged.created.set(
      `after ${victims}`,
      idOf((await through.createUser(`after ${victims}`)).user ?? {}),
    );
  }

  const held = await holdingsAsLogged(through);
  await checkStored(uri, through.connectionId, held);
  const fromVictims = heard.there.length;
  end = await through.position();
  assert.deepEqual(await Promise.all([following, follow(through, heard.there, () => end)]), [true, true]);
  assert.ok(fromVictims > 800, 'the victims were heard');
  assert.deepEqual(heard.there, heard.here);
  assert.deepEqual(replay(heard.here), held);
  for (const id of acknowledged.created.values()) {
    if (acknowledged.deleted.has(id)) assert.ok(!held.users.has(id), id);
    else if (!acknowledged.mayBeDeleted.has(id)) assert.ok(held.users.has(id), id);
  }
  for (const id of acknowledged.added) {
    if (held.users.has(id)) assert.ok(held.groups.get(shared)?.members.has(id), id);
  }
  // A name is free again once its user is gone, and never had by two at a time.
  const { users: listed } = await through.listUsers({ page: { pageSize: 1_000 } });
  const taken = listed.map(({ userName = '' }) => userName.toLowerCase());
  assert.equal(new Set(taken).size, taken.length);
});

test('what a killed process left in a transaction holds up a directory for seconds, and leaves nothing behind', async () => {
  const uri = await ownDatabase();
  await using survivor = await startDirectoryProcess(uri);
  const through = await createDriver(survivor.clients);
  await through.createUser('before');
  await using victim = startProcess(
    process.execPath,
    [join(projectRoot, 'test/support/die-in-transaction.ts'), uri, through.connectionId],
    {},
  );
  await victim.printed(/holds 1/);
  await victim.end('SIGKILL');

  // A mongod ends it by itself after transactionLifetimeLimitSeconds; the call's own deadline bounds this test.
  await inParallel(['Ada', 'Bob', 'Cat'], (name) => through.createUser(name));
  const held = await holdingsAsLogged(through);
  await checkStored(uri, through.connectionId, held);
  assert.equal(held.users.size, 4);
});
