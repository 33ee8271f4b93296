import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import type { ScimAnswer } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  filtered,
  ids,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'GET of one resource', ({ scim }) => {
  test('answers 200 with what is assigned, and Location (GET-01, GET-05, GET-06, GET-07, GET-11, DISC-15)', async () => {
    const created = await createUser(scim, {
      password: 'x',
      emails: [],
      [enterpriseUrn]: { department: 'R' },
    });
    const { status, body, headers } = await scim('GET', `/Users/${created.id}`);
    assert.equal(status, 200);
    assert.deepEqual(body, created);
    assert.deepEqual(
      Object.keys(body).sort(),
      ['active', 'id', 'meta', 'schemas', enterpriseUrn, 'userName'].sort(),
    );
    assert.deepEqual(body.schemas, [userUrn, enterpriseUrn]);
    assert.equal(headers.get('location'), body.meta.location);
  });

  test('is 404 for any id that is not there, whatever its form, and on every method (GET-02, GET-03, GET-04, HTTP-10, HTTP-15, PUT-10, DEL-05, PAT-21)', async () => {
    const user = await createUser(scim, { userName: 'somebody@example.com' });
    const unknown = [
      '0',
      '1'.repeat(300),
      '..%2f..%2fUsers',
      '5171a35d82074e068ce2',
      '019a0000-0000-7000-8000-000000000000',
      encodeURIComponent('ü/€'),
      '%zz',
      '%00',
      '%24where',
      user.id.toUpperCase(),
      `${user.id}.scim`,
    ];
    for (const id of unknown) {
      assertError(await scim('GET', `/Users/${id}`), 404);
      assertError(await scim('DELETE', `/Users/${id}`), 404);
      assertError(
        await scim('PUT', `/Users/${id}`, { schemas: [userUrn], userName: 'other@example.com' }),
        404,
      );
      const body = {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'add', path: 'title', value: 'x' }],
      };
      assertError(await scim('PATCH', `/Users/${id}`, body), 404);
    }
    assertError(await scim('GET', `/Groups/${user.id}`), 404);
    assert.equal(
      (await scim('GET', `/Users?${filtered('userName eq "other@example.com"')}`)).body.totalResults,
      0,
    );
  });

  test('a filter beside an id is passed over (GET-10)', async () => {
    const user = await createUser(scim, { active: false });
    for (const filter of ['active eq true', 'active eq false', 'nonsense']) {
      const { status, body } = await scim('GET', `/Users/${user.id}?${filtered(filter)}`);
      assert.deepEqual([status, body], [200, user]);
    }
  });

  test('HEAD is GET without the body (HTTP-21)', async () => {
    const user = await createUser(scim);
    const { status, body, headers } = await scim('HEAD', `/Users/${user.id}`);
    assert.deepEqual([status, body, headers.get('etag')], [200, undefined, user.meta.version]);
  });
});

