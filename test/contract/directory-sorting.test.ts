import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributePath, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { printFilter } from '#scim/filter-printer.ts';
import { isJsonArray, isJsonObject, type JsonObject, toJsonValue } from '#scim/json.ts';
import { arbitraryUser, arbitraryUserFilter } from '../support/arbitrary-user.ts';
import {
  type ConnectionDriver,
  createDriver,
  idOf,
  inParallel,
  operation,
  refused,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';
import { naiveMatch } from '../support/naive-filter.ts';
import { naiveSort } from '../support/naive-sort.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

// Ends the search for a smaller counterexample, too, before the test's own time is up.
const longestRunMs = 60_000;

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const userPath = (text: string) => parseAttributeName(resourceTypes.user, text);
const sortedBy = (text: string, descending = false) => ({ sort: { path: userPath(text), descending } });

suite('a sorted list', () => {
  /** Sorts users by one attribute and gives their userNames. */
  async function sorted(acme: ConnectionDriver, by: string, descending = false) {
    const { users } = await acme.listUsers(sortedBy(by, descending));
    return users.map(({ userName }) => userName);
  }

  test('goes up, or down in exactly the reverse (SRT-01, SRT-02, SRT-03, SRT-14)', async () => {
    const acme = await createDriver(directory.clients);
    for (const userName of ['carol', 'alice', 'Bob']) await acme.createUser(userName);
    assert.deepEqual(await sorted(acme, 'userName'), ['alice', 'Bob', 'carol']);
    assert.deepEqual(await sorted(acme, 'userName', true), ['carol', 'Bob', 'alice']);
    const unsorted = await acme.search([{ type: resourceTypes.user }], { descending: true });
    assert.deepEqual(unsorted.ids, (await acme.listUsers()).ids);
  });

  test('compares text by code point, with its case where that counts (SRT-04, SRT-05)', async () => {
    const acme = await createDriver(directory.clients);
    for (const [index, name] of ['ä', 'z', 'a', 'B', '\uffee', '𝒞'].entries())
      await acme.createUser({ userName: `user ${index}`, externalId: name, displayName: name });
    const by = async (attribute: 'externalId' | 'displayName') =>
      (await acme.listUsers(sortedBy(attribute))).users.map((user) => user[attribute]);
    assert.deepEqual(await by('externalId'), ['B', 'a', 'z', 'ä', '\uffee', '𝒞']);
    assert.deepEqual(await by('displayName'), ['a', 'B', 'z', 'ä', '\uffee', '𝒞']);
  });

  test('goes by the primary value of several, else by the first (SRT-06, SRT-07)', async () => {
    const acme = await createDriver(directory.clients);
    await acme.createUser({
      userName: 'primary z',
      emails: [{ value: 'a@example.com' }, { value: 'z@example.com', primary: true }],
    });
    await acme.createUser({
      userName: 'first m',
      emails: [{ value: 'm@example.com' }, { value: 'b@example.com' }],
    });
    await acme.createUser({
      userName: 'first valueless',
      emails: [{ type: 'home' }, { value: 'a@example.com' }],
    });
    const expected = ['first m', 'primary z', 'first valueless'];
    assert.deepEqual(await sorted(acme, 'emails.value'), expected);
    assert.deepEqual(await sorted(acme, 'emails'), expected);
  });

  test('has those without a value last, when descending first (SRT-08)', async () => {
    const acme = await createDriver(directory.clients);
    for (const [userName, title] of Object.entries({ a: 'Z', b: undefined, c: 'Y', d: undefined }))
      await acme.createUser({ userName, title });
    assert.deepEqual(await sorted(acme, 'title'), ['c', 'a', 'b', 'd']);
    assert.deepEqual(await sorted(acme, 'title', true), ['d', 'b', 'a', 'c']);
  });

  test('compares times, numbers and truth values as such (SRT-09)', async () => {
    const acme = await createDriver(directory.clients);
    const ids: string[] = [];
    for (const [userName, active] of Object.entries({ a: true, b: false, c: undefined, d: false }))
      ids.push(idOf((await acme.createUser({ userName, active })).user));
    assert.deepEqual(await sorted(acme, 'active'), ['b', 'd', 'a', 'c']);
    assert.deepEqual(await sorted(acme, 'meta.created', true), ['d', 'c', 'b', 'a']);
    const [first = '', second = ''] = ids;
    for (let version = 2; version <= 10; version++)
      await acme.patchUser(first, [operation(resourceTypes.user, 'REPLACE', 'title', `t${version}`)]);
    await acme.patchUser(second, [operation(resourceTypes.user, 'REPLACE', 'title', 'once')]);
    assert.deepEqual(await sorted(acme, 'meta.version'), ['c', 'd', 'b', 'a']);
    assert.deepEqual(await sorted(acme, 'meta.lastModified'), ['c', 'd', 'a', 'b']);
  });

  test('of long texts compares the first 256 characters, and its tokens stay short', async () => {
    const acme = await createDriver(directory.clients);
    const long = '𝒞'.repeat(256);
    for (const [index, title] of [`${long}b`, `${long}a`, `${long.slice(2)}a`].entries())
      await acme.createUser({ userName: `user ${index}`, title });
    assert.deepEqual(await sorted(acme, 'title'), ['user 2', 'user 0', 'user 1']);
    const { header } = await acme.listUsers({ ...sortedBy('title'), page: { pageSize: 2 } });
    assert.ok(header.nextPageToken.length < 2_000, String(header.nextPageToken.length));
    const start = { $case: 'pageToken' as const, value: header.nextPageToken };
    const { users } = await acme.listUsers({ ...sortedBy('title'), page: { start } });
    assert.deepEqual(
      users.map(({ userName }) => userName),
      ['user 1'],
    );
  });

  test('is refused by what has no order, and says why (SRT-07, SRT-11)', async () => {
    const acme = await createDriver(directory.clients);
    const path = (attribute: string, subAttribute = '', extension = '') => ({
      extension,
      attribute,
      subAttribute,
    });
    const paths: readonly (readonly [AttributePath, string])[] = [
      [path('shoeSize'), 'shoeSize'],
      [path('name', 'shoeSize'), 'name.shoeSize'],
      [path('name'), 'name'],
      [path('meta'), 'meta'],
      [path('meta', 'location'), 'meta.location'],
      [path('addresses'), 'addresses'],
      [path('groups'), 'groups'],
      [path('groups', 'value'), 'groups.value'],
      [path('password'), 'password'],
      [path('x509Certificates'), 'x509Certificates'],
      [path('manager', '', enterprise), `${enterprise}:manager`],
      [path('manager', '$ref', enterprise), `${enterprise}:manager.$ref`],
      [path('', '', enterprise), enterprise],
      [path(''), ''],
      [
        { ...path('emails', 'value'), valueFilter: parseFilter(resourceTypes.user, 'active eq true') },
        'emails.value',
      ],
    ];
    for (const [refusedPath, attribute] of paths)
      await refused(acme.listUsers({ sort: { path: refusedPath } }), ErrorReason.SORT_INVALID, { attribute });
    await refused(acme.listUsers({ sort: {} }), ErrorReason.SORT_INVALID, { attribute: '' });
    await refused(acme.listGroups({ sort: { path: path('members') } }), ErrorReason.SORT_INVALID, {
      attribute: 'members',
    });
  });
});

suite('a search', () => {
  test('names each type once, and one that exists', async () => {
    const acme = await createDriver(directory.clients);
    const { user, group } = resourceTypes;
    await refused(acme.search([]), ErrorReason.REQUEST_INVALID, { field: 'types' });
    await refused(
      acme.search([{ type: user }, { type: group }, { type: user }]),
      ErrorReason.REQUEST_INVALID,
      {
        field: 'types',
      },
    );
    await refused(acme.search([{ type: { ...user, name: 'Robot' } }]), ErrorReason.REQUEST_INVALID, {
      field: 'types.resource_type',
    });
  });

  test('refuses to compare what is a text here and a truth value there', async () => {
    const acme = await createDriver(directory.clients);
    const types = [
      { type: resourceTypes.user, sortBy: 'active' },
      { type: resourceTypes.group, sortBy: 'displayName' },
    ];
    await refused(acme.search(types), ErrorReason.SORT_INVALID, { attribute: 'displayName' });
  });

  test('answers users and groups whole (SRCH-03)', async () => {
    const acme = await createDriver(directory.clients);
    const { user } = await acme.createUser('ada');
    const inner = await acme.groupOf('Inner', [idOf(user)]);
    const outer = await acme.groupOf('Outer', [idOf(user), inner]);
    const types = [{ type: resourceTypes.user }, { type: resourceTypes.group }];
    const { header, found } = await acme.search(types);
    const { users } = await acme.listUsers();
    const { groups } = await acme.listGroups();
    assert.equal(header.totalSize, 3);
    assert.equal(header.pageSize, 3);
    assert.deepEqual(
      found.map(({ type, resource }) => ({ type, resource })),
      [
        ...users.map((resource) => ({ type: 'User', resource })),
        ...groups.map(({ group }) => ({ type: 'Group', resource: group })),
      ],
    );
    assert.deepEqual(
      found.map(({ memberIds }) => memberIds.toSorted()),
      [[], [idOf(user)], [idOf(user), inner].sort()],
    );
    const masked = await acme.search(types.toReversed(), {
      mask: { withoutMembers: true, withoutGroups: true },
    });
    assert.deepEqual(masked.ids, [inner, outer, idOf(user)]);
    assert.deepEqual(
      masked.found.flatMap(({ memberIds }) => memberIds),
      [],
    );
  });
});

const userPaths = [
  'userName',
  'externalId',
  'displayName',
  'title',
  'profileUrl',
  'nickName',
  'active',
  'name.givenName',
  'emails',
  'emails.type',
  'emails.display',
  'phoneNumbers.value',
  'photos',
  `${enterprise}:department`,
  `${enterprise}:employeeNumber`,
  `${enterprise}:manager.value`,
  'id',
  'meta.created',
  'meta.lastModified',
  'meta.version',
  'meta.resourceType',
];
// Names of attributes that both types have, and of one that only users have.
const commonPaths = [
  'displayName',
  'externalId',
  'id',
  'meta.created',
  'meta.resourceType',
  'meta.version',
  'userName',
];

/** A message as a client sees it. */
function shown(message: object): JsonObject {
  const plain = toJsonValue(JSON.parse(JSON.stringify(message)));
  assert.ok(isJsonObject(plain));
  return Object.fromEntries(
    Object.entries(plain).filter(([, value]) => !(isJsonArray(value) && value.length === 0)),
  );
}

/** Users of every kind and some groups, in the order of creation. */
async function populate(users: readonly JsonObject[], groupNames: readonly string[]) {
  // Strict, so that groups may have the same name.
  const acme = await createDriver(directory.clients, { strict: true });
  const ids = await inParallel(users, async (user, index) => {
    // Certificates are no random text, and have no order.
    const { userName, x509Certificates: _, ...rest } = user;
    return idOf((await acme.createUser({ ...rest, userName: `${userName}${index}` })).user);
  });
  for (const id of ids.filter((_, index) => index % 3 === 1))
    await acme.patchUser(id, [operation(resourceTypes.user, 'REPLACE', 'nickName', 'a')]);
  for (const [index, displayName] of groupNames.entries())
    await acme.groupOf(displayName, ids.slice(0, index));
  const listed = await acme.listUsers({ page: { pageSize: 1_000 } });
  const groups = await acme.listGroups({ mask: { withoutMembers: true } });
  return {
    acme,
    users: listed.users.map(shown),
    groups: groups.groups.map(({ group }) => shown(group)),
  };
}

type Page = NonNullable<NonNullable<Parameters<ConnectionDriver['listUsers']>[0]>['page']>;
type Answer = Awaited<ReturnType<ConnectionDriver['search']>>;

/** Checks that every way of paging through a list, forward and back, gives it as expected. */
async function checkPages(
  read: (page: Page) => Promise<Pick<Answer, 'header' | 'ids'>>,
  expected: readonly string[],
  pageSize: number,
  indexes: readonly number[],
): Promise<void> {
  const next = (value: string): Page => ({ pageSize, start: { $case: 'pageToken', value } });
  const firstOf = (page: number) => page * pageSize;
  const pages = Math.max(1, Math.ceil(expected.length / pageSize));
  let answer = await read({ pageSize });
  for (let page = 0; page < pages; page++) {
    const { header, ids } = answer;
    assert.deepEqual(ids, expected.slice(firstOf(page), firstOf(page + 1)), `page ${page} forward`);
    assert.equal(header.totalSize, expected.length);
    assert.equal(header.nextPageToken === '', page === pages - 1, `next of page ${page}`);
    assert.equal(header.previousPageToken === '', page === 0, `previous of page ${page}`);
    if (page < pages - 1) answer = await read(next(header.nextPageToken));
  }
  for (let page = pages - 2; page >= 0; page--) {
    const { header, ids } = await read(next(answer.header.previousPageToken));
    answer = { header, ids };
    assert.deepEqual(ids, expected.slice(firstOf(page), firstOf(page + 1)), `page ${page} back`);
    assert.equal(header.totalSize, expected.length);
    assert.equal(header.previousPageToken === '', page === 0, `previous of page ${page}, back`);
    const again = await read(next(header.nextPageToken));
    assert.deepEqual(again.ids, expected.slice(firstOf(page + 1), firstOf(page + 2)), `forth from ${page}`);
  }
  for (const index of indexes) {
    const { header, ids } = await read({ pageSize, start: { $case: 'startIndex', value: index + 1 } });
    assert.deepEqual(ids, expected.slice(index, index + pageSize), `from ${index}`);
    assert.equal(header.previousPageToken === '', index === 0 || expected.length === 0, `before ${index}`);
    if (header.previousPageToken === '') continue;
    const before = await read(next(header.previousPageToken));
    const end = Math.min(index, expected.length);
    assert.deepEqual(before.ids, expected.slice(Math.max(0, end - pageSize), end), `before ${index}`);
  }
}

const arbitraryUsers = fc.array(
  fc
    .tuple(arbitraryUser, fc.boolean())
    .map(([user, same]) => (same ? { ...user, externalId: 'same' } : user)),
  { minLength: 1, maxLength: 60, size: 'max' },
);
/** Sizes of at most ten pages, of up to one page more than the list has. */
const pageSizeFor = (total: number) =>
  fc.integer({ min: Math.max(1, Math.ceil(total / 10)), max: total + 1 });

// By index: of very many, of some.
const indexed = ['externalId eq "same"', 'externalId eq "a" or emails.value eq "A" or userName eq "a0"'];

test('lists of users are what a naive sort gives, forward, back and by index (SRT-13, PAG-13, CUR-13)', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryUsers, fc.gen(), async (population, gen) => {
      const { acme, users, groups } = await populate(population, ['A', 'B', 'C']);
      const filters = fc.oneof(
        fc.constant(undefined),
        fc.constantFrom(...indexed).map((text) => parseFilter(resourceTypes.user, text)),
        arbitraryUserFilter(users.map(idIn), groups.map(idIn)),
      );
      for (let round = 0; round < 6; round++) {
        const filter = gen(() => filters);
        const by = gen(() => fc.constantFrom(undefined, ...userPaths, ...userPaths));
        const descending = gen(fc.boolean);
        const path = by === undefined ? undefined : userPath(by);
        const matching = users.filter((user) => filter === undefined || naiveMatch(user, filter));
        const expected = naiveSort(
          matching.map((resource) => ({ resource, path })),
          descending && path !== undefined,
        ).map(idIn);
        await checkPages(
          (page) =>
            acme.listUsers({
              page,
              ...(filter && { filter: printFilter(filter) }),
              ...(path && { sort: { path, descending } }),
            }),
          expected,
          gen(() => pageSizeFor(expected.length)),
          gen(() => fc.array(fc.nat(expected.length + 3), { maxLength: 3 })),
        );
      }
    }),
    { numRuns: 4, interruptAfterTimeLimit: longestRunMs },
  );
});

