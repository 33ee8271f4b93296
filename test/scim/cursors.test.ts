import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { CreateTokenRequest, RevokeTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf, untilStatus } from '../support/scim-client.ts';
import { assertError, createGroup, createUser, eachProfile, filtered, ids } from './scim-fixture.ts';

/** Milliseconds by which the directory's clock is ahead. */
let ahead = 0;
const rollcall = await startRollcall(undefined, () => Date.now() + ahead);
after(() => rollcall[Symbol.asyncDispose]());

type Page = ScimAnswer['body'];

/** A page of users. */
async function pageOf(scim: ScimClient, query: string): Promise<Page> {
  const { status, body } = await scim('GET', `/Users?${query}`);
  assert.equal(status, 200, `${query}: ${JSON.stringify(body)}`);
  return body;
}

/** The pages of a walk from its first to its last. */
async function walk(scim: ScimClient, query: string): Promise<Page[]> {
  const pages = [await pageOf(scim, `${query}&cursor`)];
  for (let cursor = pages[0].nextCursor; cursor !== undefined; cursor = pages.at(-1)?.nextCursor) {
    pages.push(await pageOf(scim, `${query}&cursor=${cursor}`));
    assert.ok(pages.length < 100, 'a walk without an end');
  }
  return pages;
}

const userNames = ({ Resources }: Page): string[] =>
  Resources.map(({ userName }: { userName: string }) => userName);

