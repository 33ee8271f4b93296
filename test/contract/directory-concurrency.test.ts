import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  PauseConnectionRequest,
  ResumeConnectionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { JsonValue } from '#scim/json.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  members,
  operation,
  resourceTypes,
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

const patch = (op: keyof typeof PatchOp, path: string, value?: JsonValue) =>
  operation(resourceTypes.user, op, path, value);

const clients = Array.from({ length: 64 }, (_, index) => index);

/** What became of concurrent calls: the answers, and the reasons of the refusals. */
async function outcomes<Answer>(calls: readonly Promise<Answer>[]) {
  const settled = await Promise.allSettled(calls);
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const reasons = settled.flatMap((one) => {
    if (one.status === 'fulfilled') return [];
    assert.ok(one.reason instanceof RpcError, String(one.reason?.stack));
    return [one.reason.reason];
  });
  return { settled, answers, reasons };
}

/** How often a counter of the first directory has counted. */
async function count(name: 'transactions' | 'commands'): Promise<number> {
  const metric = await first.metrics.getSingleMetric(`rollcall_directory_${name}_total`)?.get();
  return metric?.values[0]?.value ?? 0;
}

/** Every test runs with one directory, and with two that write the same connection. */
function inConnection(name: string, run: (clientOf: (index: number) => ConnectionDriver) => Promise<void>) {
  for (const instances of [1, 2])
    test(`${name} (${instances === 1 ? 'one directory' : 'two directories'})`, async () => {
      const acme = await createDriver(first.clients);
      const other = driveConnection(second.clients, acme.connectionId);
      await run((index) => (index % instances === 0 ? acme : other));
      await holdingsAsLogged(acme);
    });
}

suite('64 clients', () => {
  inConnection('add a member each to one group, and none is lost', async (clientOf) => {
    const acme = clientOf(0);
    const users = await acme.createUsers(clients.map((index) => `user ${index}`));
    const group = await acme.groupOf('Staff');
    const { answers } = await outcomes(
      users.map((user, index) => clientOf(index).changeMembers(group, [members.add(user)])),
    );
    assert.deepEqual(
      answers.map(({ version }) => Number(version)).sort((a, b) => a - b),
      clients.map((index) => index + 2),
    );
    assert.equal(new Set(answers.map(({ position }) => position)).size, 64);
    const { members: found } = await acme.getGroup(group);
    assert.deepEqual(found.map(({ value }) => value).sort(), [...users].sort());
  });

  inConnection('create users of which half collide, and one of each name wins', async (clientOf) => {
    const names = clients.map((index) =>
      index % 2 === 0 ? `User-${index}@example.com` : `uSER-${index - 1}@EXAMPLE.com`,
    );
    const { settled, answers, reasons } = await outcomes(
      names.map((userName, index) => clientOf(index >> 1).createUser(userName)),
    );
    assert.equal(answers.length, 32);
    assert.deepEqual(reasons, Array(32).fill(ErrorReason.UNIQUENESS));
    for (const index of clients.filter((one) => one % 2 === 0))
      assert.notEqual(settled[index]?.status, settled[index + 1]?.status);
    assert.equal(new Set(answers.map(({ position }) => position)).size, 32);
    const { users } = await clientOf(0).listUsers();
    assert.deepEqual(
      users.map(({ userName }) => userName).sort(),
      answers.map(({ user }) => user.userName).sort(),
    );
  });

  inConnection('change what they have read, and one wins', async (clientOf) => {
    const acme = clientOf(0);
    const { user } = await acme.createUser('ada');
    const { answers, reasons } = await outcomes(
      clients.map((index) =>
        clientOf(index).patchUser(idOf(user), [patch('REPLACE', 'title', `t${index}`)], {
          expectedVersion: '1',
        }),
      ),
    );
    assert.equal(answers.length, 1);
    assert.deepEqual(reasons, Array(63).fill(ErrorReason.VERSION_MISMATCH));
    assert.equal((await acme.getUser(idOf(user))).user.title, answers[0]?.user.title);
  });

  inConnection('append to one user, and no value is lost', async (clientOf) => {
    const acme = clientOf(0);
    const { user } = await acme.createUser('ada');
    const { answers } = await outcomes(
      clients.map((index) =>
        clientOf(index).patchUser(idOf(user), [patch('ADD', 'emails', [{ value: `m${index}@example.com` }])]),
      ),
    );
    assert.equal(new Set(answers.map((answer) => answer.user.meta?.version)).size, 64);
    for (const { user: seen } of answers)
      assert.equal(String(seen.emails.length + 1), seen.meta?.version, 'each answer shows its own version');
    assert.equal((await acme.getUser(idOf(user))).user.emails.length, 64);
  });

  test('share transactions', async () => {
    const acme = await createDriver(first.clients);
    const group = await acme.groupOf('Staff');
    const users = await acme.createUsers(clients.map((index) => `user ${index}`));
    const before = { commands: await count('commands'), transactions: await count('transactions') };
    for (const round of [1, 2, 3, 4]) {
      const change = round % 2 === 1 ? members.add : members.remove;
      await Promise.all(users.map((user) => acme.changeMembers(group, [change(user)])));
    }
    const commands = (await count('commands')) - before.commands;
    const transactions = (await count('transactions')) - before.transactions;
    assert.equal(commands, 4 * 64);
    // Usually two or three a round.
    assert.ok(transactions >= 4 && transactions <= 64, `${transactions} transactions`);
  });

  test('that are refused or ask for nothing new harm nobody', async () => {
    const acme = await createDriver(first.clients);
    const { user } = await acme.createUser({ userName: 'ada', title: 'Countess' });
    const before = await acme.position();
    const { answers, reasons } = await outcomes(
      clients.map(async (index) => {
        if (index % 4 === 0) return acme.createUser(`user ${index}`);
        if (index % 4 === 1) return acme.createUser('ADA');
        if (index % 4 === 2) return acme.patchUser(idOf(user), [patch('REPLACE', 'title', 'Countess')]);
        return acme.createUser(`user ${index}`, { validateOnly: true });
      }),
    );
    assert.equal(answers.length, 48);
    assert.deepEqual(reasons, Array(16).fill(ErrorReason.UNIQUENESS));
    assert.equal(await acme.position(), before + 16);
    await holdingsAsLogged(acme);
  });
});

