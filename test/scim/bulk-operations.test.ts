import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { CreateTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { bulk, bulkBody, countOf, pathOf, postGroup, postUser, statusesOf } from './bulk-fixture.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
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

eachProfile(rollcall, 'bulk: operations', ({ scim, strict, connection }) => {
  test('run in order where that matters (BLK-23)', async () => {
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

  test('that are malformed are refused alone (BLK-07, BLK-18, BLK-19, BLK-20, BLK-28)', async () => {
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
    const before = await countOf(scim);
    const results = await bulk(
      scim,
      cases.map(([operation]) => operation),
    );
    for (const [index, [operation, status, scimType]] of cases.entries()) {
      const result = results[index];
      assert.equal(result.status, status, JSON.stringify([operation, result]));
      assert.equal(result.response?.scimType, scimType, JSON.stringify([operation, result]));
    }
    assert.equal(await countOf(scim), before + 1);
    assert.equal((await scim('GET', `/Users/${id}`)).body.title, 'T');
  });

  test('may be named by whole URLs (BLK-19)', async () => {
    const user = await createUser(scim);
    const { location } = user.meta;
    const results = await bulk(scim, [
      { method: 'POST', path: location.replace(`/${user.id}`, ''), bulkId: 'a', data: userBody() },
      { method: 'DELETE', path: location },
    ]);
    assert.deepEqual(statusesOf(results), ['201', '204']);
  });

  test('can demand a version (BLK-21)', async () => {
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
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const before = await countOf(scim);
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
    assert.equal(await countOf(scim), before);
    assert.deepEqual((await scim('GET', path)).body, user);
    assertError(await scimOf({ ...connection, token: 'x' })('POST', '/Bulk', '{'), 401);
  });

  test('that create what has nothing to do with each other share transactions', async () => {
    const users = Array.from({ length: 100 }, (_, index) => postUser(`${index}`, userBody()));
    const before = transactions;
    const results = await bulk(scim, users);
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
    const results = await bulk(scim, operations);
    if (strict) return assert.deepEqual(statusesOf(results), ['400', '409', '409']);
    assert.deepEqual(statusesOf(results), ['201', '200', '201']);
    const { body } = await scim('GET', pathOf(results[0]));
    assert.deepEqual([body.active, body[enterpriseUrn]], [false, { department: 'R' }]);
    assert.deepEqual(ids((await scim('GET', pathOf(results[2]))).body.members), [body.id]);
  });
});
