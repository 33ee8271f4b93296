import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  groupBody,
  patchBody,
  patched,
  userBody,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));
const clients = Object.entries({ default: scim, strict });

const unknownOperations: readonly object[] = [
  { op: 'Replace', path: 'hairColor', value: 'x' },
  { op: 'Add', path: 'urn:ietf:params:scim:schemas:extension:custom:2.0:User:shoeSize', value: 5 },
  { op: 'Add', path: 'badges[type eq "work"].value', value: 'x' },
  { op: 'Replace', path: 'name.nick', value: 'x' },
  { op: 'Remove', path: 'hairColor' },
  { op: 'replace', value: { hairColor: 'x', 'urn:x-custom:User': { y: 1 } } },
];

// An attribute that the server does not have was in the mapping, and nothing else arrived either.
test('unknown-attribute-stops-patch: the known ones beside it are applied', async () => {
  for (const unknown of unknownOperations) {
    for (const known of [
      { op: 'Replace', path: 'title', value: 'known' },
      { op: 'replace', value: { title: 'known', eyeColor: 'x' } },
    ]) {
      for (const operations of [
        [unknown, known],
        [known, unknown],
      ]) {
        const user = await createUser(scim);
        const { meta, ...now } = await patched(scim, `/Users/${user.id}`, ...operations);
        const { meta: old, ...before } = user;
        assert.deepEqual(now, { ...before, title: 'known' });
      }
    }
  }
});

test('unknown-attribute-stops-patch: a strict connection refuses it whole', async () => {
  for (const unknown of unknownOperations) {
    const user = await createUser(strict);
    const body = patchBody({ op: 'replace', path: 'title', value: 'x' }, unknown);
    const answer = await strict('PATCH', `/Users/${user.id}`, body);
    assertError(answer, 400, answer.body.scimType);
    assert.match(answer.body.detail, /^Operation 1\b/);
    assert.deepEqual((await strict('GET', `/Users/${user.id}`)).body, user);
  }
});

// A server answered 204 to what it did not understand, and the identity provider took it for done.
test('nothing-done-answered-204: what cannot be done is 400 with the number of its operation, and nothing is done', async () => {
  const first = { op: 'replace', path: 'title', value: 'x' };
  for (const [, client] of clients) {
    const user = await createUser(client);
    const path = `/Users/${user.id}`;
    for (const operation of [
      { op: 'move', path: 'title', value: 'x' },
      { op: '', path: 'title', value: 'x' },
      { path: 'title', value: 'x' },
      { op: 'replace', path: 'active', value: 'maybe' },
      { op: 'replace', path: 'title' },
      { op: 'replace', path: 'title', value: { no: 1 } },
      { op: 'replace', path: 'emails[type', value: 'x' },
      { op: 'replace', value: 'x' },
      { op: 'remove' },
      { op: 'replace', path: 'groups', value: [{ value: 'x' }] },
      { op: 'replace', path: 'meta.version', value: 'x' },
    ]) {
      const answer = await client('PATCH', path, patchBody(first, operation));
      assertError(answer, 400, answer.body.scimType);
      assert.match(answer.body.detail, /^Operation 1\b/, JSON.stringify(operation));
    }
    assertError(await client('PATCH', path, patchBody()), 400, 'invalidSyntax');
    for (const alone of unknownOperations.filter((operation) =>
      JSON.stringify(operation).includes('hairColor'),
    )) {
      const answer = await client('PATCH', path, patchBody(alone));
      assertError(answer, 400, answer.body.scimType);
      assert.match(answer.body.detail, /^Operation 0\b.*hairColor/);
    }
    assert.deepEqual((await client('GET', path)).body, user);
  }
});

