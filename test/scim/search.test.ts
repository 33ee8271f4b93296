import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { assertError, createGroup, createUser, eachProfile, userBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'POST .search', ({ scim }) => {
  const search = (path: string, message: object) =>
    scim('POST', `${path}/.search`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
      ...message,
    });

  test('is a query and creates nothing (SRCH-01, SRCH-02, SRCH-06)', async () => {
    const before = (await scim('GET', '/Users?count=0')).body.totalResults;
    assert.equal((await search('/Users', {})).status, 200);
    assert.equal((await search('/Groups', {})).status, 200);
    for (const body of [userBody(), { filter: 'userName pr' }, { schemas: [], count: 1 }]) {
      assertError(await scim('POST', '/Users/.search', body), 400, 'invalidSyntax');
    }
    assert.equal((await scim('GET', '/Users?count=0')).body.totalResults, before);
  });

  test('answers what the same query by GET answers (SRCH-04)', async () => {
    const title = 'searched';
    const users = [];
    for (let index = 0; index < 5; index++) users.push((await createUser(scim, { title })).id as string);
    const group = await createGroup(scim, { members: [{ value: users[0] }] });

    const queries: [string, object, string][] = [
      ['Users', { filter: `title eq "${title}"`, startIndex: 2, count: 2 }, 'startIndex=2&count=2'],
      ['Users', { filter: `title eq "${title}"`, count: 0 }, 'count=0'],
      [
        'Users',
        { filter: `title eq "${title}"`, attributes: ['userName', 'meta.version'] },
        'attributes=userName,meta.version',
      ],
      [
        'Users',
        { filter: `title eq "${title}"`, excludedAttributes: ['meta', 'title'] },
        'excludedAttributes=meta,title',
      ],
      ['Users', { filter: `title eq "${title}"`, startIndex: -3, count: -1 }, 'startIndex=-3&count=-1'],
      ['Users', { filter: `title eq "${title}"`, sortBy: 'userName' }, 'sortBy=userName'],
      [
        'Users',
        { filter: `title eq "${title}"`, sortBy: 'meta.created', sortOrder: 'descending' },
        'sortBy=meta.created&sortOrder=descending',
      ],
    ];
    for (const [type, message, parameters] of queries) {
      const answer = await search(`/${type}`, message);
      const same = await scim('GET', `/${type}?filter=title+eq+%22${title}%22&${parameters}`);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, same.body);
    }
    const groups = await search('/Groups', {
      filter: `members eq "${users[0]}"`,
      excludedAttributes: ['members'],
    });
    assert.deepEqual(
      groups.body.Resources.map(({ id }: { id: string }) => id),
      [group.id],
    );
    assert.equal(groups.body.Resources[0].members, undefined);
  });

  test('refuses what it cannot understand, and filters on secrets (SRCH-05)', async () => {
    assertError(await search('/Users', { filter: 'userName eq' }), 400, 'invalidFilter');
    assertError(await search('/Users', { filter: 'password eq "x"' }), 400, 'invalidFilter');
    assertError(await search('/Users', { filter: ['userName pr'] }), 400, 'invalidValue');
    assertError(await search('/Users', { count: '5' }), 400, 'invalidValue');
    assertError(await search('/Users', { startIndex: 1.5 }), 400, 'invalidValue');
    assertError(await search('/Users', { sortBy: 5 }), 400, 'invalidValue');
    assertError(await search('/Users', { sortBy: 'userName', sortOrder: 'up' }), 400, 'invalidValue');
    assertError(await search('/Users', { attributes: 'userName' }), 400, 'invalidValue');
    assertError(await scim('POST', '/Users/.search', '{"schemas"'), 400, 'invalidSyntax');
  });

  test('is there for POST alone (SRCH-08)', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await scim(method, '/Users/.search', method === 'GET' ? undefined : {});
      assertError(answer, 405);
      assert.equal(answer.headers.get('allow'), 'POST');
    }
  });
});