eachProfile(rollcall, 'walks by cursor', async ({ scim, connection }) => {
  const names = [...'gbdafhce', 'i', 'j'];
  for (const [index, userName] of names.entries())
    await createUser(scim, { userName, title: index < 5 ? 'low' : 'high' });

  test('begin with an empty cursor, written either way (CUR-01)', async () => {
    const first = await pageOf(scim, 'cursor&count=4');
    assert.deepEqual(userNames(first), names.slice(0, 4));
    const { nextCursor: _, ...page } = first;
    const { nextCursor, ...same } = await pageOf(scim, 'count=4&cursor=');
    assert.deepEqual(same, page);
    assert.ok(nextCursor);
  });

  test('go on to the last page, which alone has no nextCursor (CUR-02, CUR-05, CUR-11, CUR-12)', async () => {
    const pages = await walk(scim, 'count=4');
    assert.deepEqual(pages.map(userNames), [names.slice(0, 4), names.slice(4, 8), names.slice(8)]);
    for (const page of pages) {
      assert.deepEqual([page.totalResults, page.itemsPerPage], [10, page.Resources.length]);
      assert.ok(!('startIndex' in page));
      for (const cursor of [page.nextCursor, page.previousCursor])
        if (cursor !== undefined) assert.match(cursor, /^[A-Za-z0-9._~-]+$/);
    }
    assert.equal(pages.filter(({ nextCursor }) => nextCursor === undefined).length, 1);
  });

  test('end with a full page, where the number is right for it (CUR-03)', async () => {
    assert.deepEqual((await walk(scim, 'count=5')).map(userNames), [names.slice(0, 5), names.slice(5)]);
    assert.equal((await walk(scim, 'count=10')).length, 1);
    const none = await pageOf(scim, `cursor&${filtered('userName eq "nobody"')}`);
    assert.deepEqual([none.totalResults, none.Resources, none.nextCursor], [0, [], undefined]);
  });

  test('lead back, and not before the first page (CUR-04)', async () => {
    const [first, second, third] = await walk(scim, 'count=4');
    assert.equal(first.previousCursor, undefined);
    const back = await pageOf(scim, `count=4&cursor=${third.previousCursor}`);
    assert.deepEqual(back.Resources, second.Resources);
    const start = await pageOf(scim, `count=4&cursor=${back.previousCursor}`);
    assert.deepEqual([start.Resources, start.previousCursor], [first.Resources, undefined]);
    const forth = await pageOf(scim, `count=4&cursor=${start.nextCursor}`);
    assert.deepEqual(forth.Resources, second.Resources);
  });

  test('mean by count what lists by index mean (CUR-06)', async () => {
    for (const count of ['0', '-1', '-999']) {
      const { totalResults, itemsPerPage, Resources } = await pageOf(scim, `cursor&count=${count}`);
      assert.deepEqual([totalResults, itemsPerPage, Resources], [10, 0, []]);
    }
    assert.equal((await pageOf(scim, 'cursor&count=2')).Resources.length, 2);
    assertError(await scim('GET', '/Users?cursor&count=two'), 400, 'invalidValue');
  });

  test('keep the count they began with, and bend one that is too large (CUR-10)', async () => {
    const { nextCursor } = await pageOf(scim, 'cursor&count=4');
    assertError(await scim('GET', `/Users?count=5&cursor=${nextCursor}`), 400, 'invalidCount');
    assert.deepEqual(userNames(await pageOf(scim, `cursor=${nextCursor}`)), names.slice(4, 8));
    assert.equal((await pageOf(scim, 'cursor&count=100000')).itemsPerPage, 10);
  });

  test('are sorted throughout (CUR-13)', async () => {
    for (const [order, expected] of [
      ['ascending', names.toSorted()],
      ['descending', names.toSorted().reverse()],
    ] as const) {
      const pages = await walk(scim, `sortBy=userName&sortOrder=${order}&count=3`);
      assert.deepEqual(pages.flatMap(userNames), expected);
    }
    const pages = await walk(scim, `sortBy=userName&count=2&${filtered('title eq "low"')}`);
    assert.deepEqual(pages.flatMap(userNames), names.slice(0, 5).toSorted());
  });

  test('work by POST, in the body (CUR-18)', async () => {
    const search = async (message: object): Promise<Page> => {
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
      const { status, body } = await scim('POST', '/Users/.search', { schemas, count: 3, ...message });
      assert.equal(status, 200, JSON.stringify(body));
      return body;
    };
    const filter = 'title eq "low"';
    const first = await search({ filter, cursor: '' });
    assert.deepEqual(userNames(first), names.slice(0, 3));
    const second = await search({ filter, cursor: first.nextCursor });
    assert.deepEqual([userNames(second), second.nextCursor], [names.slice(3, 5), undefined]);
    const back = await search({ filter, cursor: second.previousCursor });
    assert.deepEqual(back.Resources, first.Resources);
  });

  test('are one of two ways to page, and not both at once (CUR-15, CUR-17)', async () => {
    const byDefault = await pageOf(scim, 'count=2');
    assert.deepEqual([byDefault.startIndex, byDefault.nextCursor], [1, undefined]);
    for (const query of ['cursor&startIndex=1', 'startIndex=3&cursor=']) {
      assertError(await scim('GET', `/Users?${query}`), 400, 'invalidValue');
    }
  });

  test('go on with the query they began with alone, and say the same of whatever is wrong (CUR-07, CUR-08, CUR-25, CUR-28, CUR-29)', async () => {
    const filter = filtered('title eq "low"');
    const { nextCursor } = await pageOf(scim, `cursor&count=2&${filter}&attributes=userName`);
    const [head, tail] = [nextCursor.slice(0, 20), nextCursor.slice(21)];
    const altered = `${head}${nextCursor[20] === 'A' ? 'B' : 'A'}${tail}`;
    const query = `count=2&${filter}&attributes=userName`;
    const stranger = scimOf(await rollcall.connect());
    await createUser(stranger, { userName: 'stranger', title: 'low' });
    const groups = await createGroup(scim);
    const answers = [
      await scim('GET', `/Users?${query}&cursor=AAAA`),
      await scim('GET', `/Users?${query}&cursor=%00`),
      await scim('GET', `/Users?${query}&cursor=${'A'.repeat(5_000)}`),
      await scim('GET', `/Users?${query}&cursor=${groups.id}`),
      await scim('GET', `/Users?${query}&cursor=${altered}`),
      await scim('GET', `/Users?${query}&cursor=${nextCursor.slice(0, -1)}`),
      await scim('GET', `/Users?${query}&cursor=${nextCursor}AAAA`),
      await scim('GET', `/Users?${query.replace('low', 'high')}&cursor=${nextCursor}`),
      await scim('GET', `/Users?count=2&attributes=userName&cursor=${nextCursor}`),
      await scim('GET', `/Users?${query}&sortBy=userName&cursor=${nextCursor}`),
      await scim('GET', `/Users?count=2&${filter}&cursor=${nextCursor}`),
      await scim('GET', `/Users?${query},title&cursor=${nextCursor}`),
      await scim('GET', `/Groups?${query}&cursor=${nextCursor}`.replace('title', 'displayName')),
      await stranger('GET', `/Users?${query}&cursor=${nextCursor}`),
    ];
    for (const answer of answers) {
      assertError(answer, 400, 'invalidCursor');
      assert.equal(answer.body.detail, answers[0]?.body.detail);
    }
    assert.equal((await pageOf(scim, `${query}&cursor=${nextCursor}`)).itemsPerPage, 2);
  });

  test('are authorised on every page (CUR-26, CUR-27)', async () => {
    const { connections } = rollcall.directory;
    const request = CreateTokenRequest.fromPartial({ connectionId: connection.id, label: 'walker' });
    const { secret, token } = await connections.createToken(request);
    const walker = scimOf({ ...connection, token: secret });
    const { nextCursor } = await pageOf(walker, 'cursor&count=4');
    assert.deepEqual(userNames(await pageOf(walker, `count=4&cursor=${nextCursor}`)), names.slice(4, 8));
    assertError(
      await scimOf({ ...connection, token: '' })('GET', `/Users?count=4&cursor=${nextCursor}`),
      401,
    );
    await connections.revokeToken(
      RevokeTokenRequest.fromPartial({ connectionId: connection.id, tokenId: token?.id ?? '' }),
    );
    // A token may be remembered for a second.
    await untilStatus(() => walker('GET', `/Users?count=4&cursor=${nextCursor}`), 401, 1_000);
  });

  test('leave nothing behind in the directory (CUR-30)', async () => {
    const databaseName = new URL(rollcall.database.uri).pathname.slice(1);
    await using client = await new MongoClient(rollcall.database.uri).connect();
    const db = client.db(databaseName);
    const countAll = async () => {
      const collections = await db.listCollections().toArray();
      // The log of exchanges has a line for every request, with or without a cursor.
      const kept = collections.filter(({ name }) => name !== 'exchanges');
      const counts = await Promise.all(kept.map(({ name }) => db.collection(name).countDocuments()));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    const before = await countAll();
    for (let index = 1; index <= 30; index++)
      await pageOf(scim, `cursor&count=1&${filtered(`userName ne "${index}"`)}`);
    assert.equal(await countAll(), before);
  });
});

eachProfile(rollcall, 'walks by cursor while others write', async ({ scim }) => {
  test('miss and repeat nobody who stays (CUR-31)', async () => {
    for (const [query, prefix] of [
      ['count=3', 'plain'],
      ['count=3&sortBy=userName', 'sorted'],
    ] as const) {
      const users = [];
      for (let index = 0; index < 12; index++)
        users.push(await createUser(scim, { userName: `${prefix} ${String(index).padStart(2, '0')}` }));
      const filter = filtered(`userName sw "${prefix}"`);
      const seen: string[] = [];
      let page = await pageOf(scim, `${query}&${filter}&cursor`);
      for (let step = 0; ; step++) {
        seen.push(...page.Resources.map(({ id }: { id: string }) => id));
        if (page.nextCursor === undefined) break;
        // One that was seen goes, one that was not seen goes, and one comes that sorts before all.
        await scim('DELETE', `/Users/${users[step * 3 + 2].id}`);
        if (step === 0) await scim('DELETE', `/Users/${users[6].id}`);
        await createUser(scim, { userName: `${prefix} ${'!'.repeat(step + 1)}` });
        page = await pageOf(scim, `${query}&${filter}&cursor=${page.nextCursor}`);
      }
      assert.equal(new Set(seen).size, seen.length, 'nobody twice');
      const { body } = await scim('GET', `/Users?${filter}&count=100`);
      const staying = users.map(({ id }) => id).filter((id) => ids(body.Resources).includes(id));
      assert.deepEqual(
        staying.filter((id) => !seen.includes(id)),
        [],
        'nobody missed',
      );
    }
  });
});

eachProfile(rollcall, 'a cursor that is too old', async ({ scim }) => {
  test('is told from one that is wrong (CUR-09, CUR-24)', async () => {
    for (let index = 0; index < 3; index++) await createUser(scim);
    const { nextCursor } = await pageOf(scim, 'cursor&count=2');
    const { cursorTimeout } = (await scim('GET', '/ServiceProviderConfig')).body.pagination;
    ahead += (cursorTimeout - 60) * 1_000;
    assert.equal((await pageOf(scim, `count=2&cursor=${nextCursor}`)).itemsPerPage, 1);
    ahead += 120_000;
    assertError(await scim('GET', `/Users?count=2&cursor=${nextCursor}`), 400, 'expiredCursor');
  });
});
