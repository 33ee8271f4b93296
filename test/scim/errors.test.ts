import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { scimErrorBody, toScimError } from '../../gateway/scim/scim-error.ts';
import { startRollcall } from '../support/rollcall.ts';
import type { ScimAnswer } from '../support/scim-client.ts';
import {
  assertError,
  createUser,
  eachProfile,
  filtered,
  patchBody,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

/** The keywords of RFC 7644, table 9, and of RFC 9865, section 6. */
const keywords = new Set([
  'invalidFilter',
  'tooMany',
  'uniqueness',
  'mutability',
  'invalidSyntax',
  'invalidPath',
  'noTarget',
  'invalidValue',
  'invalidVers',
  'sensitive',
  'invalidCursor',
  'expiredCursor',
  'invalidCount',
]);

eachProfile(rollcall, 'errors', async ({ scim, connection }) => {
  const user = await createUser(scim);
  const path = `/Users/${user.id}`;
  const patch = (...operations: readonly object[]) => scim('PATCH', path, patchBody(...operations));

  const provoked: readonly (readonly [string, () => Promise<ScimAnswer>, number, string | undefined])[] = [
    ['ERR-05', () => scim('GET', `/Users?${filtered('bad')}`), 400, 'invalidFilter'],
    ['ERR-05', () => patch({ op: 'remove', path: 'emails[type zz "a"]' }), 400, 'invalidFilter'],
    ['ERR-07', () => scim('POST', '/Users', userBody({ userName: user.userName })), 409, 'uniqueness'],
    ['ERR-08', () => patch({ op: 'replace', path: 'id', value: 'x' }), 400, 'mutability'],
    ['ERR-09', () => scim('POST', '/Users', '[]'), 400, 'invalidSyntax'],
    ['ERR-10', () => patch({ op: 'replace', path: '[', value: 'x' }), 400, 'invalidPath'],
    ['ERR-11', () => patch({ op: 'remove' }), 400, 'noTarget'],
    ['ERR-12', () => scim('POST', '/Users', { schemas: [userUrn] }), 400, 'invalidValue'],
    ['ERR-14', () => scim('GET', `/Users?${filtered('password pr')}`), 403, 'sensitive'],
    ['ERR-02', () => scim('GET', '/Users/none'), 404, undefined],
    ['ERR-16', () => scim('GET', '/Nope'), 404, undefined],
    ['ETG-07', () => scim('DELETE', path, undefined, { 'if-match': 'W/"0"' }), 412, undefined],
    ['HTTP-08', () => scim('POST', '/Users', '<a/>', { 'content-type': 'text/xml' }), 415, undefined],
    ['CUR-08', () => scim('GET', '/Users?cursor=x'), 400, 'invalidCursor'],
  ];
  for (const [row, send, status, scimType] of provoked) {
    test(`${status} ${scimType ?? 'without a keyword'} is a message with status, keyword and detail (${row}, ERR-01, ERR-02, ERR-03, ERR-04)`, async () => {
      const answer = await send();
      assertError(answer, status, scimType);
      assert.ok(scimType === undefined || keywords.has(scimType));
      const members = ['schemas', 'status', ...(scimType ? ['scimType'] : []), 'detail'];
      assert.deepEqual(Object.keys(answer.body), members);
      // Nothing of it is about a person, or of what was sent beside the mistake.
      assert.ok(!answer.body.detail.includes(user.userName));
    });
  }

  test('a fault of the server is a message too, and tells nothing of it (ERR-15, ERR-03)', async () => {
    const { id } = await createUser(scim);
    await using client = await new MongoClient(rollcall.database.uri).connect();
    const key = { _id: `${connection.id}/${id}` as never, connection: connection.id };
    const broken = await client
      .db()
      .collection('users')
      .updateOne(key, { $set: { 'resource.emails': 7 } });
    assert.equal(broken.modifiedCount, 1);
    const answer = await scim('GET', `/Users/${id}`);
    assertError(answer, 500);
    assert.match(answer.headers.get('x-request-id') ?? '', /^[\w.-]+$/);
    assert.equal((await scim('GET', path)).status, 200);
  });
});

test('what nobody foresaw in the gateway itself is told as little (ERR-15, ERR-03)', () => {
  const body = scimErrorBody(toScimError(new TypeError('ada@example.com is undefined')));
  assert.deepEqual([body.status, body.scimType], ['500', undefined]);
  assert.doesNotMatch(JSON.stringify(body), /ada|undefined|TypeError/);
});
