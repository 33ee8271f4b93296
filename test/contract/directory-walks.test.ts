import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { v7 as newUuid } from 'uuid';
import { parseAttributeName } from '#scim/attribute-path.ts';
import {
  type ConnectionDriver,
  createDriver,
  idOf,
  inParallel,
  members,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

// Ends the search for a smaller counterexample, too, before the test's own time is up.
const longestRunMs = 60_000;

/** What a connection holds, as the test has made it. */
interface Model {
  /** Ids in the order of creation, also of those that are gone. */
  readonly created: string[];
  /** Names by id, also of those that are gone. */
  readonly names: Map<string, string>;
  readonly users: Set<string>;
  /** Members by group. */
  readonly groups: Map<string, Set<string>>;
}

/** A write: numbers choose among what is there. */
type Write =
  | { readonly kind: 'create user' | 'create group' }
  | { readonly kind: 'delete user' | 'delete group'; readonly which: number }
  | { readonly kind: 'add' | 'remove'; readonly group: number; readonly which: number };

async function write(acme: ConnectionDriver, model: Model, asked: Write): Promise<void> {
  const { users, groups, created, names } = model;
  const among = (ids: Iterable<string>, index: number) => {
    const list = [...ids];
    return list[index % Math.max(1, list.length)];
  };
  const serial = created.length;
  if (asked.kind === 'create user') {
    const { user } = await acme.createUser({ userName: `user ${serial}`, externalId: 'same' });
    created.push(idOf(user));
    names.set(idOf(user), `user ${serial}`);
    users.add(idOf(user));
  } else if (asked.kind === 'create group') {
    const id = await acme.groupOf(`group ${serial}`);
    created.push(id);
    names.set(id, `group ${serial}`);
    groups.set(id, new Set());
  } else if (asked.kind === 'delete user') {
    const id = among(users, asked.which);
    if (id === undefined) return;
    await acme.deleteUser(id);
    users.delete(id);
    for (const list of groups.values()) list.delete(id);
  } else if (asked.kind === 'delete group') {
    // The first group is walked over.
    const id = among([...groups.keys()].slice(1), asked.which);
    if (id === undefined) return;
    await acme.deleteGroup(id);
    groups.delete(id);
    for (const list of groups.values()) list.delete(id);
  } else if ('group' in asked) {
    const group = among(groups.keys(), asked.group) ?? '';
    const list = groups.get(group);
    const id = among(asked.kind === 'add' ? [...users, ...groups.keys()] : (list ?? []), asked.which);
    if (!list || id === undefined) return;
    await acme.changeMembers(group, [members[asked.kind](id)]);
    list[asked.kind === 'add' ? 'add' : 'delete'](id);
  }
}

/** Reads the next page of a walk: who is on it, and whether it was the last. */
type NextPage = () => Promise<{ readonly ids: readonly string[]; readonly last: boolean }>;

/** A walk under way. */
interface Walk {
  readonly name: string;
  readonly next: NextPage;
  /** What is there now. */
  readonly present: () => readonly string[];
  /** Brings those a walk met into the order in which it meets them. */
  readonly inOrder: (ids: readonly string[]) => readonly string[];
  readonly met: string[];
  /** Who was there at the first page and at every moment since; undefined before it. */
  lasting: ReadonlySet<string> | undefined;
  over: boolean;
}

type ListPage = {
  readonly header: {
    readonly totalSize: number;
    readonly nextPageToken: string;
    readonly previousPageToken: string;
    readonly pageSize: number;
  };
  readonly ids: readonly string[];
};
type PageOf = NonNullable<NonNullable<Parameters<ConnectionDriver['listUsers']>[0]>['page']>;

function byToken(read: (page: PageOf) => Promise<ListPage>, pageSize: number): NextPage {
  let token = '';
  return async () => {
    const { header, ids } = await read({
      pageSize,
      ...(token !== '' && { start: { $case: 'pageToken' as const, value: token } }),
    });
    token = header.nextPageToken;
    return { ids, last: token === '' };
  };
}

/** From the end, which is before the page that begins after it; each page is met from its own end. */
function backByToken(read: (page: PageOf) => Promise<ListPage>, pageSize: number): NextPage {
  let token = '';
  return async () => {
    if (token === '') {
      const beyond = { $case: 'startIndex' as const, value: 1_000_000 };
      const { header, ids } = await read({ pageSize, start: beyond });
      assert.deepEqual(ids, []);
      token = header.previousPageToken;
      // Without a token there is nobody.
      if (token === '') return { ids, last: true };
    }
    const { header, ids } = await read({ start: { $case: 'pageToken', value: token } });
    token = header.previousPageToken;
    return { ids: ids.toReversed(), last: token === '' };
  };
}

/** As SCIM clients do: on from the index after the page, until the total is passed. */
function byIndex(read: (page: PageOf) => Promise<ListPage>, pageSize: number): NextPage {
  let index = 1;
  return async () => {
    const { header, ids } = await read({ pageSize, start: { $case: 'startIndex', value: index } });
    assert.equal(header.pageSize, ids.length);
    index += ids.length;
    return { ids, last: index > header.totalSize || ids.length === 0 };
  };
}

/** All that is below a group, itself included when it is below itself. */
function below({ groups }: Model, group: string): string[] {
  const found = new Set<string>();
  const open = [group];
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const member of groups.get(next) ?? []) {
      if (found.has(member)) continue;
      found.add(member);
      open.push(member);
    }
  return [...found].sort();
}