eachProfile(rollcall, 'lists', async ({ scim: own, connection }) => {
  const users: ScimAnswer['body'][] = [];
  for (let index = 0; index < 7; index += 1) {
    users.push(await createUser(own, { userName: `list${index}@example.com`, active: index % 2 === 0 }));
  }

  test('are ListResponses with integer counts (QRY-01, QRY-02, QRY-04, PAG-01, PAG-06, PAG-07)', async () => {
    const all = await own('GET', '/Users');
    assert.equal(all.status, 200);
    const { Resources, ...header } = all.body;
    assert.deepEqual(header, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 7,
      startIndex: 1,
      itemsPerPage: 7,
    });
    assert.deepEqual(Resources, users);
    const last = await own('GET', '/Users?startIndex=6&count=10');
    assert.deepEqual([last.body.startIndex, last.body.itemsPerPage, last.body.totalResults], [6, 2, 7]);
  });

  test('have the id of each resource, whatever is asked for (GET-09)', async () => {
    const { body } = await own('GET', '/Users?attributes=active');
    assert.deepEqual(
      body.Resources.map(({ id }: { id: string }) => id),
      users.map(({ id }) => id),
    );
  });

  test('no match is a success (QRY-03)', async () => {
    const { status, body } = await own('GET', `/Users?${filtered('userName eq "nobody"')}`);
    assert.deepEqual([status, body.totalResults, body.itemsPerPage, body.Resources], [200, 0, 0, []]);
  });

  test('walk pages and meet everybody once (PAG-01, PAG-03, PAG-12)', async () => {
    const seen: string[] = [];
    for (let startIndex = 1; startIndex <= 7; startIndex += 2) {
      const { body } = await own('GET', `/Users?startIndex=${startIndex}&count=2`);
      assert.ok(body.Resources.length <= 2);
      seen.push(...body.Resources.map(({ id }: { id: string }) => id));
    }
    assert.deepEqual(
      seen,
      users.map(({ id }) => id),
    );
  });

  test('bend startIndex and count into range (PAG-02, PAG-04, PAG-05, PAG-08)', async () => {
    for (const startIndex of ['0', '-5', '1', '+1']) {
      const { body } = await own('GET', `/Users?startIndex=${encodeURIComponent(startIndex)}&count=1`);
      assert.deepEqual([body.startIndex, body.Resources[0].id], [1, users[0].id]);
    }
    for (const count of ['0', '-1']) {
      const { body } = await own('GET', `/Users?count=${count}`);
      assert.deepEqual([body.totalResults, body.itemsPerPage, body.Resources], [7, 0, []]);
    }
    const beyond = await own('GET', '/Users?startIndex=999999999999');
    assert.deepEqual([beyond.status, beyond.body.totalResults, beyond.body.Resources], [200, 7, []]);
  });

  test('refuse what is not a whole number (PAG-11)', async () => {
    for (const query of ['count=abc', 'startIndex=1.5', 'count=', 'count=1&count=2', 'startIndex=1e3']) {
      assertError(await own('GET', `/Users?${query}`), 400, 'invalidValue');
    }
  });

  test('take a filter with blanks as + or %20, and names in any letter case (HTTP-14, FLT-02, FLT-04)', async () => {
    for (const query of [
      'filter=userName+eq+%22list3@example.com%22&',
      'filter=userName%20eq%20%22LIST3%40example.com%22',
      'filter=USERNAME%20EQ%20%22list3%40EXAMPLE.com%22',
      `filter=${userUrn}:userName%20eq%20%22list3%40example.com%22`,
    ]) {
      const { body } = await own('GET', `/Users?${query}`);
      assert.deepEqual(ids(body.Resources), [users[3].id], query);
    }
  });

  test('combine filter and paging (PAG-13)', async () => {
    const { body } = await own('GET', `/Users?${filtered('active eq true')}&startIndex=2&count=2`);
    assert.deepEqual([body.totalResults, ids(body.Resources)], [4, [users[2].id, users[4].id].sort()]);
  });

  test('ignore parameters they do not know, a token among them (HTTP-11, AUTH-12)', async () => {
    assert.equal((await own('GET', '/Users?foo=bar&aadOptscim062020&count=1')).body.itemsPerPage, 1);
    const url = `${connection.baseUrl}/Users?access_token=${connection.token}`;
    assert.equal((await fetch(url)).status, 401);
  });

  test('refuse a filter on a secret in a URL; what is personal can be asked for by POST (QRY-10, SEC-04, ERR-14)', async () => {
    for (const filter of ['password eq "x"', 'userName eq "x" or not (password pr)']) {
      assertError(await own('GET', `/Users?${filtered(filter)}`), 403, 'sensitive');
    }
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
    const filter = 'userName eq "list3@example.com"';
    const { body } = await own('POST', '/Users/.search', { schemas, filter });
    assert.deepEqual(ids(body.Resources), [users[3].id]);
  });

  test('refuse a filter they do not understand, and never answer with everybody (ERR-05)', async () => {
    for (const filter of [
      '',
      'bad',
      'userName',
      'userName eq',
      'userName eq list3@example.com',
      'userName xx "a"',
      'nope eq "a"',
      'emails.nope eq "a"',
      'active gt true',
      'name eq "x"',
      'userName eq "a" and',
      '(userName eq "a"',
      'userName eq "a" filter',
      'meta.resourceType eq User',
      `userName eq "${'x'.repeat(100_000)}"`,
      `${'('.repeat(1_000)}userName eq "a"${')'.repeat(1_000)}`,
      Array.from({ length: 200 }, () => 'title pr').join(' or '),
    ]) {
      assertError(await own('GET', `/Users?${filtered(filter)}`), 400, 'invalidFilter');
    }
    assertError(await own('GET', '/Users?filter=title+pr&filter=active+pr'), 400, 'invalidFilter');
  });

  test('refuse a query that is not percent-encoded text', async () => {
    for (const query of ['filter=%zz', 'filter=%ff', 'attributes=%']) {
      assertError(await own('GET', `/Users?${query}`), 400, 'invalidSyntax');
    }
  });

  test('find groups by member, and leave members out when asked to (GRP-09)', async () => {
    const group = await createGroup(own, { members: [{ value: users[0].id }] });
    const filter = filtered(`id eq "${group.id}" and members eq "${users[0].id}"`);
    const { body } = await own('GET', `/Groups?${filter}&excludedAttributes=members`);
    assert.deepEqual([body.totalResults, body.Resources[0].members], [1, undefined]);
    const none = filtered(`id eq "${group.id}" and members eq "${users[1].id}"`);
    assert.equal((await own('GET', `/Groups?${none}`)).body.totalResults, 0);
  });
});
