import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, suite, test } from 'node:test';
import { CreateClientRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { PageToken } from '#proto/rollcall/internal/v1/page_token.ts';
import { createPageTokens } from '../../services/directory/mongo/page-token.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { assertError, createGroup, createUser, ids, patchBody, patched, userBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const scim = scimOf(connection);
const anonymous = scimOf({ ...connection, token: '' });
/** A connection with many users. */
const crowd = scimOf(await rollcall.connect());
const { body: config } = await scim('GET', '/ServiceProviderConfig');

const bulkBody = (operations: readonly object[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
  Operations: operations,
});
const creations = (length: number) =>
  Array.from({ length }, (_, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: `user${index}`,
    data: userBody(),
  }));

/** Makes the crowd so large at least, by as few bulk requests as are allowed. */
async function growCrowd(size: number): Promise<void> {
  const { maxOperations } = config.bulk;
  let missing = size - (await crowd('GET', '/Users?count=0')).body.totalResults;
  while (missing > 0) {
    const operations = creations(Math.min(missing, maxOperations));
    assert.equal((await crowd('POST', '/Bulk', bulkBody(operations))).status, 200);
    missing -= operations.length;
  }
}

suite('what ServiceProviderConfig says is so', () => {
  test('of each member: what is not proved below must not be there', () => {
    assert.deepEqual(Object.keys(config), [
      'schemas',
      'patch',
      'bulk',
      'filter',
      'changePassword',
      'sort',
      'etag',
      'authenticationSchemes',
      'pagination',
      'meta',
    ]);
  });

  test('of patch (DISC-02)', async () => {
    assert.deepEqual(config.patch, { supported: true });
    const { id } = await createUser(scim);
    const user = await patched(scim, `/Users/${id}`, { op: 'add', path: 'title', value: 'Countess' });
    assert.equal(user.title, 'Countess');
  });

  test('of bulk: so many operations and bytes, and not one more (DISC-03)', async () => {
    const { supported, maxOperations, maxPayloadSize } = config.bulk;
    assert.equal(supported, true);
    const { status, body } = await crowd('POST', '/Bulk', bulkBody(creations(maxOperations)));
    assert.equal(status, 200);
    assert.equal(body.Operations.length, maxOperations);
    for (const operation of body.Operations) assert.equal(operation.status, '201');
    const removal = { method: 'DELETE', path: '/Users/019a0000-0000-7000-8000-000000000000' };
    const tooMany = Array.from({ length: maxOperations + 1 }, () => removal);
    assertError(await crowd('POST', '/Bulk', bulkBody(tooMany)), 413);
    const text = JSON.stringify(bulkBody([removal]));
    assert.equal((await crowd('POST', '/Bulk', text.padEnd(maxPayloadSize))).status, 200);
    assertError(await crowd('POST', '/Bulk', text.padEnd(maxPayloadSize + 1)), 413);
  });

  test('of filter: no list is longer (DISC-04, QRY-09, PAG-10)', async () => {
    const { supported, maxResults } = config.filter;
    assert.equal(supported, true);
    const { id, userName } = await createUser(scim);
    const { body } = await scim('GET', `/Users?filter=userName%20eq%20%22${userName}%22`);
    assert.deepEqual(ids(body.Resources), [id]);
    await growCrowd(maxResults + 1);
    for (const paging of ['', '&cursor', `&count=${maxResults + 1}`, `&cursor&count=${maxResults + 1}`]) {
      const { totalResults, Resources } = (await crowd('GET', `/Users?filter=id%20pr${paging}`)).body;
      assert.ok(totalResults > maxResults);
      assert.ok(Resources.length <= maxResults, paging);
    }
  });

  test('of changePassword: there is no password to change (DISC-05)', async () => {
    assert.deepEqual(config.changePassword, { supported: false });
    const { id, meta } = await createUser(scim, { password: 'first' });
    const user = await patched(scim, `/Users/${id}`, { op: 'replace', path: 'password', value: 'second' });
    assert.deepEqual([user.meta, user.password], [meta, undefined]);
  });

  test('of sort (DISC-05)', async () => {
    assert.deepEqual(config.sort, { supported: true });
    const sorted = scimOf(await rollcall.connect());
    for (const userName of ['bob', 'Cid', 'ada']) await createUser(sorted, { userName });
    for (const [order, names] of [
      ['ascending', ['ada', 'bob', 'Cid']],
      ['descending', ['Cid', 'bob', 'ada']],
    ] as const) {
      const { body } = await sorted('GET', `/Users?sortBy=userName&sortOrder=${order}`);
      assert.deepEqual(
        body.Resources.map(({ userName }: { userName: string }) => userName),
        names,
      );
    }
  });

  test('of etag: of users and groups, in reads and writes (DISC-05)', async () => {
    assert.deepEqual(config.etag, { supported: true });
    for (const { meta } of [await createUser(scim), await createGroup(scim)]) {
      const path = meta.location.slice(connection.baseUrl.length);
      const { headers } = await scim('GET', path);
      assert.equal(headers.get('etag'), meta.version);
      const unchanged = await scim('GET', path, undefined, { 'if-none-match': meta.version });
      assert.equal(unchanged.status, 304);
      const change = patchBody({ op: 'replace', path: 'displayName', value: 'changed' });
      assertError(await scim('PATCH', path, change, { 'if-match': 'W/"0"' }), 412);
      assert.ok((await scim('PATCH', path, change, { 'if-match': meta.version })).status < 300);
      assertError(await scim('DELETE', path, undefined, { 'if-match': meta.version }), 412);
    }
  });

  test('of authenticationSchemes: a bearer token, also one got by OAuth, and nothing else (DISC-06, AUTH-10)', async () => {
    assert.deepEqual(
      config.authenticationSchemes.map(({ type }: { type: string }) => type),
      ['oauthbearertoken', 'oauth2'],
    );
    assert.equal((await scim('GET', '/Users')).status, 200);
    const { client, secret } = await rollcall.directory.connections.createClient(
      CreateClientRequest.fromPartial({ connectionId: connection.id }),
    );
    const answer = await fetch(`${connection.baseUrl}/../oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client?.id}:${secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    assert.equal((await scimOf({ ...connection, token })('GET', '/Users')).status, 200);
    const refused = await anonymous('GET', '/Users');
    assertError(refused, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer\b/);
    const basic = Buffer.from(`${connection.id}:${connection.token}`).toString('base64');
    assertError(await anonymous('GET', '/Users', undefined, { authorization: `Basic ${basic}` }), 401);
  });

  test('of pagination: both methods, which is the default, and the sizes of pages (PAG-09, CUR-15, CUR-16, CUR-19, CUR-20, CUR-21, CUR-22, CUR-23)', async () => {
    const { cursor, index, defaultPaginationMethod, defaultPageSize, maxPageSize } = config.pagination;
    assert.deepEqual([cursor, index, defaultPaginationMethod], [true, true, 'index']);
    await growCrowd(maxPageSize + 1);
    const list = async (query: string) => (await crowd('GET', `/Users?${query}`)).body;

    const first = await list('cursor&count=2');
    const second = await list(`cursor=${first.nextCursor}&count=2`);
    const third = await list('startIndex=3&count=2');
    assert.deepEqual([first.startIndex, second.startIndex, third.startIndex], [undefined, undefined, 3]);
    assert.equal(second.Resources.length, 2);
    assert.deepEqual(second.Resources, third.Resources);

    const byDefault = await list('count=2');
    assert.deepEqual([byDefault.startIndex, byDefault.nextCursor], [1, undefined]);

    for (const method of ['', 'startIndex=1&', 'cursor&']) {
      for (const [count, size] of [
        ['', defaultPageSize],
        [`count=${maxPageSize}`, maxPageSize],
        [`count=${maxPageSize + 1}`, maxPageSize],
      ]) {
        const { itemsPerPage, Resources } = await list(method + count);
        assert.deepEqual([itemsPerPage, Resources.length], [size, size], method + count);
      }
    }
  });

  test('of cursorTimeout: so long a cursor stays good (CUR-21, CUR-24)', () => {
    // A day is long: this is what the directory seals cursors with, by a clock of the test.
    let now = 0;
    const cursors = createPageTokens([randomBytes(32)], () => now);
    const query = Buffer.from('a query');
    const cursor = cursors.seal(PageToken.fromPartial({ query }));
    now += config.pagination.cursorTimeout * 1_000;
    assert.deepEqual(cursors.open(cursor, query).query, query);
    now += 1;
    assert.throws(() => cursors.open(cursor, query), /too old/);
  });
});
