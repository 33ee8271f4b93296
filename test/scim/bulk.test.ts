import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { limits } from '../../gateway/limits.ts';
import { startRollcall } from '../support/rollcall.ts';
import {
  badUser,
  bulk,
  bulkBody,
  bulkRequestUrn,
  countOf,
  pathOf,
  postGroup,
  postUser,
  statusesOf,
} from './bulk-fixture.ts';
import {
  assertError,
  createUser,
  eachProfile,
  enterpriseUrn,
  groupBody,
  patchBody,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const unknownId = '019a0000-0000-7000-8000-000000000000';

eachProfile(rollcall, 'bulk: results', ({ scim }) => {
  test('say what became of each operation (BLK-01, BLK-04, BLK-06, BLK-22)', async () => {
    const data = userBody({ title: 'A' });
    const [created] = await bulk(scim, [postUser('q', data)]);
    const { body: user } = await scim('GET', pathOf(created));
    assert.deepEqual(created, {
      method: 'POST',
      bulkId: 'q',
      version: user.meta.version,
      location: user.meta.location,
      status: '201',
    });
    const path = `/Users/${user.id}`;
    const results = await bulk(scim, [
      { method: 'PUT', path, data: { ...data, title: 'B' }, bulkId: 'only echoed' },
      { method: 'PATCH', path, data: patchBody({ op: 'replace', path: 'title', value: 'C' }) },
    ]);
    const now = (await scim('GET', path)).body;
    assert.equal(now.title, 'C');
    const { location, version } = now.meta;
    assert.notEqual(results[0].version, version);
    assert.deepEqual(results, [
      { method: 'PUT', bulkId: 'only echoed', version: results[0].version, location, status: '200' },
      { method: 'PATCH', version, location, status: '200' },
    ]);
    const deleted = await bulk(scim, [{ method: 'DELETE', path }]);
    assert.deepEqual(deleted, [{ method: 'DELETE', location, status: '204' }]);
    assertError(await scim('GET', path), 404);
  });

  test('are in the order of the request; an error hinders no other (BLK-02, BLK-03, BLK-05, BLK-13, BLK-15, BLK-25)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const results = await bulk(scim, [
      badUser('a'),
      postUser('b', userBody()),
      { method: 'PATCH', path, data: patchBody({ op: 'replace', path: 'nonsense[', value: 1 }) },
      { method: 'PATCH', path, data: patchBody({ op: 'add', path: 'title', value: 'T' }) },
      postUser('c', { ...userBody(), userName: user.userName }),
      { method: 'DELETE', path: `/Users/${unknownId}` },
      { method: 'PUT', path: `/Groups/${unknownId}`, data: groupBody() },
    ]);
    assert.deepEqual(
      results.map(({ method, bulkId, status, response }) => [method, bulkId, status, response?.scimType]),
      [
        ['POST', 'a', '400', 'invalidValue'],
        ['POST', 'b', '201', undefined],
        ['PATCH', undefined, '400', 'invalidPath'],
        ['PATCH', undefined, '200', undefined],
        ['POST', 'c', '409', 'uniqueness'],
        ['DELETE', undefined, '404', undefined],
        ['PUT', undefined, '404', undefined],
      ],
    );
    const base = user.meta.location.replace(path, '');
    assert.deepEqual(
      results.map(({ location }) => location?.replace(base, '')),
      [undefined, pathOf(results[1]), path, path, undefined, `/Users/${unknownId}`, `/Groups/${unknownId}`],
    );
    assert.equal((await scim('GET', pathOf(results[1]))).status, 200);
    assert.equal((await scim('GET', path)).body.title, 'T');
    assert.deepEqual(statusesOf(await bulk(scim, [badUser('a'), badUser('b')])), ['400', '400']);
  });

  test('come with the position that the last write has reached', async () => {
    const { headers } = await scim('POST', '/Bulk', bulkBody([postUser('a', userBody()), badUser('b')]));
    const position = Number(headers.get('rollcall-position'));
    const next = await scim('POST', '/Users', userBody());
    assert.equal(Number(next.headers.get('rollcall-position')), position + 1);
    const nothing = await scim('POST', '/Bulk', bulkBody([badUser('b')]));
    assert.equal(nothing.headers.get('rollcall-position'), null);
  });
});

