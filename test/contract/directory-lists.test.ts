import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  SearchResourcesRequest,
  SearchResourcesResponse,
} from '#proto/rollcall/directory/v1/search_service.ts';
import { ListUsersRequest } from '#proto/rollcall/directory/v1/user_service.ts';
import { ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import { limits } from '../../gateway/limits.ts';
import { pageTokenLifetime } from '../../services/directory/mongo/page-token.ts';
import {
  type ConnectionDriver,
  createDriver,
  idOf,
  operation,
  refused,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

const fromIndex = (value: number) => ({ $case: 'startIndex' as const, value });
const fromToken = (value: string) => ({ $case: 'pageToken' as const, value });

/** A connection with users `user 0` to `user 24`, every third one titled. */
async function twentyFive() {
  const acme = await createDriver(directory.clients);
  const ids: string[] = [];
  for (let index = 0; index < 25; index++) {
    const title = index % 3 === 0 ? 'third' : undefined;
    const { user } = await acme.createUser({ userName: `user ${index}`, externalId: `E-${index}`, title });
    ids.push(idOf(user));
  }
  return { acme, ids };
}

suite('a list', () => {
  let acme: ConnectionDriver;
  let ids: string[];
  before(async () => {
    ({ acme, ids } = await twentyFive());
  });

  test('goes from the oldest to the newest, with its total', async () => {
    const { header, ids: found } = await acme.listUsers();
    assert.deepEqual(found, ids);
    assert.deepEqual(header, {
      totalSize: 25,
      pageSize: 25,
      nextPageToken: '',
      previousPageToken: '',
      asOf: 25,
    });
  });

  test('starts where the index says', async () => {
    for (const [start, size, expected] of [
      [1, 10, ids.slice(0, 10)],
      [0, 10, ids.slice(0, 10)],
      [-7, 3, ids.slice(0, 3)],
      [11, 10, ids.slice(10, 20)],
      [21, 10, ids.slice(20)],
      [26, 10, []],
      [1_000_000, 10, []],
      [5, 0, []],
      [3, 1, ids.slice(2, 3)],
    ] as const) {
      const { header, ids: found } = await acme.listUsers({
        page: { start: fromIndex(start), pageSize: size },
      });
      assert.deepEqual(found, expected, `start ${start}, size ${size}`);
      assert.equal(header.totalSize, 25);
      assert.equal(header.pageSize, expected.length);
    }
  });

  test('goes on by token to its end', async () => {
    for (const filter of [
      undefined,
      'title eq "THIRD"',
      'externalId sw "E-"',
      'externalId eq "E-1" or title pr',
    ]) {
      const all = await acme.listUsers({ ...(filter && { filter }) });
      const walked: string[] = [];
      let token = '';
      do {
        const page = { pageSize: 4, ...(token !== '' && { start: fromToken(token) }) };
        const { header, ids: found } = await acme.listUsers({ ...(filter && { filter }), page });
        assert.equal(header.totalSize, all.ids.length);
        walked.push(...found);
        token = header.nextPageToken;
      } while (token !== '');
      assert.deepEqual(walked, all.ids);
    }
  });

  test('of indexed values is found whatever the case of a caseExact=false value', async () => {
    assert.deepEqual((await acme.listUsers({ filter: 'userName eq "USER 7"' })).ids, [ids[7]]);
    assert.deepEqual((await acme.listUsers({ filter: 'externalId eq "E-7"' })).ids, [ids[7]]);
    assert.deepEqual((await acme.listUsers({ filter: 'externalId eq "e-7"' })).ids, []);
    assert.deepEqual((await acme.listUsers({ filter: `id eq "${ids[7]}"` })).ids, [ids[7]]);
  });

  test('answers the total alone for a page of nothing', async () => {
    for (const [filter, total] of [
      ['title pr', 9],
      ['externalId eq "E-1" or userName eq "user 2"', 2],
      ['userName eq "nobody"', 0],
    ] as const) {
      const { header, ids: found } = await acme.listUsers({ filter, page: { pageSize: 0 } });
      assert.equal(header.totalSize, total);
      assert.deepEqual(found, []);
    }
  });

  test('has 0 to 1,000 on a page', async () => {
    for (const pageSize of [-1, 1_001])
      for (const call of [acme.listUsers({ page: { pageSize } }), acme.listGroups({ page: { pageSize } })])
        await refused(call, ErrorReason.REQUEST_INVALID, { field: 'page.page_size' });
  });

  test('refuses a token that was not made for it', async () => {
    const other = await twentyFive();
    const pageSize = 4;
    const { header } = await acme.listUsers({ page: { pageSize } });
    const token = header.nextPageToken;
    const page = { pageSize, start: fromToken(token) };
    const invalid = [ErrorReason.PAGE_TOKEN_INVALID, {}] as const;
    await refused(other.acme.listUsers({ page }), ...invalid);
    await refused(acme.listUsers({ filter: 'title pr', page }), ...invalid);
    await refused(acme.listGroups({ page }), ...invalid);
    const group = await acme.groupOf('All', ids);
    await refused(acme.listMembers(group, { pageToken: token }), ...invalid);
    const membersToken = (await acme.listMembers(group, { pageSize })).nextPageToken;
    assert.notEqual(membersToken, '');
    await refused(acme.listUsers({ page: { start: fromToken(membersToken) } }), ...invalid);
    await refused(acme.listMembers(group, { pageToken: membersToken, nested: true }), ...invalid);
    const broken = [token.slice(1), token.slice(0, -1), `${token.slice(0, 20)}AAAA${token.slice(24)}`];
    for (const value of [...broken, 'x', '', 'x'.repeat(10_000), Buffer.alloc(64, 1).toString('base64url')])
      await refused(acme.listUsers({ page: { start: fromToken(value) } }), ...invalid);
    await acme.deleteGroup(group);
  });

  test('refuses a token of another order, binding or list of types (CUR-07, CUR-25)', async () => {
    const path = (text: string) => parseAttributeName(resourceTypes.user, text);
    const binding = Buffer.alloc(64, 7);
    const sort = { path: path('title'), descending: false };
    const page = { pageSize: 4, binding };
    const { header } = await acme.listUsers({ sort, page });
    assert.match(header.nextPageToken, /^[A-Za-z0-9._~-]+$/);
    const next = { start: fromToken(header.nextPageToken), binding };
    assert.equal((await acme.listUsers({ sort, page: next })).ids.length, 4);
    const { binding: _, ...unbound } = next;
    const others = [
      acme.listUsers({ page: next }),
      acme.listUsers({ sort: { ...sort, descending: true }, page: next }),
      acme.listUsers({ sort: { path: path('userName') }, page: next }),
      acme.listUsers({ sort, page: unbound }),
      acme.listUsers({ sort, page: { ...next, binding: Buffer.alloc(64, 8) } }),
      acme.listUsers({ sort, page: { ...next, binding: Buffer.alloc(63, 7) } }),
      acme.search(
        [
          { type: resourceTypes.user, sortBy: 'title' },
          { type: resourceTypes.group, sortBy: 'displayName' },
        ],
        { page: next },
      ),
    ];
    for (const call of others) await refused(call, ErrorReason.PAGE_TOKEN_INVALID, {});
    await refused(acme.listUsers({ page: { binding: Buffer.alloc(65) } }), ErrorReason.REQUEST_INVALID, {
      field: 'page.binding',
    });
    await refused(acme.listUsers({ page: { walker: 'x'.repeat(65) } }), ErrorReason.REQUEST_INVALID, {
      field: 'page.walker',
    });
  });

  test('goes back to where a page was, and no further than to the beginning (CUR-04)', async () => {
    const back = async (value: string) => acme.listUsers({ page: { start: fromToken(value) } });
    const from = await acme.listUsers({ page: { pageSize: 10, start: fromIndex(16) } });
    const first = await back(from.header.previousPageToken);
    assert.deepEqual(first.ids, ids.slice(5, 15));
    const rest = await back(first.header.previousPageToken);
    assert.deepEqual(rest.ids, ids.slice(0, 5));
    assert.equal(rest.header.previousPageToken, '');
    assert.deepEqual((await back(rest.header.nextPageToken)).ids, ids.slice(5, 15));
    const beyond = await acme.listUsers({ page: { pageSize: 10, start: fromIndex(1_000) } });
    assert.deepEqual((await back(beyond.header.previousPageToken)).ids, ids.slice(15));
  });

  test('keeps the size with which its walk by token began (CUR-10)', async () => {
    const { header } = await acme.listUsers({ page: { pageSize: 4 } });
    const start = fromToken(header.nextPageToken);
    assert.deepEqual((await acme.listUsers({ page: { start } })).ids, ids.slice(4, 8));
    assert.deepEqual((await acme.listUsers({ page: { start, pageSize: 4 } })).ids, ids.slice(4, 8));
    for (const pageSize of [0, 2, 5, 1_000])
      await refused(acme.listUsers({ page: { start, pageSize } }), ErrorReason.PAGE_SIZE_CHANGED, {
        page_size: '4',
      });
    const byDefault = await createDriver(directory.clients);
    await byDefault.createUsers(Array.from({ length: 101 }, (_, index) => `user ${index}`));
    const first = await byDefault.listUsers();
    const second = { start: fromToken(first.header.nextPageToken) };
    assert.equal((await byDefault.listUsers({ page: second })).ids.length, 1);
    assert.equal((await byDefault.listUsers({ page: { ...second, pageSize: 100 } })).ids.length, 1);
  });

  test('refuses a filter that the schema does not allow and names the attribute', async () => {
    const path = (attribute: string) => ({ extension: '', attribute, subAttribute: '' });
    const compare = (attribute: string, operator: ComparisonOperator, text = 'x'): Filter => ({
      node: {
        $case: 'comparison',
        value: { path: path(attribute), operator, literal: { value: { $case: 'text', value: text } } },
      },
    });
    const refusedFilters: readonly (readonly [Filter, string])[] = [
      [compare('shoeSize', ComparisonOperator.EQ), 'shoeSize'],
      [compare('password', ComparisonOperator.EQ), 'password'],
      [compare('active', ComparisonOperator.EQ), 'active'],
      [compare('userName', ComparisonOperator.UNSPECIFIED), 'userName'],
      [{ node: undefined }, ''],
      [{ node: { $case: 'and', value: { filters: [] } } }, ''],
      [{ node: { $case: 'not', value: { node: undefined } } }, ''],
    ];
    for (const [filter, attribute] of refusedFilters) {
      const request = ListUsersRequest.fromPartial({ connectionId: acme.connectionId, filter });
      await refused(Array.fromAsync(directory.clients.users.listUsers(request)), ErrorReason.FILTER_INVALID, {
        attribute,
      });
    }
  });

  test('of groups and users is filtered by membership', async () => {
    const [first = '', second = ''] = ids;
    const inner = await acme.groupOf('Inner', [first]);
    const outer = await acme.groupOf('Outer', [inner, second]);
    assert.deepEqual((await acme.listUsers({ filter: `groups eq "${inner}"` })).ids, [first]);
    assert.deepEqual((await acme.listUsers({ filter: `groups.value eq "${outer}"` })).ids, [second]);
    assert.deepEqual((await acme.listGroups({ filter: `members eq "${inner}"` })).ids, [outer]);
    assert.deepEqual((await acme.listGroups({ filter: 'members[type eq "User"]' })).ids, [inner, outer]);
    assert.deepEqual((await acme.listGroups({ filter: `members eq "no id"` })).ids, []);
    await acme.deleteGroup(inner);
    assert.deepEqual((await acme.listUsers({ filter: `groups eq "${inner}"` })).ids, []);
    assert.deepEqual((await acme.listGroups({ filter: `members eq "${inner}"` })).ids, []);
  });
});

suite('a page token', () => {
  test('is good for its lifetime, from when its page was read (CUR-09, CUR-24)', async () => {
    let now = Date.now();
    await using aged = await startTestDirectory(undefined, undefined, undefined, () => now);
    const acme = await createDriver(aged.clients);
    const ids = await acme.createUsers(['a', 'b', 'c', 'd', 'e', 'f']);
    const sorted = { sort: { path: parseAttributeName(resourceTypes.user, 'userName') } };
    const first = await acme.listUsers({ ...sorted, page: { pageSize: 2 } });
    const start = fromToken(first.header.nextPageToken);
    now += pageTokenLifetime * 1_000;
    const second = await acme.listUsers({ ...sorted, page: { start } });
    assert.deepEqual(second.ids, ids.slice(2, 4));
    now += 1;
    await refused(acme.listUsers({ ...sorted, page: { start } }), ErrorReason.PAGE_TOKEN_EXPIRED, {});
    for (const token of [second.header.nextPageToken, second.header.previousPageToken])
      assert.equal((await acme.listUsers({ ...sorted, page: { start: fromToken(token) } })).ids.length, 2);
  });

  test('lives as long as the gateway says', () => {
    assert.equal(limits.cursorTimeout, pageTokenLifetime);
  });
});

suite('walks by index', () => {
  test('of two walkers do not get in each other’s way', async () => {
    const acme = await createDriver(directory.clients);
    const ids = await acme.createUsers(['a', 'b', 'c', 'd', 'e', 'f']);
    const sort = { path: parseAttributeName(resourceTypes.user, 'userName') };
    const page = (walker: string, index: number) =>
      acme.listUsers({ sort, page: { walker, pageSize: 2, start: fromIndex(index) } });
    assert.deepEqual((await page('one', 1)).ids, ids.slice(0, 2));
    await acme.deleteUser(ids[0] ?? '');
    // Meets b and c; for the first walker the next after b is c, whatever the second one met.
    assert.deepEqual((await page('two', 1)).ids, ids.slice(1, 3));
    assert.deepEqual((await page('one', 3)).ids, ids.slice(2, 4));
    assert.deepEqual((await page('two', 3)).ids, ids.slice(3, 5));
    // Two walks of one walker that differ go on from the one that is behind.
    assert.deepEqual((await page('three', 1)).ids, ids.slice(1, 3));
    await acme.deleteUser(ids[1] ?? '');
    assert.deepEqual((await page('three', 1)).ids, ids.slice(2, 4));
    assert.deepEqual((await page('three', 3)).ids, ids.slice(3, 5));
  });
});

test('a sorted walk by index ends after its last page, though somebody came in before it', async () => {
  const acme = await createDriver(directory.clients);
  const ids = await acme.createUsers(['b', 'c', 'd']);
  const sort = { path: parseAttributeName(resourceTypes.user, 'userName') };
  const page = (index: number) => acme.listUsers({ sort, page: { pageSize: 2, start: fromIndex(index) } });
  assert.deepEqual((await page(1)).ids, ids.slice(0, 2));
  const [newcomer = ''] = await acme.createUsers(['a']);
  assert.deepEqual((await page(3)).ids, ids.slice(2));
  const { header, ids: found } = await page(4);
  assert.equal(header.totalSize, 4);
  assert.deepEqual(found, []);
  assert.deepEqual((await page(1)).ids, [newcomer, ids[0]]);
});

suite('a page of large resources', () => {
  test('ends early at 4 MiB and goes on from there', async () => {
    const acme = await createDriver(directory.clients);
    const title = 'x'.repeat(200 * 1024);
    const ids: string[] = [];
    for (let index = 0; index < 30; index++)
      ids.push(idOf((await acme.createUser({ userName: `user ${index}`, title })).user));
    for (const filter of [undefined, 'title pr', `id eq "${ids[0]}" or userName sw "user"`]) {
      const first = await acme.listUsers({ ...(filter && { filter }) });
      assert.equal(first.header.totalSize, 30);
      assert.equal(first.header.pageSize, first.ids.length);
      assert.ok(first.ids.length >= 15 && first.ids.length < 30, String(first.ids.length));
      const start = fromToken(first.header.nextPageToken);
      const second = await acme.listUsers({ ...(filter && { filter }), page: { start } });
      assert.deepEqual([...first.ids, ...second.ids], ids);
    }
  });
});

suite('the messages of a list', () => {
  /** What each part of an answer about all resources has: how many users or groups, or how many members follow. */
  async function partsOf({ connectionId }: ConnectionDriver, withoutMembers: boolean) {
    const request = SearchResourcesRequest.fromPartial({
      connectionId,
      types: [{ resourceType: 'User' }, { resourceType: 'Group' }],
      page: { pageSize: 1_000 },
      mask: { withoutMembers },
    });
    const parts: string[] = [];
    for await (const message of directory.clients.search.searchResources(request)) {
      const { part } = message;
      if (part?.$case === 'users') parts.push(`${part.value.users.length} users`);
      if (part?.$case === 'groups') parts.push(`${part.value.groups.length} groups`);
      if (part?.$case === 'members') parts.push(`${part.value.members.length} members`);
      const bytes = SearchResourcesResponse.encode(message).finish().length;
      assert.ok(bytes < 2 * 1024 * 1024, `${bytes} bytes`);
    }
    return parts;
  }

  test('have many resources each, but a group whose members follow stands alone', async () => {
    const acme = await createDriver(directory.clients);
    const ids = await acme.createUsers(Array.from({ length: 120 }, (_, index) => `user ${index}`));
    for (const name of ['a', 'b']) await acme.groupOf(name, ids.slice(0, 3));
    assert.deepEqual(await partsOf(acme, true), ['100 users', '20 users', '2 groups']);
    assert.deepEqual(await partsOf(acme, false), [
      '100 users',
      '20 users',
      '1 groups',
      '3 members',
      '1 groups',
      '3 members',
    ]);
  });

  test('have fewer large ones', async () => {
    const acme = await createDriver(directory.clients);
    const title = 'x'.repeat(200 * 1024);
    for (let index = 0; index < 12; index++) await acme.createUser({ userName: `large ${index}`, title });
    assert.deepEqual(await partsOf(acme, true), ['5 users', '5 users', '2 users']);
  });
});

suite('looking up together', () => {
  let acme: ConnectionDriver;
  let ids: string[];
  before(async () => {
    ({ acme, ids } = await twentyFive());
  });
  const [user, group] = [resourceTypes.user, resourceTypes.group];

  test('answers each question in its place, and leaves alone what a call of its own must say', async () => {
    const other = await createDriver(directory.clients);
    const { user: stranger } = await other.createUser('stranger');
    const [first = '', second = '', third = ''] = ids;
    const asked = [
      [{ id: second }, [second]],
      [{ filter: 'userName eq "USER 0"' }, [first]],
      [{ filter: 'externalId eq "E-2"' }, [third]],
      [{ filter: 'externalId eq "e-2"' }, []],
      [{ filter: 'userName eq "nobody"' }, []],
      [{ filter: `id eq "${third}"` }, [third]],
      [{ id: second }, [second]],
      [{ id: idOf(stranger) }, undefined],
      [{ id: 'no id' }, undefined],
      [{ filter: 'title eq "third"' }, undefined],
      [{ filter: 'userName sw "user 1"' }, undefined],
      [{ filter: 'userName eq "user 1" and active eq true' }, undefined],
      [{ filter: `groups eq "${first}"` }, undefined],
    ] as const;
    const {
      ids: found,
      answers,
      asOf,
    } = await acme.lookUp(
      user,
      asked.map(([question]) => question),
    );
    assert.deepEqual(
      found,
      asked.map(([, expected]) => expected),
    );
    assert.equal(asOf, 25);
    assert.deepEqual(answers[0]?.users[0], (await acme.getUser(second)).user);
  });

  test('finds all who share a value, oldest first, up to twenty', async () => {
    const shared: string[] = [];
    for (let count = 1; count <= 21; count++) {
      const { user: one } = await acme.createUser({ userName: `twin ${count}`, externalId: 'twins' });
      shared.push(idOf(one));
      if (count < 20) continue;
      const { ids: found } = await acme.lookUp(user, [
        { filter: 'externalId eq "twins"' },
        { id: shared[0] ?? '' },
      ]);
      assert.deepEqual(found, [count === 20 ? shared : undefined, shared.slice(0, 1)]);
    }
  });

  test('shows users with their groups, and groups without their members, as the mask says', async () => {
    const [first = ''] = ids;
    const crew = await acme.groupOf('Crew', [first]);
    for (const mask of [{}, { withoutNames: true }, { withoutGroups: true }]) {
      const { answers } = await acme.lookUp(user, [{ id: first }], { mask });
      assert.deepEqual(answers[0]?.users[0], (await acme.getUser(first, { mask })).user);
    }
    const { answers, ids: found } = await acme.lookUp(group, [
      { filter: 'displayName eq "crew"' },
      { id: crew },
    ]);
    assert.deepEqual(found, [[crew], [crew]]);
    const { group: whole } = await acme.getGroup(crew, { mask: { withoutMembers: true } });
    assert.deepEqual(answers[1]?.groups[0], whole);
  });

  test('is refused beyond 100 questions, and for a type that there is not', async () => {
    const invalid = (field: string) => [ErrorReason.REQUEST_INVALID, { field }] as const;
    const many = Array.from({ length: 101 }, () => ({ id: ids[0] ?? '' }));
    await refused(acme.lookUp(user, many), ...invalid('look_ups'));
    await refused(acme.lookUp({ ...user, name: 'Robot' }, []), ...invalid('resource_type'));
  });

  test('shows what was written a moment before, whoever asks beside', async () => {
    const [first = '', ...others] = ids;
    for (let round = 0; round < 10; round++) {
      const title = `captain ${round}`;
      const beside = others.slice(0, 5).map((id) => acme.lookUp(user, [{ id }, { id: first }]));
      await acme.patchUser(first, [operation(user, 'REPLACE', 'title', title)]);
      const { answers } = await acme.lookUp(user, [{ id: first }]);
      assert.equal(answers[0]?.users[0]?.title, title);
      await Promise.all(beside);
    }
  });
});