const rounds = Array.from({ length: 8 }, (_, index) => index);

suite('a directory that wrote a connection last', () => {
  const known = async () => {
    const acme = await createDriver(first.clients);
    const { user } = await acme.createUser('ada');
    return { acme, id: idOf(user), connectionId: acme.connectionId };
  };
  const refusal = async (call: Promise<unknown>) => (await outcomes([call])).reasons[0];

  test('writes on from what another one has written', async () => {
    const { acme, id, connectionId } = await known();
    const other = driveConnection(second.clients, connectionId);
    for (const title of ['a', 'b', 'c']) {
      await other.patchUser(id, [patch('ADD', 'nickName', title)]);
      await acme.patchUser(id, [patch('ADD', 'title', title)]);
    }
    const { user } = await acme.getUser(id);
    assert.deepEqual([user.nickName, user.title], ['c', 'c']);
    await holdingsAsLogged(acme);
  });

  // Neither leaves a change record, which the next one would be in the way of.
  test('writes nothing after another one has paused it', async () => {
    const { acme, id, connectionId } = await known();
    const { connections } = second.clients;
    await connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId }));
    // First what would change nothing, and so has nothing to write.
    assert.equal(await refusal(acme.patchUser(id, [])), ErrorReason.CONNECTION_PAUSED);
    assert.equal(await refusal(acme.createUser('bob')), ErrorReason.CONNECTION_PAUSED);
    assert.equal((await acme.listUsers()).ids.length, 1);
    await connections.resumeConnection(ResumeConnectionRequest.fromPartial({ connectionId }));
    await acme.createUser('bob');
  });

  test('writes by the settings that another one has changed', async () => {
    const { acme, connectionId } = await known();
    const settings = { connectionId, requiredAttributes: { paths: ['title'] } };
    await second.clients.connections.updateConnection(UpdateConnectionRequest.fromPartial(settings));
    assert.equal(await refusal(acme.createUser('bob')), ErrorReason.VALUE_INVALID);
    await acme.createUser({ userName: 'bob', title: 'Major' });
  });
});

