import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { ComparisonOperator, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import type { RpcChannel } from '#rpc/rpc-client.ts';
import { isCancelled } from '#rpc/rpc-error.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { JsonValue } from '#scim/json.ts';
import { createDirectoryClient, type DirectoryClient } from '../../gateway/directory/directory-client.ts';
import { everythingOf } from '../../gateway/scim/list-query.ts';
import {
  type ConnectionDriver,
  createDriver,
  idOf,
  inParallel,
  members,
  operation,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';
import { checkTenants } from '../support/tenant-commands.ts';

type OnCommand = NonNullable<Parameters<typeof startTestDirectory>[2]>;
type CommandEvent = Parameters<OnCommand>[0];

/** What was sent to the database, and how many documents came back. */
interface Traffic {
  /** Command and collection, in order. */
  readonly commands: string[];
  /** How many documents the answers held. */
  documents: number;
  /** How many of them were whole users or groups. */
  resources: number;
}

const sent: Extract<CommandEvent, { command: unknown }>[] = [];
let traffic: Traffic | undefined;

function onCommand(event: CommandEvent) {
  // What the directory looks after by itself says so in a comment.
  if ('command' in event && event.command.comment === undefined) {
    sent.push(event);
    const collection = event.command[event.commandName];
    traffic?.commands.push(`${event.commandName} ${collection}`);
  } else if (traffic && 'reply' in event) {
    const reply = event.reply as { cursor?: { firstBatch?: Document[]; nextBatch?: Document[] } } | undefined;
    const documents = reply?.cursor?.firstBatch ?? reply?.cursor?.nextBatch ?? [];
    traffic.documents += documents.length;
    traffic.resources += documents.filter((document) => 'fold' in document).length;
  }
}

type Document = Record<string, unknown>;

/** What a call costs at the database. */
async function costOf(call: () => Promise<unknown>): Promise<Traffic> {
  const counted: Traffic = { commands: [], documents: 0, resources: 0 };
  traffic = counted;
  await call();
  traffic = undefined;
  assert.notEqual(counted.commands.length, 0);
  return counted;
}

const patch = (op: keyof typeof PatchOp, path: string, value?: JsonValue) =>
  operation(resourceTypes.user, op, path, value);

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
let small: Populated;
let large: Populated;
before(async () => {
  directory = await startTestDirectory(undefined, undefined, onCommand);
  small = await populate(20, 10);
  large = await populate(3_020, 3_000);
});
after(() => directory[Symbol.asyncDispose]());

interface Populated {
  readonly acme: ConnectionDriver;
  readonly users: readonly string[];
  /** Has the first users as members, the last ones not. */
  readonly group: string;
}

async function populate(users: number, memberCount: number): Promise<Populated> {
  const acme = await createDriver(directory.clients);
  const indexes = Array.from({ length: users }, (_, index) => index);
  const ids = await inParallel(indexes, async (index) => {
    const { user } = await acme.createUser(
      {
        userName: `user-${index}@example.com`,
        externalId: `E-${index}`,
        emails: [{ value: `mail-${index}@example.com`, type: 'work' }],
        ...(index % 100 === 1 && { title: 'Captain' }),
      },
      { mask: { withoutGroups: true, withoutNames: true } },
    );
    return idOf(user);
  });
  return { acme, users: ids, group: await acme.groupOf('Everyone', ids.slice(0, memberCount)) };
}

/** Checks that a call costs the same, command by command, whatever surrounds what it touches. */
async function costsTheSame(call: (population: Populated) => Promise<unknown>) {
  const [few, many] = [await costOf(() => call(small)), await costOf(() => call(large))];
  assert.deepEqual(many, few);
}

suite('what a call costs does not grow with what surrounds it (large-group)', () => {
  const outsider = ({ users }: Populated) => users.at(-1) ?? '';
  const insider = ({ users }: Populated) => users[3] ?? '';
  const mask = { withoutMembers: true };

  for (const [name, call] of Object.entries({
    'adding a member': (p: Populated) => p.acme.patchGroup(p.group, [], [members.add(outsider(p))], { mask }),
    'adding a member that is one': (p) => p.acme.patchGroup(p.group, [], [members.add(insider(p))], { mask }),
    'removing a member': (p) => p.acme.patchGroup(p.group, [], [members.remove(outsider(p))], { mask }),
    'removing a member that is none': (p) => p.acme.changeMembers(p.group, [members.remove(outsider(p))]),
    'ChangeMembers, to and fro': async (p) => {
      await p.acme.changeMembers(p.group, [members.add(outsider(p))]);
      await p.acme.changeMembers(p.group, [members.remove(outsider(p))]);
    },
    'renaming a group': (p) => p.acme.replaceGroup(p.group, { displayName: 'All' }, undefined, { mask }),
    'reading a group without members': (p) => p.acme.getGroup(p.group, { mask }),
    'checking a membership': (p) => p.acme.check(insider(p), p.group, { nested: true }),
    'checking none': (p) => p.acme.check(outsider(p), p.group, { nested: true }),
    "reading a user's groups": (p) => p.acme.listUserGroups(insider(p), { nested: true }),
    'a page of members': (p) => p.acme.listMembers(p.group, { pageSize: 5 }),
    'getting a user': (p) => p.acme.getUser(insider(p)),
    'patching a user': (p) => p.acme.patchUser(insider(p), [patch('REPLACE', 'title', 'Major')]),
    'replacing a user': (p) => p.acme.replaceUser(insider(p), { userName: 'user-3@example.com' }),
    'renaming a user': (p) => p.acme.patchUser(insider(p), [patch('REPLACE', 'userName', 'renamed')]),
    'a userName that is taken': async (p) =>
      assert.rejects(p.acme.patchUser(insider(p), [patch('REPLACE', 'userName', 'USER-5@example.com')])),
    'finding by userName': (p) => p.acme.listUsers({ filter: 'userName eq "user-7@example.com"' }),
    'finding by externalId': (p) => p.acme.listUsers({ filter: 'externalId eq "E-7"' }),
    'finding by e-mail': (p) => p.acme.listUsers({ filter: 'emails.value eq "mail-7@example.com"' }),
    'finding by work e-mail': (p) =>
      p.acme.listUsers({ filter: 'emails[type eq "work" and value eq "mail-7@example.com"]' }),
    'finding by id': (p) => p.acme.listUsers({ filter: `id eq "${p.users[7]}"` }),
    'finding nobody': (p) => p.acme.listUsers({ filter: 'userName eq "nobody@example.com"' }),
    'finding by either of two': (p) =>
      p.acme.listUsers({ filter: 'userName eq "user-7@example.com" or externalId eq "E-8"' }),
    'finding a group by name': (p) => p.acme.listGroups({ filter: 'displayName eq "All"', mask }),
    'the first page': (p) => p.acme.listUsers({ page: { pageSize: 5 } }),
    'the next page and back': async ({ acme }) => {
      const page = (value: string) => ({ page: { start: { $case: 'pageToken' as const, value } } });
      const first = await acme.listUsers({ page: { pageSize: 5 } });
      const second = await acme.listUsers(page(first.header.nextPageToken));
      const again = await acme.listUsers(page(second.header.previousPageToken));
      assert.deepEqual(again.ids, first.ids);
    },
    'the first page of users and groups': (p) =>
      p.acme.search([{ type: resourceTypes.user }, { type: resourceTypes.group }], {
        page: { pageSize: 5 },
        mask,
      }),
    'sorting what an index finds': (p) =>
      p.acme.listUsers({
        filter: 'userName eq "user-7@example.com" or externalId eq "E-8"',
        sort: { path: parseAttributeName(resourceTypes.user, 'userName') },
      }),
    'creating and deleting a user': async (p) => {
      const { user } = await p.acme.createUser('passer-by');
      await p.acme.deleteUser(idOf(user));
    },
    'deleting a member': (p) => p.acme.deleteUser(p.users[9] ?? ''),
  } satisfies Record<string, (population: Populated) => Promise<unknown>>))
    test(name, () => costsTheSame(call));
});

test('many look-ups together cost what one costs', async () => {
  const { acme, users } = large;
  const commands = ['find users', 'find memberships', 'find users', 'find users', 'find memberships'];
  for (const size of [1, 30]) {
    const asked = users.slice(100, 100 + size);
    const cost = await costOf(() =>
      acme.lookUp(resourceTypes.user, [
        ...asked.map((id) => ({ id })),
        ...asked.map((_, index) => ({ filter: `userName eq "user-${200 + index}@example.com"` })),
        ...asked.map((_, index) => ({ filter: `externalId eq "E-${300 + index}"` })),
      ]),
    );
    const [names, head] = ['find groups', 'find heads'];
    assert.deepEqual(cost.commands.toSorted(), [...commands, names, head].toSorted(), `${size} of each`);
  }
});

suite('what the gateway asks at once', () => {
  const mask = { withoutGroups: false, withoutNames: true, withoutMembers: true };
  const page = { start: { index: 1 }, count: 100, descending: false };
  const walk = { walker: '', binding: Buffer.alloc(0) };
  let channel: RpcChannel;
  let gateway: DirectoryClient;
  after(() => channel[Symbol.dispose]());
  before(async () => {
    const environment = {
      ROLLCALL_DATA_DIR: directory.dataDir,
      ROLLCALL_DIRECTORY_ADDRESS: directory.address,
    };
    channel = await openDirectoryChannel(environment, 'gateway', { timeoutMs: 30_000 });
    gateway = createDirectoryClient(channel);
  });

  const callIn = ({ acme }: Populated, signal?: AbortSignal) => ({
    connectionId: acme.connectionId,
    requestId: 'many',
    signal,
  });
  const get = (from: Populated, id: string, signal?: AbortSignal) =>
    gateway.resources(resourceTypes.user).get(callIn(from, signal), id, mask);
  async function find(from: Populated, filter: Filter | string): Promise<readonly unknown[]> {
    const type = resourceTypes.user;
    const query = {
      ...everythingOf(type),
      filter: typeof filter === 'string' ? parseFilter(type, filter) : filter,
    };
    const { header, resources } = await gateway.search(callIn(from), [query], page, walk, mask);
    const ids: unknown[] = [];
    for await (const some of resources) ids.push(...some.map(({ message }) => message.id));
    assert.equal(header.totalSize, ids.length);
    return ids;
  }

  test('shares queries, each question with its own answer', async () => {
    const some = large.users.slice(200, 230);
    const { commands } = await costOf(async () => {
      const [got, named] = await Promise.all([
        Promise.all(some.map((id) => get(large, id))),
        Promise.all(some.map((_, index) => find(large, `userName eq "user-${200 + index}@example.com"`))),
      ]);
      assert.deepEqual(
        got.map(({ message }) => message.id),
        some,
      );
      assert.deepEqual(named.flat(), some);
    });
    // By id, and by userName.
    const queries = commands.filter((command) => command === 'find users').length;
    assert.equal(queries, 2);
  });

  test('harms nobody by a question that is wrong, given up, or of another connection', async () => {
    const [first = '', second = ''] = large.users.slice(300);
    const [stranger = ''] = small.users;
    const gone = new AbortController();
    const comparison = { path: { attribute: 'nonsense' }, operator: ComparisonOperator.EQ };
    const unknownAttribute = Filter.fromPartial({ node: { $case: 'comparison', value: comparison } });
    const asked = [
      get(large, first),
      get(large, stranger),
      get(large, second, gone.signal),
      get(small, stranger),
      get(large, second),
      find(large, unknownAttribute),
      find(large, 'userName eq "user-300@example.com"'),
    ];
    gone.abort();
    const outcomes = await Promise.allSettled(asked);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === 'fulfilled'),
      [true, false, false, true, true, false, true],
    );
    const [, unknown, left] = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason);
    assert.equal(unknown.reason, ErrorReason.RESOURCE_NOT_FOUND);
    assert.ok(isCancelled(left));
  });
});

