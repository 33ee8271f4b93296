import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  filtered,
  groupBody,
  ids,
  patchBody,
  userBody,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

async function found(client: ScimClient, filter: string, type = 'Users'): Promise<string[]> {
  const { status, body } = await client('GET', `/${type}?${filtered(filter)}`);
  assert.equal(status, 200, JSON.stringify(body));
  return ids(body.Resources);
}

for (const [kind, client] of Object.entries({ default: scim, strict })) {
  suite(`userName, ${kind} connection`, () => {
    // A filter that minds the letter case finds nobody, the POST that follows is refused as taken, and so on for ever.
    test('case-of-user-name: a filter and a POST compare alike, and the case is kept', async () => {
      const name = randomUUID();
      const userName = `Ada.${name}@Example.com`;
      const user = await createUser(client, { userName });
      for (const other of [userName, userName.toLowerCase(), userName.toUpperCase()]) {
        assert.deepEqual(await found(client, `userName eq "${other}"`), [user.id], other);
        assertError(await client('POST', '/Users', userBody({ userName: other })), 409, 'uniqueness');
      }
      assert.equal((await client('GET', `/Users/${user.id}`)).body.userName, userName);
      const upper = userName.toUpperCase();
      const body = patchBody({ op: 'replace', path: 'userName', value: upper });
      const renamed = await client('PATCH', `/Users/${user.id}`, body);
      assert.deepEqual([renamed.status, renamed.body.userName], [200, upper]);
      const put = await client('PUT', `/Users/${user.id}`, userBody({ userName }));
      assert.deepEqual([put.status, put.body.userName], [200, userName]);
    });

    // A duplicate was a 400 or 500, or 200 with the user who had the name before.
    test('duplicate-not-409: a taken userName is 409 uniqueness in POST, PUT and PATCH', async () => {
      const [taken, user] = [await createUser(client), await createUser(client)];
      const { userName } = taken;
      const path = `/Users/${user.id}`;
      assertError(await client('POST', '/Users', userBody({ userName })), 409, 'uniqueness');
      assertError(await client('PUT', path, userBody({ userName })), 409, 'uniqueness');
      for (const operation of [
        { op: 'replace', path: 'userName', value: userName },
        { op: 'replace', value: { userName } },
        { op: 'add', value: { title: 'x', userName: userName.toUpperCase() } },
      ]) {
        assertError(await client('PATCH', path, patchBody(operation)), 409, 'uniqueness');
      }
      assert.deepEqual((await client('GET', path)).body, user);
      assert.deepEqual((await client('GET', `/Users/${taken.id}`)).body, taken);
    });

    // Time-outs make clients repeat a POST, also while the first is still under way.
    test('duplicate-not-409: of many POSTs at once one makes the user', async () => {
      const body = userBody({ externalId: randomUUID() });
      const answers = await Promise.all(Array.from({ length: 10 }, () => client('POST', '/Users', body)));
      const statuses = answers.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [201, ...Array.from({ length: 9 }, () => 409)]);
    });

    // Users were matched by e-mail address, and the wrong one was updated.
    test('duplicate-not-409: an e-mail address may be that of several users', async () => {
      const emails = [{ value: `${randomUUID()}@example.com`, type: 'work', primary: true }];
      const [first, second] = [await createUser(client, { emails }), await createUser(client, { emails })];
      assert.notEqual(first.id, second.id);
      const filter = `emails.value eq "${emails[0]?.value}"`;
      assert.deepEqual(await found(client, filter), ids([first, second]));
    });

    // Whoever came back could not be made, or became a second user beside the first.
    test('coming-back: after DELETE the same user is made anew', async () => {
      const body = userBody({ externalId: randomUUID() });
      const first = (await client('POST', '/Users', body)).body;
      const group = await createGroup(client, { members: [{ value: first.id }] });
      assert.equal((await client('DELETE', `/Users/${first.id}`)).status, 204);
      const again = await client('POST', '/Users', body);
      assert.equal(again.status, 201);
      assert.notEqual(again.body.id, first.id);
      assert.deepEqual(await found(client, `externalId eq "${again.body.externalId}"`), [again.body.id]);
      // Memberships of the one who was deleted do not come back.
      assert.equal(again.body.groups, undefined);
      assert.equal((await client('GET', `/Groups/${group.id}`)).body.members, undefined);
    });

    test('coming-back: after a deactivation the user is found, not made twice', async () => {
      const externalId = randomUUID();
      const body = userBody({ externalId });
      const user = (await client('POST', '/Users', body)).body;
      await client('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', path: 'active', value: false }));
      assertError(await client('POST', '/Users', body), 409, 'uniqueness');
      assert.deepEqual(await found(client, `externalId eq "${externalId}"`), [user.id]);
      assert.deepEqual(await found(client, `userName eq "${user.userName}"`), [user.id]);
      const back = await client('PUT', `/Users/${user.id}`, { ...body, active: true });
      assert.deepEqual([back.status, back.body.id, back.body.active], [200, user.id, true]);
    });

    // Matching by externalId was not possible, or did not mind the letter case, which is part of an id.
    test('filter-by-external-id: finds users and groups, the case as it is', async () => {
      const externalId = `Ext-${randomUUID()}`;
      const [user, group] = [
        await createUser(client, { externalId }),
        await createGroup(client, { externalId }),
      ];
      for (const [type, { id }] of [
        ['Users', user],
        ['Groups', group],
      ] as const) {
        assert.deepEqual(await found(client, `externalId eq "${externalId}"`, type), [id]);
        assert.deepEqual(await found(client, `EXTERNALID EQ "${externalId}"`, type), [id]);
        assert.deepEqual(await found(client, `externalId eq "${externalId.toUpperCase()}"`, type), []);
        assert.deepEqual(await found(client, `externalId eq "${randomUUID()}"`, type), []);
        assert.deepEqual(await found(client, `id eq "${id}" and externalId eq "${externalId}"`, type), [id]);
      }
    });
  });
}

test('duplicate-not-409: a group name is taken unless the connection is strict', async () => {
  const { displayName } = await createGroup(scim);
  const { id } = await createGroup(scim);
  assertError(await scim('POST', '/Groups', groupBody({ displayName })), 409, 'uniqueness');
  assertError(await scim('PUT', `/Groups/${id}`, groupBody({ displayName })), 409, 'uniqueness');
  const body = patchBody({ op: 'replace', value: { displayName: displayName.toUpperCase() } });
  assertError(await scim('PATCH', `/Groups/${id}`, body), 409, 'uniqueness');
  await createGroup(strict, { displayName });
  await createGroup(strict, { displayName });
});