suite('what happens at once happens one after the other', () => {
  inConnection('a name is freed and taken', async (clientOf) => {
    const acme = clientOf(0);
    for (const round of rounds) {
      const [leaving, taking] = await acme.createUsers([`shared ${round}`, `taking ${round}`]);
      assert.ok(leaving && taking);
      const rename = [patch('REPLACE', 'userName', `SHARED ${round}`)];
      const calls = [() => clientOf(0).deleteUser(leaving), () => clientOf(1).patchUser(taking, rename)];
      const ordered = round % 2 === 0 ? calls : calls.toReversed();
      const { reasons } = await outcomes(ordered.map((call) => call() as Promise<unknown>));
      assert.ok(reasons.every((reason) => reason === ErrorReason.UNIQUENESS));
      const renamed = reasons.length === 0;
      const { users } = await acme.listUsers({ filter: `userName eq "shared ${round}"` });
      assert.deepEqual(
        users.map(({ id }) => id),
        renamed ? [taking] : [],
      );
      assert.equal((await acme.createUser(`shared ${round}`).catch(() => undefined)) === undefined, renamed);
    }
  });

  inConnection('names go round', async (clientOf) => {
    const acme = clientOf(0);
    const ids = await acme.createUsers(['name 0', 'name 1', 'name 2', 'name 3']);
    for (const round of rounds) {
      const { reasons } = await outcomes(
        ids.map((id, index) =>
          clientOf(index).patchUser(id, [patch('REPLACE', 'userName', `name ${(index + round) % 5}`)]),
        ),
      );
      assert.ok(reasons.every((reason) => reason === ErrorReason.UNIQUENESS));
      const { users } = await acme.listUsers();
      assert.equal(new Set(users.map(({ userName }) => userName)).size, 4);
    }
  });

  inConnection('a user is deleted and added to a group', async (clientOf) => {
    const acme = clientOf(0);
    const group = await acme.groupOf('Staff');
    for (const round of rounds) {
      const { user } = await acme.createUser(`user ${round}`);
      const id = idOf(user);
      const { reasons } = await outcomes<unknown>([
        ...(round % 2 === 0 ? [acme.deleteUser(id)] : []),
        clientOf(1).changeMembers(group, [members.add(id)]),
        clientOf(2).createGroup(`Group ${round}`, [id]),
        ...(round % 2 === 1 ? [acme.deleteUser(id)] : []),
      ]);
      assert.ok(reasons.every((reason) => reason === ErrorReason.MEMBER_NOT_FOUND));
      assert.deepEqual((await acme.getGroup(group)).members, []);
      assert.deepEqual((await acme.listGroups({ filter: `members eq "${id}"` })).ids, []);
    }
  });

  inConnection('a group is deleted while members come and go', async (clientOf) => {
    const acme = clientOf(0);
    const users = await acme.createUsers(clients.slice(0, 8).map((index) => `user ${index}`));
    for (const round of rounds) {
      const group = await acme.groupOf(`Group ${round}`, users.slice(0, 4));
      const outer = await acme.groupOf(`Outer ${round}`, [group]);
      const calls = users.map(
        (user, index) => () =>
          clientOf(index).changeMembers(group, [
            index < 4 ? members.remove(user) : members.add(user),
          ]) as Promise<unknown>,
      );
      calls.splice(round % 8, 0, () => clientOf(1).deleteGroup(group));
      calls.push(() => clientOf(2).changeMembers(outer, [members.replace(group, ...users)]));
      const { reasons } = await outcomes(calls.map((call) => call()));
      const allowed: ErrorReason[] = [ErrorReason.RESOURCE_NOT_FOUND, ErrorReason.MEMBER_NOT_FOUND];
      assert.ok(
        reasons.every((reason) => allowed.includes(reason)),
        reasons.join(),
      );
      for (const user of users) assert.equal((await acme.check(user, group)).member, false);
      assert.ok(!(await acme.getGroup(outer)).members.some(({ value }) => value === group));
    }
  });

  inConnection(
    'one name is taken by groups and users of which each is created, renamed and deleted',
    async (clientOf) => {
      const acme = clientOf(0);
      for (const round of rounds) {
        const name = `Name ${round}`;
        const group = await acme.groupOf(`Old ${round}`);
        const { answers, reasons } = await outcomes<unknown>([
          clientOf(0).createGroup(name),
          clientOf(1).createGroup(name.toUpperCase()),
          clientOf(2).replaceGroup(group, { displayName: name.toLowerCase() }, undefined),
          clientOf(3).deleteGroup(group),
          clientOf(4).createUser(name),
          clientOf(5).createUser(name.toUpperCase()),
        ]);
        assert.ok(answers.length >= 3);
        const allowed: ErrorReason[] = [ErrorReason.UNIQUENESS, ErrorReason.RESOURCE_NOT_FOUND];
        assert.ok(
          reasons.every((reason) => allowed.includes(reason)),
          reasons.join(),
        );
        assert.ok((await acme.listGroups({ filter: `displayName eq "${name}"` })).ids.length <= 1);
        assert.equal((await acme.listUsers({ filter: `userName eq "${name}"` })).ids.length, 1);
      }
    },
  );
});