suite('a page', () => {
  test('of a list loads no more users than it answers, and one', async () => {
    const { acme } = large;
    const pageSize = 10;
    for (const filter of [
      undefined,
      'userName sw "user-"',
      'title eq "captain"',
      'title eq "captain" and active eq true',
      'emails.value co "99@"',
      'userName eq "user-7@example.com" or externalId eq "E-8"',
    ]) {
      let page: Parameters<ConnectionDriver['listUsers']>[0] = { page: { pageSize } };
      for (let number = 1; number <= 3; number++) {
        let answered = 0;
        let next = '';
        const cost = await costOf(async () => {
          const { header, ids } = await acme.listUsers({ ...page, ...(filter && { filter }) });
          answered = ids.length;
          next = header.nextPageToken;
        });
        assert.ok(answered > 0);
        assert.ok(
          cost.resources <= answered + 1,
          `${filter}, page ${number}: ${cost.resources} for ${answered}`,
        );
        if (next === '') break;
        page = { page: { pageSize, start: { $case: 'pageToken', value: next } } };
      }
    }
  });

  test('of an ordinary list takes one query, and more only beyond its first 100 users', async () => {
    const mask = { withoutGroups: true };
    for (const [pageSize, queries] of [
      [100, 1],
      [500, 2],
      [1_000, 3],
    ] as const) {
      // The second page: on the first somebody was deleted.
      const { header } = await large.acme.listUsers({ mask, page: { pageSize } });
      const start = { $case: 'pageToken' as const, value: header.nextPageToken };
      const { commands } = await costOf(() => large.acme.listUsers({ mask, page: { start } }));
      const expected = Array.from({ length: queries }, () => 'find users');
      // The head is known from the page before; read afterwards, it says that nothing was written meanwhile.
      assert.deepEqual(commands, [...expected, 'find heads'], `of ${pageSize}`);
    }
  });

  test('of a sorted list sorts keys, and loads no more users than it answers', async () => {
    const { acme } = large;
    const sort = { path: parseAttributeName(resourceTypes.user, 'emails.value'), descending: true };
    for (const filter of [
      undefined,
      'title eq "captain"',
      'userName eq "user-7@example.com" or externalId eq "E-8"',
    ])
      for (const index of [1, 90]) {
        let answered = 0;
        const start = { $case: 'startIndex' as const, value: index };
        const cost = await costOf(async () => {
          const { ids } = await acme.listUsers({
            sort,
            mask: { withoutGroups: true },
            page: { pageSize: 50, start },
            ...(filter && { filter }),
          });
          answered = ids.length;
        });
        assert.ok(cost.resources <= Math.max(answered, 2), `${filter}: ${cost.resources} for ${answered}`);
        assert.ok(cost.documents <= 2 * answered + 8, `${filter}: ${cost.documents} documents`);
      }
  });

  test('of large users is not loaded beyond 4 MiB', async () => {
    const acme = await createDriver(directory.clients);
    const title = 'x'.repeat(200 * 1024);
    await inParallel(Array.from({ length: 125 }), (_, index) =>
      acme.createUser({ userName: `large ${index}`, externalId: 'same', title }),
    );
    const page = { pageSize: 1_000 };
    const sort = { path: parseAttributeName(resourceTypes.user, 'userName') };
    for (const request of [{}, { filter: 'title pr' }, { filter: 'externalId eq "same"' }, { sort }]) {
      const { resources } = await costOf(async () => {
        const { ids } = await acme.listUsers({ ...request, page });
        assert.equal(ids.length, 20);
      });
      assert.ok(resources <= 101, `${Object.keys(request)}: ${resources} users`);
    }
  });

  test('that starts deep in a list loads no more than one at its beginning', async () => {
    const { acme } = large;
    const pages = [1, 1_501, 2_991].map((value) => ({
      pageSize: 10,
      start: { $case: 'startIndex' as const, value },
    }));
    for (const page of pages) {
      const cost = await costOf(async () => {
        assert.equal((await acme.listUsers({ page })).ids.length, 10);
      });
      assert.ok(cost.resources <= 11, `${cost.resources} users from ${page.start.value} on`);
    }
  });

  test('of groups without members reads no membership', async () => {
    const { commands } = await costOf(() => large.acme.listGroups({ mask: { withoutMembers: true } }));
    assert.deepEqual(
      commands.filter((command) => command.endsWith(' memberships')),
      [],
    );
  });

  test('of users reads the memberships of all of them at once', async () => {
    const count = (commands: readonly string[]) =>
      commands.filter((command) => command === 'find memberships').length;
    const { commands } = await costOf(() => large.acme.listUsers({ page: { pageSize: 50 } }));
    assert.equal(count(commands), 1);
    const masked = await costOf(() => large.acme.listUsers({ mask: { withoutGroups: true } }));
    assert.equal(count(masked.commands), 0);
  });
});