/** Every kind of walk. No two by index go over the same query: of such, the one that is behind decides. */
function walksOver(acme: ConnectionDriver, model: Model, sizes: readonly number[]): Walk[] {
  const [group = ''] = model.groups.keys();
  const size = (index: number) => sizes[index % sizes.length] ?? 1;
  const users = (rest: Omit<NonNullable<Parameters<typeof acme.listUsers>[0]>, 'page'>) => (page: PageOf) =>
    acme.listUsers({ ...rest, page });
  const groups = (filter?: string) => (page: PageOf) =>
    acme.listGroups({ page, mask: { withoutMembers: true }, ...(filter && { filter }) });
  const search = (descending: boolean) => (page: PageOf) =>
    acme.search(
      [
        { type: resourceTypes.group, sortBy: 'displayName' },
        { type: resourceTypes.user, sortBy: 'userName' },
      ],
      { page, descending, mask: { withoutMembers: true } },
    );
  const sorted = (sortBy: string, descending = false) => ({
    sort: { path: parseAttributeName(resourceTypes.user, sortBy), descending },
  });
  const presentUsers = () => model.created.filter((id) => model.users.has(id));
  const presentGroups = () => model.created.filter((id) => model.groups.has(id));
  const listMembers = (nested: boolean, pageSize: number): NextPage => {
    let pageToken = '';
    return async () => {
      const page = await acme.listMembers(group, { nested, pageSize, pageToken });
      pageToken = page.nextPageToken;
      return { ids: page.ids, last: pageToken === '' };
    };
  };

  const oldestFirst = (ids: readonly string[]) => model.created.filter((id) => ids.includes(id));
  const newestFirst = (ids: readonly string[]) => oldestFirst(ids).reverse();
  const byId = (ids: readonly string[]) => ids.toSorted();
  const nameOf = (id: string) => model.names.get(id) ?? '';
  const upBy = (key: (id: string) => string) => (ids: readonly string[]) =>
    ids.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  const downBy = (key: (id: string) => string) => (ids: readonly string[]) => upBy(key)(ids).toReversed();
  const walks: [string, NextPage, () => readonly string[], Walk['inOrder']][] = [
    ['users by index', byIndex(users({}), size(0)), presentUsers, oldestFirst],
    ['users by token', byToken(users({ filter: 'userName pr' }), size(1)), presentUsers, oldestFirst],
    ['users backward', backByToken(users({}), size(2)), presentUsers, newestFirst],
    [
      'users of a scan by index',
      byIndex(users({ filter: 'userName sw "user"' }), size(2)),
      presentUsers,
      oldestFirst,
    ],
    [
      'users of an index by index',
      byIndex(users({ filter: 'externalId eq "same"' }), size(3)),
      presentUsers,
      oldestFirst,
    ],
    [
      'users of an index by token',
      byToken(users({ filter: 'externalId eq "same" and userName pr' }), size(4)),
      presentUsers,
      oldestFirst,
    ],
    ['users sorted by token', byToken(users(sorted('userName')), size(5)), presentUsers, upBy(nameOf)],
    [
      'users sorted down by index',
      byIndex(users(sorted('userName', true)), size(6)),
      presentUsers,
      downBy(nameOf),
    ],
    [
      'users of one value backward',
      backByToken(users(sorted('externalId')), size(7)),
      presentUsers,
      newestFirst,
    ],
    [
      'users of an index, sorted, backward',
      backByToken(users({ filter: 'externalId eq "same"', ...sorted('userName') }), size(8)),
      presentUsers,
      downBy(nameOf),
    ],
    ['groups by token', byToken(groups(), size(5)), presentGroups, oldestFirst],
    ['groups by index', byIndex(groups('displayName sw "group"'), size(6)), presentGroups, oldestFirst],
    [
      'users and groups by token',
      byToken(search(true), size(0)),
      () => [...presentUsers(), ...presentGroups()],
      downBy(nameOf),
    ],
    [
      'users and groups by index',
      byIndex(search(false), size(1)),
      () => [...presentUsers(), ...presentGroups()],
      upBy(nameOf),
    ],
    ['members', listMembers(false, size(7)), () => [...(model.groups.get(group) ?? [])], byId],
    ['nested members', listMembers(true, size(8)), () => below(model, group), byId],
  ];
  return walks.map(([name, next, present, inOrder]) => ({
    name,
    next,
    present,
    inOrder,
    met: [],
    lasting: undefined,
    over: false,
  }));
}

