import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import { CreateTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { limits } from '../../gateway/limits.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';
import { bulk, bulkBody, bulkRequestUrn, pathOf, postGroup, postUser, statusesOf } from './bulk-fixture.ts';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  groupBody,
  ids,
  patchBody,
  userBody,
  userUrn,
} from './scim-fixture.ts';

let transactions = 0;
const rollcall = await startRollcall(({ commandName, ...event }) => {
  if (commandName === 'commitTransaction' && 'command' in event) transactions += 1;
});
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const lenient = scimOf(connection);
const strict = scimOf(await rollcall.connect({ strict: true }));
const unknownId = '019a0000-0000-7000-8000-000000000000';

/** A test on a default and on a strict connection. */
function testBoth(name: string, run: (scim: ScimClient) => Promise<void>): void {
  test(name, () => run(lenient));
  test(`${name}, strict`, () => run(strict));
}

const bad = (bulkId: string) => postUser(bulkId, { schemas: [userUrn] });
const count = async (scim: ScimClient, type = 'Users') =>
  (await scim('GET', `/${type}?count=0`)).body.totalResults;

suite('bulk: results', () => {
  testBoth('say what became of each operation (BLK-01, BLK-04, BLK-06, BLK-22)', async (scim) => {
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

  testBoth(
    'are in the order of the request; an error hinders no other (BLK-02, BLK-03, BLK-05, BLK-13, BLK-15, BLK-25)',
    async (scim) => {
      const user = await createUser(scim);
      const path = `/Users/${user.id}`;
      const results = await bulk(scim, [
        bad('a'),
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
      assert.deepEqual(statusesOf(await bulk(scim, [bad('a'), bad('b')])), ['400', '400']);
    },
  );

  test('come with the position that the last write has reached', async () => {
    const { headers } = await lenient('POST', '/Bulk', bulkBody([postUser('a', userBody()), bad('b')]));
    const position = Number(headers.get('rollcall-position'));
    const next = await lenient('POST', '/Users', userBody());
    assert.equal(Number(next.headers.get('rollcall-position')), position + 1);
    const nothing = await lenient('POST', '/Bulk', bulkBody([bad('b')]));
    assert.equal(nothing.headers.get('rollcall-position'), null);
  });
});

suite('bulk: operations', () => {
  testBoth('run in order where that matters (BLK-23)', async (scim) => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const data = { schemas: [userUrn], userName: user.userName };
    const results = await bulk(scim, [
      { method: 'PATCH', path, data: patchBody({ op: 'add', path: 'title', value: 'T' }) },
      { method: 'DELETE', path },
      { method: 'PATCH', path, data: patchBody({ op: 'add', path: 'title', value: 'U' }) },
      postUser('a', { ...data, title: 'first' }),
      postUser('b', { ...data, userName: user.userName.toUpperCase() }),
      { method: 'DELETE', path: '/Users/bulkId:a' },
      postUser('c', { ...data, title: 'last' }),
    ]);
    assert.deepEqual(statusesOf(results), ['200', '204', '404', '201', '409', '204', '201']);
    assert.equal((await scim('GET', pathOf(results[6]))).body.title, 'last');
  });

  testBoth('that are malformed are refused alone (BLK-07, BLK-18, BLK-19, BLK-20, BLK-28)', async (scim) => {
    const { id } = await createUser(scim);
    const data = userBody();
    const patch = { op: 'add', path: 'title', value: 'T' };
    const cases: [unknown, string, string?][] = [
      [{ method: 'POST', path: '/Users', data }, '400', 'invalidSyntax'],
      [{ method: 'POST', path: '/Users', bulkId: '', data }, '400', 'invalidSyntax'],
      [{ method: 'POST', path: '/Users', bulkId: 7, data }, '400', 'invalidSyntax'],
      [postUser('good', userBody()), '201'],
      [postUser('good', data), '400', 'invalidValue'],
      [{ method: 'GET', path: `/Users/${id}` }, '400', 'invalidSyntax'],
      [{ path: `/Users/${id}` }, '400', 'invalidSyntax'],
      ['DELETE', '400', 'invalidSyntax'],
      [null, '400', 'invalidSyntax'],
      [{ method: 'POST', path: `/Users/${id}`, bulkId: 'b', data }, '405'],
      [{ method: 'PUT', path: '/Users', data }, '405'],
      [{ method: 'DELETE', path: '/Groups' }, '405'],
      [{ method: 'DELETE' }, '400', 'invalidSyntax'],
      [{ method: 'DELETE', path: 1 }, '400', 'invalidSyntax'],
      [{ method: 'DELETE', path: `/Users/${id}?x=y` }, '400', 'invalidSyntax'],
      [{ method: 'DELETE', path: '/Users/%zz' }, '400', 'invalidSyntax'],
      [{ method: 'DELETE', path: `/Users/${id}/emails` }, '404'],
      [{ method: 'DELETE', path: `/users/${id}` }, '404'],
      [{ method: 'DELETE', path: `/https://elsewhere.example/Users/${id}` }, '404'],
      [{ method: 'PATCH', path: '/Me', data: patchBody(patch) }, '404'],
      [{ method: 'POST', path: '/Schemas', bulkId: 'c', data }, '404'],
      [{ method: 'POST', path: '/Bulk', bulkId: 'd', data: bulkBody([]) }, '404'],
      [{ method: 'POST', path: '/Users/.search', bulkId: 'e', data }, '405'],
      [{ method: 'POST', path: '/Users', bulkId: 'f' }, '400', 'invalidSyntax'],
      [{ method: 'PUT', path: `/Users/${id}`, data: 'text' }, '400', 'invalidSyntax'],
      [{ method: 'PATCH', path: `/Users/${id}` }, '400', 'invalidSyntax'],
      [{ method: 'PATCH', path: `/Users/${id}`, data: [patch] }, '400', 'invalidSyntax'],
      [{ method: 'PATCH', path: `/Users/${id}`, data: patchBody(patch), version: 1 }, '400', 'invalidValue'],
      [{ method: 'PATCH', path: `/Users/${id}`, data: patchBody(patch), version: null }, '200'],
    ];
    const before = await count(scim);
    const results = await bulk(
      scim,
      cases.map(([operation]) => operation),
    );
    for (const [index, [operation, status, scimType]] of cases.entries()) {
      const result = results[index];
      assert.equal(result.status, status, JSON.stringify([operation, result]));
      assert.equal(result.response?.scimType, scimType, JSON.stringify([operation, result]));
    }
    assert.equal(await count(scim), before + 1);
    assert.equal((await scim('GET', `/Users/${id}`)).body.title, 'T');
  });

  testBoth('may be named by whole URLs (BLK-19)', async (scim) => {
    const user = await createUser(scim);
    const { location } = user.meta;
    const results = await bulk(scim, [
      { method: 'POST', path: location.replace(`/${user.id}`, ''), bulkId: 'a', data: userBody() },
      { method: 'DELETE', path: location },
    ]);
    assert.deepEqual(statusesOf(results), ['201', '204']);
  });

  testBoth('can demand a version (BLK-21)', async (scim) => {
    const user = await createUser(scim);
    const group = await createGroup(scim);
    const userPath = `/Users/${user.id}`;
    const groupPath = `/Groups/${group.id}`;
    const { version } = user.meta;
    const title = (value: string) => patchBody({ op: 'add', path: 'title', value });
    const put = { schemas: [userUrn], userName: user.userName, title: 'put' };
    const results = await bulk(scim, [
      { method: 'PATCH', path: userPath, version: 'W/"stale"', data: title('no') },
      { method: 'PUT', path: userPath, version: 'stale', data: put },
      { method: 'DELETE', path: groupPath, version: '"stale"' },
      { method: 'PATCH', path: userPath, version, data: title('yes') },
      { method: 'PUT', path: userPath, version, data: put },
      { method: 'DELETE', path: groupPath, version: `"stale", ${group.meta.version}` },
      postUser('new', userBody()),
      { ...postUser('newer', userBody()), version: 'W/"7"' },
    ]);
    assert.deepEqual(statusesOf(results), ['412', '412', '412', '200', '412', '204', '201', '201']);
    assert.equal((await scim('GET', userPath)).body.title, 'yes');
  });

  test('are each allowed or not as if sent alone (BLK-24)', async () => {
    const { secret } = await rollcall.directory.connections.createToken(
      CreateTokenRequest.fromPartial({ connectionId: connection.id, label: 'reader', readOnly: true }),
    );
    const reader = scimOf({ ...connection, token: secret });
    const user = await createUser(lenient);
    const path = `/Users/${user.id}`;
    const before = await count(lenient);
    const results = await bulk(reader, [
      postUser('a', userBody()),
      postGroup('b', groupBody({ members: [{ value: 'bulkId:c' }] })),
      postGroup('c', groupBody({ members: [{ value: 'bulkId:b' }] })),
      { method: 'PUT', path, data: userBody() },
      { method: 'PATCH', path, data: patchBody({ op: 'add', path: 'title', value: 'T' }) },
      { method: 'DELETE', path },
      { method: 'DELETE' },
    ]);
    assert.deepEqual(statusesOf(results), ['403', '403', '409', '403', '403', '403', '400']);
    assert.equal(await count(lenient), before);
    assert.deepEqual((await lenient('GET', path)).body, user);
    assertError(await scimOf({ ...connection, token: 'x' })('POST', '/Bulk', '{'), 401);
  });

  test('that create what has nothing to do with each other share transactions', async () => {
    const users = Array.from({ length: 100 }, (_, index) => postUser(`${index}`, userBody()));
    const before = transactions;
    const results = await bulk(lenient, users);
    assert.deepEqual(new Set(statusesOf(results)), new Set(['201']));
    assert.ok(transactions - before < 50, `${transactions - before} transactions`);
  });

  test('are repaired as if sent alone, and not in strict mode', async () => {
    const patch = { Operations: [{ op: 'Replace', path: 'active', value: 'False' }] };
    const user = { userName: `${randomUUID()}@example.com`, active: 'True', department: 'R' };
    const operations = [
      postUser('a', user),
      { method: 'PATCH', path: '/Users/bulkId:a', data: patch },
      postGroup('b', { displayName: randomUUID(), members: ['bulkId:a'] }),
    ];
    const results = await bulk(lenient, operations);
    assert.deepEqual(statusesOf(results), ['201', '200', '201']);
    const { body } = await lenient('GET', pathOf(results[0]));
    assert.deepEqual([body.active, body[enterpriseUrn]], [false, { department: 'R' }]);
    assert.deepEqual(ids((await lenient('GET', pathOf(results[2]))).body.members), [body.id]);
    assert.deepEqual(statusesOf(await bulk(strict, operations)), ['400', '409', '409']);
  });
});

suite('bulk: references', () => {
  testBoth(
    'lead back and forward, in extensions and in paths (BLK-08, BLK-09, BLK-10, BLK-29)',
    async (scim) => {
      const results = await bulk(scim, [
        postGroup('team', groupBody({ members: [{ value: 'bulkId:boss' }, { value: 'bulkId:ada' }] })),
        {
          method: 'PATCH',
          path: '/Groups/bulkId:team',
          data: patchBody(
            { op: 'remove', path: 'members[value eq "bulkId:ada"]' },
            { op: 'add', path: 'members', value: [{ value: 'bulkId:eve' }] },
          ),
        },
        postUser('ada', userBody({ [enterpriseUrn]: { manager: { value: 'bulkId:boss' } } })),
        postUser('boss', userBody()),
        { method: 'PATCH', path: '/Users/bulkId:ada', data: patchBody({ op: 'add', value: { title: 'T' } }) },
        postUser('eve', userBody({ displayName: 'see bulkId:ada' })),
      ]);
      assert.deepEqual(statusesOf(results), ['201', '200', '201', '201', '200', '201']);
      const [team, , ada, boss, , eve] = await Promise.all(
        results.map(async (result) => (await scim('GET', pathOf(result))).body),
      );
      assert.deepEqual(ids(team.members), [boss.id, eve.id].sort());
      for (const { value, $ref } of team.members) {
        assert.equal($ref, [boss, eve].find(({ id }) => id === value).meta.location);
      }
      const { manager } = ada[enterpriseUrn];
      assert.deepEqual([manager.value, manager.$ref], [boss.id, boss.meta.location]);
      assert.equal(ada.title, 'T');
      assert.equal(eve.displayName, 'see bulkId:ada');
      assert.equal(results[4].location, ada.meta.location);
      assert.equal(results[1].version, team.meta.version);
      for (const { id } of [team, ada, boss, eve]) assert.doesNotMatch(id, /bulkid/i);
    },
  );

  testBoth('in a circle link both ends (BLK-11)', async (scim) => {
    const manager = (value: string) => ({ [enterpriseUrn]: { manager: { value }, department: 'D' } });
    const member = (...values: string[]) => ({ members: values.map((value) => ({ value })) });
    const outside = await createUser(scim);
    const results = await bulk(scim, [
      postGroup('a', groupBody(member('bulkId:b', 'bulkId:u', outside.id))),
      postGroup('b', groupBody(member('bulkId:c', 'bulkId:a'))),
      postGroup('c', groupBody(member('bulkId:a', 'bulkId:v'))),
      postUser('u', userBody(manager('bulkId:v'))),
      postUser('v', userBody(manager('bulkId:u'))),
      // A version means nothing to what is new, nor to what completes it.
      { ...postUser('self', userBody(manager('bulkId:self'))), version: 'W/"7"' },
    ]);
    assert.deepEqual(statusesOf(results), Array(6).fill('201'));
    const resources = await Promise.all(
      results.map(async (result) => {
        const { body } = await scim('GET', pathOf(result));
        assert.equal(body.meta.version, result.version, result.bulkId);
        return body;
      }),
    );
    const [a, b, c, u, v, self] = resources;
    assert.deepEqual(ids(a.members), [b.id, u.id, outside.id].sort());
    assert.deepEqual(ids(b.members), [a.id, c.id].sort());
    assert.deepEqual(ids(c.members), [a.id, v.id].sort());
    for (const [user, other] of [
      [u, v],
      [v, u],
      [self, self],
    ]) {
      assert.equal(user[enterpriseUrn].manager.value, other.id);
      assert.equal(user[enterpriseUrn].department, 'D');
    }
  });

  testBoth('in a circle of which one fails leave nothing behind (BLK-11, BLK-12)', async (scim) => {
    const { userName } = await createUser(scim);
    const manager = (value: string) => ({ [enterpriseUrn]: { manager: { value } } });
    const member = (...values: string[]) => ({ members: values.map((value) => ({ value })) });
    const before = [await count(scim), await count(scim, 'Groups')];
    const results = await bulk(scim, [
      postUser('a', userBody(manager('bulkId:b'))),
      postUser('b', userBody({ ...manager('bulkId:c'), userName: userName.toUpperCase() })),
      postUser('c', userBody(manager('bulkId:a'))),
      postGroup('d', groupBody(member('bulkId:e'))),
      postGroup('e', groupBody(member('bulkId:d', 'bulkId:nobody'))),
      postGroup('f', groupBody(member('bulkId:d'))),
    ]);
    assert.deepEqual(statusesOf(results), Array(6).fill('409'));
    assert.deepEqual(
      results.map(({ response }) => response.scimType ?? /"bulkId:\w+"/.exec(response.detail)?.[0]),
      ['"bulkId:b"', 'uniqueness', '"bulkId:b"', '"bulkId:e"', '"bulkId:nobody"', '"bulkId:d"'],
    );
    for (const result of results) assert.equal(result.location, undefined);
    assert.deepEqual([await count(scim), await count(scim, 'Groups')], before);
  });

  testBoth('to nothing, or to what failed, fail the operation (BLK-12)', async (scim) => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const path = `/Groups/${group.id}`;
    const add = (value: string) => patchBody({ op: 'add', path: 'members', value: [{ value }] });
    const results = await bulk(scim, [
      postGroup('g', groupBody({ members: [{ value: 'bulkId:nope' }] })),
      bad('bad'),
      { method: 'PATCH', path, data: add('bulkId:bad') },
      { method: 'DELETE', path: '/Users/bulkId:nope' },
      { method: 'DELETE', path: '/Users/bulkId:bad' },
      { method: 'POST', path: '/Nothing', bulkId: 'lost', data: {} },
      { method: 'PATCH', path, data: add('bulkId:lost') },
      {
        method: 'PATCH',
        path: `/Users/${user.id}`,
        bulkId: 'patch',
        data: patchBody({ op: 'add', value: { title: 'T' } }),
      },
      { method: 'PATCH', path, data: add('bulkId:patch') },
    ]);
    assert.deepEqual(statusesOf(results), ['409', '400', '409', '409', '409', '404', '409', '200', '409']);
    for (const [index, bulkId] of [
      [0, 'nope'],
      [2, 'bad'],
      [3, 'nope'],
      [4, 'bad'],
      [6, 'lost'],
      [8, 'patch'],
    ] as const) {
      assert.match(results[index].response.detail, new RegExp(`^"bulkId:${bulkId}" `));
    }
    assert.deepEqual(
      results.map(({ location }) => location && pathOf({ location })),
      [undefined, undefined, path, undefined, undefined, undefined, path, `/Users/${user.id}`, path],
    );
    assert.deepEqual((await scim('GET', path)).body, group);
  });
});

suite('bulk: the whole request', () => {
  testBoth('stops after as many errors as failOnErrors says (BLK-14)', async (scim) => {
    const before = await count(scim);
    const one = await bulk(scim, [bad('a'), postUser('b', userBody())], { failOnErrors: 1 });
    assert.deepEqual(statusesOf(one), ['400']);
    assert.equal(await count(scim), before);
    const two = await bulk(
      scim,
      [bad('a'), postUser('b', userBody()), { method: 'DELETE' }, postUser('c', userBody())],
      { failOnErrors: 2 },
    );
    assert.deepEqual(statusesOf(two), ['400', '201', '400']);
    assert.equal(await count(scim), before + 1);
    const enough = [bad('a'), postUser('b', userBody()), postUser('c', userBody())];
    assert.deepEqual(statusesOf(await bulk(scim, enough, { failOnErrors: 2 })), ['400', '201', '201']);
    // What an operation refers to comes first; of the operation itself nothing has happened then.
    const group = postGroup('g', groupBody({ members: [{ value: 'bulkId:a' }] }));
    const [result, ...others] = await bulk(scim, [group, bad('a')], { failOnErrors: 1 });
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

  testBoth('is refused when it is malformed, and nothing is done (BLK-27)', async (scim) => {
    const before = await count(scim);
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
    assert.equal(await count(scim), before);
    assert.deepEqual(statusesOf(await bulk(scim, operations, { failOnErrors: null })), ['201']);
  });

  testBoth(
    'has as many operations and bytes as discovery says, and no more (BLK-16, BLK-17)',
    async (scim) => {
      const { bulk: advertised } = (await scim('GET', '/ServiceProviderConfig')).body;
      assert.deepEqual(advertised, {
        supported: true,
        maxOperations: limits.bulkOperations,
        maxPayloadSize: limits.bulkBytes,
      });
      const { maxOperations, maxPayloadSize } = advertised;
      const before = await count(scim);
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
      assert.equal(await count(scim), before);
      assert.equal((await scim('POST', '/Bulk', full)).status, 200);
      assert.equal(await count(scim), before + 1);
    },
  );

  test('is only posted', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await lenient(method, '/Bulk', method === 'GET' ? undefined : bulkBody([]));
      assertError(answer, 405);
      assert.match(answer.headers.get('allow') ?? '', /POST/);
    }
  });

  test('may come ten times at once in full size', async () => {
    // Ignored, so that the time goes into reading it.
    const hairColor = 'x'.repeat(100_000);
    const requests = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const operations = Array.from({ length: 41 }, (_, index) =>
          postUser(`${index}`, userBody({ hairColor })),
        );
        return bulk(lenient, operations);
      }),
    );
    for (const results of requests) assert.deepEqual(new Set(statusesOf(results)), new Set(['201']));
  });
});
