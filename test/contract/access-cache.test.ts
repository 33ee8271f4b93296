import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  ConnectionServiceService,
  DeleteConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { RoleServiceService, SetRoleMappingsRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { type AffectingChange, createAffectedHistory } from '../../services/access/affected-history.ts';
import { type AccessSnapshot, type Rollcall, rollcallError } from '../../services/access/client.ts';
import { driveConnection, members, operation, resourceTypes } from '../support/connection-driver.ts';
import { type DirectoryProxy, startDirectoryProxy } from '../support/directory-proxy.ts';
import { startRollcall, type TestAccess, type TestRollcall } from '../support/rollcall.ts';
import type { SentCommand } from '../support/tenant-commands.ts';

const hour = 60 * 60_000;
const maxStalenessMs = 30_000;
/** The time of everything here, and how long access has run by its own clock; both stand still unless a test moves them. */
let now = Date.UTC(2030, 0, 1);
let elapsed = 0;
const sent: SentCommand[] = [];
let rollcall: TestRollcall;
let proxy: DirectoryProxy;
let access: TestAccess;
/** Remembers nothing: its answers are the directory's. */
let forgetful: TestAccess;
before(async () => {
  rollcall = await startRollcall(
    (event) => {
      if ('command' in event) sent.push(event);
    },
    () => now,
  );
  proxy = await startDirectoryProxy(rollcall.directoryAddress, [
    ConnectionServiceService,
    UserServiceService,
    GroupServiceService,
    MembershipServiceService,
    RoleServiceService,
    ChangeServiceService,
  ]);
  access = await rollcall.startAccess(
    { ROLLCALL_DIRECTORY_ADDRESS: proxy.address, ROLLCALL_MAX_STALENESS: String(maxStalenessMs) },
    { clock: () => now, elapsed: () => elapsed },
  );
  forgetful = await rollcall.startAccess({ ROLLCALL_MAX_STALENESS: '0' });
});
after(async () => {
  await forgetful[Symbol.asyncDispose]();
  await access[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});

async function answered(outcome: 'hit' | 'miss' | 'stale' | 'newer'): Promise<number> {
  const metric = await access.metrics.getSingleMetric('rollcall_access_cache_answers_total')?.get();
  return metric?.values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
}

/** Asks, and says from where the answer came. */
async function outcomeOf<Answer>(query: Promise<Answer>): Promise<{ answer: Answer; outcome: string }> {
  const outcomes = ['hit', 'miss', 'stale', 'newer'] as const;
  const counted = async () => Promise.all(outcomes.map(answered));
  const before = await counted();
  const answer = await query;
  const now = await counted();
  return { answer, outcome: outcomes.filter((_, index) => now[index] !== before[index]).join() };
}

/** A connection in which everybody in Staff, and in what is in it, may edit. */
async function createStaff() {
  const connection = await rollcall.connect();
  const acme = driveConnection(rollcall.directory, connection.id);
  const client: Rollcall = await access.clientFor(connection);
  const withoutMemory: Rollcall = await forgetful.clientFor(connection);
  const [ada = '', bob = '', eve = ''] = await acme.createUsers(['ada', 'bob', 'eve']);
  const team = await acme.groupOf('Team', [ada]);
  const staff = await acme.groupOf('Staff', [team, bob]);
  const other = await acme.groupOf('Other', [eve]);
  const setMappings = (notAfter?: Date) =>
    rollcall.directory.roles.setRoleMappings(
      SetRoleMappingsRequest.fromPartial({
        connectionId: connection.id,
        mappings: {
          mappings: [
            { id: 'editors', roles: ['editor'], subject: { $case: 'groupId', value: staff }, notAfter },
            { id: 'all', roles: ['member'], subject: { $case: 'everyone', value: {} } },
          ],
        },
      }),
    );
  await setMappings();
  const snapshot = (user: string, freshness: { atLeast?: number; fresh?: boolean } = {}) =>
    client.access.snapshot.query({ connection: connection.id, user, ...freshness });
  return {
    ...acme,
    client,
    withoutMemory,
    ada,
    bob,
    eve,
    team,
    staff,
    other,
    setMappings,
    snapshot,
    setActive: (user: string, active: boolean) =>
      acme.patchUser(user, [operation(resourceTypes.user, 'REPLACE', 'active', active)]),
    /** Asks about users until all are answered from memory. */
    async remember(...users: string[]) {
      for (const user of users) while ((await outcomeOf(snapshot(user))).outcome !== 'hit');
    },
    /** Asks about a user that is remembered, until memory knows all changes up to now. */
    async hear(user: string) {
      const position = await acme.position();
      while ((await snapshot(user)).asOf < position);
    },
  };
}

type Staff = Awaited<ReturnType<typeof createStaff>>;

const rolesIn = ({ roles }: AccessSnapshot) => roles.map(({ role }) => role).join();

test('a user who is remembered costs the database nothing', async () => {
  const acme = await createStaff();
  const { client, connectionId: connection, ada, staff, team } = acme;
  await acme.remember(ada);
  const asOf = await acme.position();
  const [begin, hits] = [sent.length, await answered('hit')];
  for (let round = 0; round < 10; round++) {
    const snapshot = await acme.snapshot(ada);
    assert.deepEqual(
      [snapshot.active, rolesIn(snapshot), snapshot.groups.map(({ id }) => id).sort()],
      [true, 'editor,member', [team, staff].sort()],
    );
    const { groups: _, ...roles } = snapshot;
    assert.deepEqual(await client.roles.ofUser.query({ connection, user: ada }), roles);
    const { because } = await client.roles.check.query({
      connection,
      user: ada,
      role: 'editor',
      atLeast: asOf,
    });
    assert.deepEqual(because, roles.roles[0]?.because);
    const question = { connection, user: ada, group: staff };
    assert.equal((await client.memberships.check.query(question)).member, false);
    const nested = await client.memberships.check.query({ ...question, nested: true });
    assert.deepEqual([nested.member, nested.path], [true, [team, staff]]);
    assert.equal((await client.memberships.check.query({ ...question, group: team })).member, true);
  }
  assert.equal((await answered('hit')) - hits, 60);
  assert.deepEqual(askedSince(begin), []);
});

test('a question that memory cannot answer is answered by the directory', async () => {
  const acme = await createStaff();
  const { client, connectionId: connection, ada, staff } = acme;
  await acme.remember(ada);
  const unknown = { connection, user: crypto.randomUUID() };
  assert.equal((await client.roles.check.query({ ...unknown, role: 'editor' })).hasRole, false);
  assert.equal((await client.memberships.check.query({ ...unknown, group: staff })).member, false);
  await acme.setActive(ada, false);
  const inactive = { connection, user: ada, group: staff, nested: true, includeInactive: true };
  assert.equal((await client.memberships.check.query(inactive)).member, true);
});

test('what must be fresh is answered from memory once it is known that nothing has altered it', async () => {
  const acme = await createStaff();
  const { client, connectionId: connection, ada, bob, staff, team, snapshot } = acme;
  await acme.remember(ada, bob);
  using _feed = proxy.hold('WatchChanges');
  await acme.setActive(bob, false);
  const position = await acme.position();
  const begin = sent.length;
  const { answer, outcome } = await outcomeOf(snapshot(ada, { fresh: true }));
  assert.deepEqual([rolesIn(answer), answer.asOf, outcome], ['editor,member', position, 'newer']);
  assert.deepEqual(askedSince(begin), ['find heads', 'find changes']);
  assert.equal((await snapshot(bob, { fresh: true })).active, false);
  await acme.changeMembers(team, [members.remove(ada)]);
  const question = { connection, user: ada, group: staff, nested: true, fresh: true };
  assert.equal((await client.memberships.check.query(question)).member, false);
});

test('who ask about the same user at the same time share one question to the directory', async () => {
  const acme = await createStaff();
  const { ada, bob, snapshot } = acme;
  await acme.remember(bob);
  using answers = proxy.hold('BatchGetAccess');
  const [begin, misses] = [sent.length, await answered('miss')];
  const first = snapshot(ada);
  await answers.arrived;
  const position = await acme.position();
  const others = Array.from({ length: 10 }, () => snapshot(ada));
  while ((await answered('miss')) < misses + 11) await setImmediate();
  await acme.setActive(ada, false);
  const newer = snapshot(ada, { atLeast: await acme.position() });
  answers.release();
  for (const answer of await Promise.all([first, ...others])) assert.equal(answer.asOf, position);
  assert.equal((await newer).active, false);
  const asked = sent.slice(begin).filter(({ command }) => command.find === 'users');
  assert.ok(asked.length < 10, `${asked.length} questions`);
});

/** What was asked of the database since, but for what the directory looks after anyhow. */
function askedSince(begin: number): string[] {
  return sent
    .slice(begin)
    .filter(({ command }) => {
      const collection = String(command.find ?? command.aggregate);
      // Whose token a caller shows, and where all watched connections are; other such commands say it in a comment.
      const isCare = collection === 'service_tokens' || (collection === 'heads' && command.filter._id?.$in);
      return !isCare && command.comment === undefined;
    })
    .map(({ commandName, command }) => `${commandName} ${command[commandName]}`);
}

suite('questions about 64 users at the same time share the calls to the directory', () => {
  const unknown = crypto.randomUUID();

  /** A connection in which every other one of the users is in a group. */
  async function createCrowd() {
    const acme = await createStaff();
    const users = await acme.createUsers(Array.from({ length: 63 }, (_, index) => `user ${index}`));
    const group = await acme.groupOf(
      'Every other',
      users.filter((_, index) => index % 2 === 0),
    );
    return { ...acme, users: users.toSpliced(30, 0, unknown), group };
  }

  /** Asks about all, the first of which is answered only once all have arrived. */
  async function askTogether<Answer>(users: readonly string[], ask: (user: string) => Promise<Answer>) {
    using answers = proxy.hold('BatchGetAccess');
    const counted = async () =>
      (await answered('newer')) + (await answered('miss')) + (await answered('stale'));
    const [begin, before] = [sent.length, await counted()];
    const asked = users.map(ask);
    while ((await counted()) < before + users.length) await setImmediate();
    answers.release();
    return { results: await Promise.allSettled(asked), commands: askedSince(begin) };
  }

  test('and each gets its own answer, or its own error', async () => {
    const { users, group, snapshot } = await createCrowd();
    const { results, commands } = await askTogether(users, (user) => snapshot(user, { fresh: true }));
    for (const [index, result] of results.entries()) {
      const user = users[index];
      if (user === unknown) {
        assert.ok(result.status === 'rejected');
        assert.equal(result.reason.message, 'No User has this id.');
        assert.deepEqual(rollcallError(result.reason)?.metadata, { resource_type: 'User', id: user });
        continue;
      }
      assert.ok(result.status === 'fulfilled');
      const isMember = users.filter((each) => each !== unknown).indexOf(user ?? '') % 2 === 0;
      assert.deepEqual(
        [result.value.user, result.value.groups.map(({ id }) => id), rolesIn(result.value)],
        [user, isMember ? [group] : [], 'member'],
      );
    }
    assert.ok(commands.length <= 3 * 8, commands.join());
  });

  test('also when they are about a membership', async () => {
    const { client, connectionId: connection, users, group } = await createCrowd();
    const { results, commands } = await askTogether(users, (user) =>
      client.memberships.check.query({ connection, user, group }),
    );
    const members = results.map((result) => result.status === 'fulfilled' && result.value.member);
    const known = users.filter((each) => each !== unknown);
    assert.deepEqual(
      members,
      users.map((user) => user !== unknown && known.indexOf(user) % 2 === 0),
    );
    assert.ok(commands.length <= 4 * 8, commands.join());
  });

  test('and one that is given up harms no other', async () => {
    const { client, connectionId: connection, users, group } = await createCrowd();
    using answers = proxy.hold('BatchCheckMemberships');
    const given = users.map((user, index) => ({ user, abort: new AbortController(), index }));
    const asked = given.map(({ user, abort: { signal } }) =>
      client.memberships.check.query({ connection, user, group, fresh: true }, { signal }),
    );
    const settled = Promise.allSettled(asked);
    await answers.arrived;
    for (const { abort, index } of given) if (index % 4 === 1) abort.abort();
    answers.release();
    const statuses = (await settled).map(({ status }) => status);
    assert.deepEqual(
      statuses,
      given.map(({ index }) => (index % 4 === 1 ? 'rejected' : 'fulfilled')),
    );
  });
});

suite('a change makes memory forget whom it affects and nobody else:', () => {
  const changes: Readonly<Record<string, [(acme: Staff) => Promise<unknown>, forgotten: string]>> = {
    'an attribute of a user': [
      (acme) => acme.patchUser(acme.ada, [operation(resourceTypes.user, 'REPLACE', 'title', 'x')]),
      'ada',
    ],
    'a deactivation': [(acme) => acme.setActive(acme.bob, false), 'bob'],
    'a new member': [(acme) => acme.changeMembers(acme.other, [members.add(acme.bob)]), 'bob'],
    'a member that is gone': [(acme) => acme.changeMembers(acme.team, [members.remove(acme.ada)]), 'ada'],
    'a group that joins a group': [(acme) => acme.changeMembers(acme.other, [members.add(acme.team)]), 'ada'],
    'the name of a group': [
      (acme) =>
        acme.patchGroup(acme.staff, [operation(resourceTypes.group, 'REPLACE', 'displayName', 'All')]),
      'ada,bob',
    ],
    'a group that is gone': [(acme) => acme.deleteGroup(acme.other), 'eve'],
    'a group that nobody is in': [(acme) => acme.groupOf('Empty'), ''],
    'other role mappings': [(acme) => acme.setMappings(new Date(now + hour)), 'ada,bob,eve'],
  };
  for (const [name, [change, forgotten]] of Object.entries(changes)) {
    test(name, async () => {
      const acme = await createStaff();
      const { ada, bob, eve, snapshot } = acme;
      const [witness = ''] = await acme.createUsers(['witness']);
      await acme.remember(ada, bob, eve, witness);
      await change(acme);
      await acme.hear(witness);
      const names = { ada, bob, eve };
      const missed: string[] = [];
      for (const [name, user] of Object.entries(names)) {
        const { answer, outcome } = await outcomeOf(snapshot(user));
        if (outcome !== 'hit') missed.push(name);
        const question = { connection: acme.connectionId, user, fresh: true };
        assert.deepEqual(answer, await acme.withoutMemory.access.snapshot.query(question), name);
      }
      assert.equal(missed.join(), forgotten);
    });
  }
});

test('an answer that was read before a change and arrives after it is not remembered as if it showed it', async () => {
  const acme = await createStaff();
  const { ada, bob, snapshot } = acme;
  await acme.remember(bob);
  using answers = proxy.hold('BatchGetAccess');
  const early = snapshot(ada);
  await answers.arrived;
  await acme.setActive(ada, false);
  await acme.hear(bob);
  answers.release();
  assert.equal(rolesIn(await early), 'editor,member', 'it was asked before the change');
  const { answer, outcome } = await outcomeOf(snapshot(ada));
  assert.deepEqual([answer.active, rolesIn(answer), outcome], [false, '', 'miss']);
});

test('with the feed cut, memory answers only until what it knows is too old, and never who asks for more', async () => {
  const acme = await createStaff();
  const { ada, bob, eve, snapshot } = acme;
  await acme.remember(ada, bob, eve);
  using feed = proxy.hold('WatchChanges');
  await acme.setActive(ada, false);
  const position = await acme.position();
  assert.equal(rolesIn(await snapshot(ada)), 'editor,member', 'it lags within the bound');
  assert.equal(rolesIn(await snapshot(ada, { atLeast: position })), '');
  await acme.setActive(bob, false);
  assert.equal(rolesIn(await snapshot(bob)), 'editor,member', 'it lags within the bound');
  elapsed += maxStalenessMs;
  const begin = sent.length;
  assert.equal((await outcomeOf(snapshot(eve))).outcome, 'stale');
  assert.deepEqual(
    [...new Set(askedSince(begin))],
    ['find heads', 'find changes'],
    'what changed is asked for, and nobody whom it does not affect',
  );
  elapsed += maxStalenessMs;
  const { answer, outcome } = await outcomeOf(snapshot(bob));
  assert.deepEqual([rolesIn(answer), outcome], ['', 'stale']);
  feed.release();
  await acme.remember(ada, bob);
  assert.equal((await snapshot(bob)).active, false);
});

test('nothing is missed when the feed breaks off and is taken up again', async () => {
  const acme = await createStaff();
  const { ada, bob, snapshot } = acme;
  await acme.remember(ada, bob);
  using feed = proxy.hold('WatchChanges');
  proxy.breakOff('WatchChanges');
  await acme.setActive(ada, false);
  feed.release();
  await acme.hear(bob);
  const { answer, outcome } = await outcomeOf(snapshot(ada));
  assert.deepEqual([answer.active, outcome], [false, 'miss']);
});

test('a remembered answer ends when a validity date alters it, also while the feed is cut', async () => {
  const acme = await createStaff();
  const { ada, snapshot } = acme;
  await acme.setMappings(new Date(now + hour));
  await acme.remember(ada);
  using _feed = proxy.hold('WatchChanges');
  now += hour - 1;
  assert.deepEqual((await outcomeOf(snapshot(ada))).outcome, 'hit');
  now += 1;
  const { answer, outcome } = await outcomeOf(snapshot(ada));
  assert.deepEqual([rolesIn(answer), outcome], ['member', 'miss']);
});

test('a connection that is deleted is forgotten', async () => {
  const acme = await createStaff();
  const { ada, connectionId, snapshot } = acme;
  await acme.remember(ada);
  await rollcall.directory.connections.deleteConnection(
    DeleteConnectionRequest.fromPartial({ connectionId }),
  );
  for (;;) {
    const [result] = await Promise.allSettled([snapshot(ada)]);
    if (result.status === 'fulfilled') continue;
    assert.equal(rollcallError(result.reason)?.reason, 'ERROR_REASON_CONNECTION_NOT_FOUND');
    return;
  }
});

test('what memory holds and how old it is can be measured', async () => {
  const value = async (name: string) =>
    (await access.metrics.getSingleMetric(name)?.get())?.values[0]?.value ?? 0;
  const acme = await createStaff();
  await acme.remember(acme.ada);
  assert.ok((await value('rollcall_access_watched_connections')) > 0);
  const bytes = await value('rollcall_access_cache_bytes');
  await acme.remember(acme.bob);
  assert.ok((await value('rollcall_access_cache_bytes')) > bytes);
  using _feed = proxy.hold('WatchChanges');
  elapsed += 2_000;
  assert.ok((await value('rollcall_access_cache_staleness_seconds')) >= 2);
});

test('a history says that an answer holds only when no change has affected it, however little it remembers', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const change = fc.record({
    users: fc.array(id, { maxLength: 2 }),
    groups: fc.array(id, { maxLength: 2 }),
    everyone: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  });
  const question = fc.record({ user: id, groups: fc.array(id, { maxLength: 3 }), age: fc.nat(12) });
  const inputs = [
    fc.array(change, { maxLength: 20 }),
    fc.array(question),
    fc.integer({ min: 1, max: 6 }),
  ] as const;
  fc.assert(
    fc.property(...inputs, (affected, questions, maxIds) => {
      const start = 7;
      const history = createAffectedHistory(start, maxIds);
      const changes: AffectingChange[] = affected.map((each, index) => ({
        position: start + index + 1,
        affected: each,
      }));
      for (const each of changes) history.advance(each.position, [each]);
      const end = start + changes.length;
      assert.equal(history.position, end);
      for (const { user, groups, age } of questions) {
        const shown = end - age;
        const ids: ReadonlySet<string> = new Set([user, ...groups]);
        const isAffected = changes.some(
          ({ position, affected: { users, groups, everyone } }) =>
            position > shown && (everyone || [...users, ...groups].some((each) => ids.has(each))),
        );
        const holds = history.holds({ user, groups }, shown);
        if (isAffected || shown < start) assert.equal(holds, false);
        // With room for all five nothing is ever forgotten but what came before everyone was affected.
        else if (maxIds >= 5)
          assert.equal(
            holds,
            !changes.some(({ position, affected }) => affected.everyone && position > shown),
          );
      }
    }),
  );
});