// Of a value in which nothing was known, nothing was left: 200 as if done, or the list that was there replaced by none.
test('nothing-done-answered-204: a value of unknown parts is refused and clears nothing', async () => {
  const emails = [{ value: 'a@example.com', type: 'work' }];
  for (const [, client] of clients) {
    const user = await createUser(client, { emails, name: { givenName: 'A' } });
    const path = `/Users/${user.id}`;
    const unknown: readonly object[] = [
      { op: 'replace', value: { [enterpriseUrn]: { hairColor: 'x' } } },
      { op: 'add', path: enterpriseUrn, value: { hairColor: 'x', 'manager.value': 'y' } },
      { op: 'replace', path: 'name', value: { nick: 'x' } },
      { op: 'replace', value: { name: { nick: 'x' } } },
      { op: 'replace', path: 'emails', value: [{ kind: 'x' }] },
      { op: 'replace', path: 'emails[type eq "work"]', value: { kind: 'x' } },
    ];
    for (const operation of unknown) {
      const answer = await client('PATCH', path, patchBody(operation));
      assertError(answer, 400, answer.body.scimType);
      assert.match(answer.body.detail, /^Operation 0\b/, JSON.stringify(operation));
    }
    assert.deepEqual((await client('GET', path)).body, user);
    if (client === strict) continue;
    const now = await patched(client, path, ...unknown, { op: 'add', path: 'title', value: 'known' });
    const { meta, ...rest } = user;
    assert.deepEqual({ ...now, meta }, { ...rest, title: 'known', meta });
    const cleared = { nick: 'x', givenName: null };
    assert.equal(
      (await patched(client, path, { op: 'replace', path: 'name', value: cleared })).name,
      undefined,
    );
  }
});

for (const [kind, client] of clients) {
  // `userName` went, and nothing could find the user again.
  test(`required-attribute-removed: it cannot be taken away, ${kind} connection`, async () => {
    const user = await createUser(client);
    const group = await createGroup(client);
    for (const [path, resource, name] of [
      [`/Users/${user.id}`, user, 'userName'],
      [`/Groups/${group.id}`, group, 'displayName'],
    ] as const) {
      for (const operation of [
        { op: 'remove', path: name },
        { op: 'replace', path: name, value: null },
        { op: 'replace', value: { [name]: null } },
      ]) {
        const body = patchBody({ op: 'add', path: 'externalId', value: 'x' }, operation);
        assertError(await client('PATCH', path, body), 400, 'mutability');
      }
      for (const value of ['', [], 5]) {
        const answer = await client('PATCH', path, patchBody({ op: 'replace', path: name, value }));
        assertError(answer, 400, answer.body.scimType);
      }
      assert.deepEqual((await client('GET', path)).body, resource);
    }
    for (const userName of [undefined, null, '', []])
      assertError(await client('PUT', `/Users/${user.id}`, userBody({ userName })), 400, 'invalidValue');
    assertError(
      await client('PUT', `/Groups/${group.id}`, groupBody({ displayName: null })),
      400,
      'invalidValue',
    );
  });

  // A PATCH of one attribute was refused because the others that are required were not in it.
  test(`required-looked-for-in-patch: a PATCH need not repeat what is required, ${kind} connection`, async () => {
    const user = await createUser(client, { emails: [{ value: 'a@example.com', type: 'work' }] });
    const group = await createGroup(client);
    const now = await patched(
      client,
      `/Users/${user.id}`,
      { op: 'replace', value: { title: 'x' } },
      { op: 'add', path: enterpriseUrn, value: { department: 'R' } },
      { op: 'replace', path: 'emails[type eq "work"].display', value: 'D' },
      { op: 'add', path: 'addresses', value: [{ type: 'home', country: 'DE' }] },
    );
    assert.deepEqual([now.title, now.userName, now.emails[0].display], ['x', user.userName, 'D']);
    const named = await patched(client, `/Groups/${group.id}`, { op: 'replace', value: { externalId: 'e' } });
    assert.deepEqual([named.externalId, named.displayName], ['e', group.displayName]);
  });
}
