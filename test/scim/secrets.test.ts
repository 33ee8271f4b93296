import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { startRollcall } from '../support/rollcall.ts';
import { bulk, postUser, statusesOf } from './bulk-fixture.ts';
import { createUser, eachProfile, patchBody, userBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

/** Everything that the database holds. */
async function everythingStored(): Promise<string> {
  await using client = await new MongoClient(rollcall.database.uri).connect();
  const collections = await client.db().listCollections().toArray();
  const contents = await Promise.all(
    collections.map(({ name }) => client.db().collection(name).find().toArray()),
  );
  return JSON.stringify(contents);
}

eachProfile(rollcall, 'a password', ({ scim, connection }) => {
  test('is taken by every write, and stored and shown by none (SEC-01, PUT-03, PAT-82)', async () => {
    const password = 'Correct horse 7, battery';
    const user = await createUser(scim, { password });
    const path = `/Users/${user.id}`;
    const answers = [
      await scim('PUT', path, { ...user, title: 'kept', password }),
      await scim('PATCH', path, patchBody({ op: 'replace', path: 'password', value: password })),
      await scim('PATCH', path, patchBody({ op: 'add', value: { nickName: 'n', password } })),
      await scim('GET', `${path}?attributes=password`),
      await scim('PUT', path, { ...user, title: 'without' }),
    ];
    for (const { status, body } of answers) {
      assert.equal(status, 200, JSON.stringify(body));
      assert.doesNotMatch(JSON.stringify(body), /password|horse/i);
    }
    assert.deepEqual(statusesOf(await bulk(scim, [postUser('a', userBody({ password }))])), ['201']);
    const stored = await everythingStored();
    assert.match(stored, /without/);
    assert.doesNotMatch(stored, /horse/);
    assert.ok(!stored.includes(connection.token), 'nor the token');
  });
});