test('searches over users and groups are what a naive sort gives, forward, back and by index', async () => {
  const groupNames = fc.array(fc.constantFrom('a', 'A', 'ab', 'b', 'É', '𝒞', '\uffee', 'same'), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(arbitraryUsers, groupNames, fc.gen(), async (population, displayNames, gen) => {
      const { acme, users, groups } = await populate(population, displayNames);
      const userType = { type: resourceTypes.user, list: users };
      const groupType = { type: resourceTypes.group, list: groups };
      for (let round = 0; round < 6; round++) {
        const names = gen(() => fc.shuffledSubarray(['User', 'Group'], { minLength: 1 }));
        const by = gen(() => fc.constantFrom(undefined, ...commonPaths));
        const text = gen(() =>
          fc.constantFrom(undefined, 'displayName pr', 'id pr', 'displayName eq "same" or id eq "x"'),
        );
        const descending = gen(fc.boolean);
        const types = names.map((name) => {
          const { type, list } = name === 'User' ? userType : groupType;
          const sortBy = by !== undefined && (by !== 'userName' || type.name === 'User') ? by : undefined;
          const filter: Filter | undefined = text === undefined ? undefined : parseFilter(type, text);
          return {
            asked: {
              type,
              ...(sortBy !== undefined && { sortBy }),
              ...(text !== undefined && { filter: text }),
            },
            expected: list
              .filter((resource) => filter === undefined || naiveMatch(resource, filter))
              .map((resource) => ({
                resource,
                path: sortBy === undefined ? undefined : parseAttributeName(type, sortBy),
              })),
          };
        });
        const isSorted = types.some(({ asked }) => 'sortBy' in asked);
        const expected = naiveSort(
          types.flatMap((part) => part.expected),
          descending && isSorted,
        ).map(idIn);
        await checkPages(
          (page) =>
            acme.search(
              types.map(({ asked }) => asked),
              { page, descending },
            ),
          expected,
          gen(() => pageSizeFor(expected.length)),
          gen(() => fc.array(fc.nat(expected.length + 3), { maxLength: 3 })),
        );
      }
    }),
    { numRuns: 4, interruptAfterTimeLimit: longestRunMs },
  );
});

function idIn({ id }: JsonObject): string {
  assert.ok(typeof id === 'string');
  return id;
}