eachProfile(rollcall, 'bulk: the whole request', ({ scim, strict }) => {
  test('stops after as many errors as failOnErrors says (BLK-14)', async () => {
    const before = await countOf(scim);
    const one = await bulk(scim, [badUser('a'), postUser('b', userBody())], { failOnErrors: 1 });
    assert.deepEqual(statusesOf(one), ['400']);
    assert.equal(await countOf(scim), before);
    const two = await bulk(
      scim,
      [badUser('a'), postUser('b', userBody()), { method: 'DELETE' }, postUser('c', userBody())],
      { failOnErrors: 2 },
    );
    assert.deepEqual(statusesOf(two), ['400', '201', '400']);
    assert.equal(await countOf(scim), before + 1);
    const enough = [badUser('a'), postUser('b', userBody()), postUser('c', userBody())];
    assert.deepEqual(statusesOf(await bulk(scim, enough, { failOnErrors: 2 })), ['400', '201', '201']);
    // What an operation refers to comes first; of the operation itself nothing has happened then.
    const group = postGroup('g', groupBody({ members: [{ value: 'bulkId:a' }] }));
    const [result, ...others] = await bulk(scim, [group, badUser('a')], { failOnErrors: 1 });
    assert.deepEqual([result.bulkId, result.status, others], ['a', '400', []]);
    // A circle is one piece.
    const manager = (value: string) => ({ [enterpriseUrn]: { manager: { value } } });
    const circle = [
      postUser('x', userBody(manager('bulkId:y'))),
      postUser('y', { schemas: [userUrn], ...manager('bulkId:x') }),
      postUser('z', userBody()),
    ];
    assert.deepEqual(statusesOf(await bulk(scim, circle, { failOnErrors: 1 })), ['409', '400']);
  });

  test('is refused when it is malformed, and nothing is done (BLK-27)', async () => {
    const before = await countOf(scim);
    const operations = [postUser('a', userBody())];
    for (const body of [
      '{"schemas":',
      '[]',
      '',
      {},
      { Operations: operations },
      { schemas: [userUrn], Operations: operations },
      { schemas: bulkRequestUrn, Operations: operations },
      { schemas: [bulkRequestUrn] },
      bulkBody([]),
      { schemas: [bulkRequestUrn], Operations: operations[0] },
      { schemas: [bulkRequestUrn], Operations: 'POST' },
      bulkBody(operations, { failOnErrors: 0 }),
      bulkBody(operations, { failOnErrors: -1 }),
      bulkBody(operations, { failOnErrors: 1.5 }),
      bulkBody(operations, { failOnErrors: '1' }),
      bulkBody(operations, { failOnErrors: true }),
    ]) {
      assertError(await scim('POST', '/Bulk', body), 400, 'invalidSyntax');
    }
    assert.equal(await countOf(scim), before);
    assert.deepEqual(statusesOf(await bulk(scim, operations, { failOnErrors: null })), ['201']);
  });

  test('has as many operations and bytes as discovery says, and no more (BLK-16, BLK-17)', async () => {
    const { bulk: advertised } = (await scim('GET', '/ServiceProviderConfig')).body;
    assert.deepEqual(advertised, {
      supported: true,
      maxOperations: limits.bulkOperations,
      maxPayloadSize: limits.bulkBytes,
    });
    const { maxOperations, maxPayloadSize } = advertised;
    const before = await countOf(scim);
    const many = Array.from({ length: maxOperations }, () => ({ method: 'GET', path: '/Users' }));
    assert.equal((await bulk(scim, many)).length, maxOperations);
    const tooMany = await scim('POST', '/Bulk', bulkBody([postUser('a', userBody()), ...many]));
    assertError(tooMany, 413);
    assert.match(tooMany.body.detail, new RegExp(`\\b${maxOperations}\\b.*maxOperations`));

    const text = JSON.stringify(bulkBody([postUser('a', userBody())]));
    const full = text + ' '.repeat(maxPayloadSize - text.length);
    const tooLong = await scim('POST', '/Bulk', `${full} `);
    assertError(tooLong, 413);
    assert.match(tooLong.body.detail, new RegExp(`\\b${maxPayloadSize}\\b.*maxPayloadSize`));
    assert.equal(await countOf(scim), before);
    assert.equal((await scim('POST', '/Bulk', full)).status, 200);
    assert.equal(await countOf(scim), before + 1);
  });

  test('is only posted', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await scim(method, '/Bulk', method === 'GET' ? undefined : bulkBody([]));
      assertError(answer, 405);
      assert.match(answer.headers.get('allow') ?? '', /POST/);
    }
  });

  test('may come ten times at once in full size', async () => {
    // Unknown, so that the time goes into reading it.
    const hairColor = 'x'.repeat(100_000);
    const requests = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const operations = Array.from({ length: 41 }, (_, index) =>
          postUser(`${index}`, userBody({ hairColor })),
        );
        return bulk(scim, operations);
      }),
    );
    for (const results of requests)
      assert.deepEqual(new Set(statusesOf(results)), new Set([strict ? '400' : '201']));
  });
});