suite('a write asks for no more than it decides by', () => {
  const mask = { withoutMembers: true };
  const written = ['bulkWrite 1', 'commitTransaction 1'];

  async function costs(call: () => Promise<unknown>, expected: readonly string[]) {
    const { commands } = await costOf(call);
    assert.deepEqual(commands, expected);
  }

  test('one after another of this process, without reading the head', async () => {
    const { acme, users } = large;
    const [id = '', member = ''] = users.slice(500);
    await costs(() => acme.createUser('newcomer'), ['find users', ...written]);
    await costs(
      () => acme.patchUser(id, [patch('REPLACE', 'active', false)]),
      ['find users', ...written, 'find memberships', 'find groups'],
    );
    const group = await acme.groupOf('Few', []);
    await costs(
      () => acme.patchGroup(group, [], [members.add(member)], { mask }),
      ['find groups', 'find memberships', 'find users', ...written],
    );
    await costs(
      () => acme.patchGroup(group, [], [members.remove(member)], { mask }),
      ['find groups', 'find memberships', ...written],
    );
  });

  test('that changes nothing, but looks whether the head is the one known', async () => {
    const { acme, users } = large;
    const [id = ''] = users.slice(501);
    await acme.patchUser(id, [patch('REPLACE', 'title', 'Major')]);
    await costs(
      () => acme.patchUser(id, [patch('REPLACE', 'title', 'Major')]),
      ['find users', 'find heads', 'commitTransaction 1', 'find memberships', 'find groups'],
    );
  });

  test('and those that are committed together share all of it', async () => {
    const { acme, users } = large;
    const active = patch('REPLACE', 'active', false);
    const some = users.slice(600, 650);
    // The first goes alone, and the others wait for it.
    const { commands } = await costOf(() => Promise.all(some.map((id) => acme.patchUser(id, [active]))));
    assert.ok(commands.length <= 28, commands.join());
  });
});

suite('every command that reaches what tenants own', () => {
  test('names the tenant', () => {
    assert.ok(checkTenants(sent) > 3_000);
  });

  test('is one of those that this file knows', () => {
    const names = new Set(sent.map(({ commandName }) => commandName));
    // More than these would need a look at what they select.
    const known = [
      'hello',
      'createIndexes',
      'commitTransaction',
      'abortTransaction',
      'getMore',
      'killCursors',
    ];
    const others = [
      'killAllSessions',
      'endSessions',
      'find',
      'aggregate',
      'insert',
      'update',
      'delete',
      'bulkWrite',
    ];
    assert.deepEqual(
      [...names].filter((name) => ![...known, ...others].includes(name)),
      [],
    );
  });
});