async function step(walk: Walk): Promise<void> {
  if (walk.over) return;
  walk.lasting ??= new Set(walk.present());
  const { ids, last } = await walk.next();
  walk.met.push(...ids);
  walk.over = last;
}

/** Checks that a walk that is over met everybody once, in order. */
function checkWalk({ name, met, lasting, inOrder }: Walk): void {
  assert.equal(new Set(met).size, met.length, `${name}: somebody twice`);
  const missed = [...(lasting ?? [])].filter((id) => !met.includes(id));
  assert.deepEqual(missed, [], `${name}: somebody missed`);
  assert.deepEqual(met, inOrder(met), `${name}: not in order`);
}

const arbitraryWrite: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constantFrom('create user', 'create group') }),
  fc.record({ kind: fc.constantFrom('delete user', 'delete group'), which: fc.nat(1_000) }),
  fc.record({ kind: fc.constantFrom('add', 'remove'), group: fc.nat(3), which: fc.nat(1_000) }),
);
const arbitraryStep = fc.oneof(
  { arbitrary: fc.record({ write: arbitraryWrite }), weight: 3 },
  { arbitrary: fc.record({ walk: fc.nat(15) }), weight: 2 },
);

test('a walk meets everybody who stays, once and in order, whatever is written meanwhile (CUR-31, PAG-12)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom<'user' | 'group'>('user', 'user', 'group'), {
        minLength: 5,
        maxLength: 35,
        size: 'max',
      }),
      fc.array(fc.nat(1_000), { maxLength: 30, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 3, maxLength: 9 }),
      fc.array(arbitraryStep, { maxLength: 60, size: 'max' }),
      async (kinds, firstMembers, sizes, steps) => {
        const acme = await createDriver(directory.clients);
        const model: Model = { created: [], names: new Map(), users: new Set(), groups: new Map() };
        for (const kind of ['group', ...kinds] as const) await write(acme, model, { kind: `create ${kind}` });
        for (const which of firstMembers) await write(acme, model, { kind: 'add', group: which % 2, which });

        const walks = walksOver(acme, model, sizes);
        for (const one of steps) {
          if ('walk' in one) await step(walks[one.walk] ?? assert.fail());
          else {
            await write(acme, model, one.write);
            for (const walk of walks) {
              const present = new Set(walk.present());
              if (!walk.over && walk.lasting) walk.lasting = walk.lasting.intersection(present);
            }
          }
        }
        for (const walk of walks) {
          // A walk that goes in circles would never end.
          for (let pages = 0; !walk.over; pages++) {
            assert.ok(pages <= 200, `${walk.name}: no end`);
            await step(walk);
          }
          checkWalk(walk);
        }
      },
    ),
    { numRuns: 4, interruptAfterTimeLimit: longestRunMs },
  );
});

test('a walk over the log meets every change once, in order, while others are made', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.array(arbitraryWrite, { minLength: 1, maxLength: 12, size: 'max' }), {
        minLength: 1,
        maxLength: 4,
      }),
      async (pageSize, rounds) => {
        const acme = await createDriver(directory.clients);
        const model: Model = { created: [], names: new Map(), users: new Set(), groups: new Map() };
        await write(acme, model, { kind: 'create group' });
        const positions: number[] = [];
        const readOn = async () => {
          const changes = await acme.listChanges(positions.length, pageSize);
          positions.push(...changes.map(({ position }) => position));
          return changes.length;
        };
        for (const writes of rounds) {
          const users = writes.filter(({ kind }) => kind === 'create user');
          // These are committed together, in an order that nobody knows, while the walk goes on.
          const together = inParallel(users, () => acme.createUser(newUuid()));
          await Promise.all([together, readOn()]);
          for (const one of writes) await Promise.all([write(acme, model, one), readOn()]);
        }
        while ((await readOn()) > 0);
        const expected = Array.from({ length: await acme.position() }, (_, index) => index + 1);
        assert.deepEqual(positions, expected);
      },
    ),
    { numRuns: 4, interruptAfterTimeLimit: longestRunMs },
  );
});
