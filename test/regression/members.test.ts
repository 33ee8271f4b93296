import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import {
  assertError,
  createGroup,
  createUser,
  groupBody,
  ids,
  patchBody,
  patched,
} from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));
const clients = Object.entries({ default: scim, strict });

const named = (...list: readonly string[]) => list.map((value) => ({ value }));

/** A group of three, and two users beside it. */
async function groupOf(client: ScimClient, count = 3) {
  const users: string[] = [];
  while (users.length < 5) users.push((await createUser(client)).id);
  const { id } = await createGroup(client, { members: named(...users.slice(0, count)) });
  const path = `/Groups/${id}`;
  const [a = '', b = '', c = '', d = '', e = ''] = users;
  return { a, b, c, d, e, path, members: async () => ids((await client('GET', path)).body.members) };
}

// Entra ID and JumpCloud list whom to remove in the value. By the letter of the RFC the value means nothing, and servers
// emptied the group; others refused the request or did nothing.
suite('remove-members-by-value', () => {
  const nobody = randomUUID();
  type Group = Awaited<ReturnType<typeof groupOf>>;
  const removals: readonly [string, (group: Group) => unknown, (group: Group) => string[]][] = [
    ['a list of one', ({ a }) => named(a), ({ b, c }) => [b, c]],
    ['a list of two', ({ a, c }) => named(a, c), ({ b }) => [b]],
    ['one with $ref null (Entra ID)', ({ a }) => [{ $ref: null, value: a }], ({ b, c }) => [b, c]],
    [
      'one with display and type',
      ({ a }) => [{ value: a, display: null, type: 'User' }],
      ({ b, c }) => [b, c],
    ],
    ['one object', ({ b }) => ({ value: b }), ({ a, c }) => [a, c]],
    ['ids alone', ({ a, b }) => [a, b], ({ c }) => [c]],
    ['the list once more wrapped (Salesforce)', ({ a }) => ({ members: named(a) }), ({ b, c }) => [b, c]],
    ['an unknown id', () => named(nobody), ({ a, b, c }) => [a, b, c]],
    ['one that is no member', ({ d }) => named(d), ({ a, b, c }) => [a, b, c]],
    ['a member and an unknown id', ({ a }) => named(nobody, a), ({ b, c }) => [b, c]],
    ['nobody', () => [], ({ a, b, c }) => [a, b, c]],
  ];
  for (const [what, listed, left] of removals) {
    test(`remove-members-by-value: ${what}`, async () => {
      const group = await groupOf(scim);
      const answer = await scim(
        'PATCH',
        group.path,
        patchBody({ op: 'Remove', path: 'members', value: listed(group) }),
      );
      assert.equal(answer.status, 204, JSON.stringify(answer.body));
      assert.deepEqual(await group.members(), left(group).sort());
      const strictGroup = await groupOf(strict);
      const body = patchBody({ op: 'remove', path: 'members', value: listed(strictGroup) });
      assertError(await strict('PATCH', strictGroup.path, body), 400, 'invalidValue');
      assert.equal((await strictGroup.members()).length, 3);
    });
  }

  test('remove-members-by-value: what names nobody clearly is refused and removes nobody', async () => {
    for (const [, client] of clients) {
      const group = await groupOf(client);
      for (const value of [
        null,
        '',
        5,
        false,
        [null],
        [{}],
        [{ value: null }],
        [{ value: '' }],
        [{ display: 'x' }],
        {},
      ]) {
        const body = patchBody({ op: 'remove', path: 'members', value });
        assertError(await client('PATCH', group.path, body), 400, 'invalidValue');
      }
      const withoutPath = patchBody({ op: 'remove', value: { members: named(group.a) } });
      assertError(await client('PATCH', group.path, withoutPath), 400, 'noTarget');
      assert.equal((await group.members()).length, 3);
    }
  });

  test('remove-members-by-value: all go only when nothing is named', async () => {
    for (const [, client] of clients) {
      const group = await groupOf(client);
      await patched(client, group.path, { op: 'remove', path: 'members' });
      assert.deepEqual(await group.members(), []);
    }
  });
});

for (const [kind, client] of clients) {
  // An add replaced the list, so that of all members only those sent last were left.
  test(`add-replaces-members: who was there stays, ${kind} connection`, async () => {
    const group = await groupOf(client, 1);
    await patched(client, group.path, { op: 'add', path: 'members', value: named(group.b) });
    await patched(client, group.path, { op: 'add', path: 'members', value: named(group.c, group.d) });
    await patched(client, group.path, { op: 'add', value: { members: named(group.e) } });
    const { a, b, c, d, e } = group;
    assert.deepEqual(await group.members(), [a, b, c, d, e].sort());
  });

  // Clients repeat themselves: after a time-out, or because two rules of theirs add the same person.
  test(`member-twice: whoever is added again is there once, ${kind} connection`, async () => {
    const group = await groupOf(client, 1);
    const { a, b, path } = group;
    const once = await patched(client, path, { op: 'add', path: 'members', value: named(b, a, b) });
    assert.deepEqual(ids(once.members), [a, b].sort());
    const again = await patched(
      client,
      path,
      { op: 'add', path: 'members', value: named(a) },
      { op: 'add', path: 'members', value: named(b) },
      { op: 'add', value: { members: named(b) } },
    );
    assert.deepEqual(again, once);
    const put = await client(
      'PUT',
      path,
      groupBody({ displayName: once.displayName, members: named(b, b, a) }),
    );
    assert.deepEqual([put.status, ids(put.body.members)], [200, [a, b].sort()]);
    const posted = await createGroup(client, { members: named(a, a) });
    assert.deepEqual(ids(posted.members), [a]);
  });

  // One form worked, the other ended in a 500.
  test(`members-with-and-without-path: the same comes of both forms, ${kind} connection`, async () => {
    for (const op of ['add', 'replace']) {
      for (const list of [(group: { d: string; e: string }) => named(group.d, group.e), () => []]) {
        const [left, right] = [await groupOf(client), await groupOf(client)];
        const quiet = await client('PATCH', left.path, patchBody({ op, path: 'members', value: list(left) }));
        const other = await client('PATCH', right.path, patchBody({ op, value: { members: list(right) } }));
        assert.deepEqual([quiet.status, other.status], [204, 204]);
        const places = async (group: typeof left) => {
          const members = await group.members();
          const { a, b, c, d, e } = group;
          return [a, b, c, d, e].map((id) => members.includes(id));
        };
        assert.deepEqual(await places(left), await places(right));
        const before = op === 'add';
        const added = list(left).length > 0;
        assert.deepEqual(await places(left), [before, before, before, added, added]);
      }
    }
  });

  // Okta's "Push now" of a group that has become empty.
  test(`replace-members-with-none: an empty list empties the group, ${kind} connection`, async () => {
    for (const operation of [
      { op: 'replace', path: 'members', value: [] },
      { op: 'replace', value: { members: [] } },
    ]) {
      const group = await groupOf(client);
      assert.equal((await client('PATCH', group.path, patchBody(operation))).status, 204);
      assert.deepEqual(await group.members(), []);
      assert.equal((await client('PATCH', group.path, patchBody(operation))).status, 204);
    }
  });

  // Whoever renamed a group emptied it.
  test(`rename-empties-group: changes of other attributes leave the members, ${kind} connection`, async () => {
    const group = await groupOf(client);
    const { a, b, c, path } = group;
    const { displayName } = (await client('GET', path)).body;
    for (const operation of [
      { op: 'Replace', path: 'displayName', value: `${displayName} 1` },
      { op: 'replace', value: { displayName: `${displayName} 2` } },
      { op: 'replace', value: { displayName: `${displayName} 3`, externalId: 'e' } },
      { op: 'add', path: 'externalId', value: 'f' },
      { op: 'remove', path: 'externalId' },
    ]) {
      await patched(client, path, operation);
      assert.deepEqual(await group.members(), [a, b, c].sort(), JSON.stringify(operation));
    }
  });

  // Two requests read the same list, and the second wrote it without the member of the first.
  test(`lost-member-updates: 50 clients at once, each with one member, ${kind} connection`, async () => {
    const users = await Promise.all(Array.from({ length: 50 }, () => createUser(client)));
    const { id } = await createGroup(client);
    const each = async (operation: (user: string) => object) => {
      const write = (user: ScimAnswer['body']) =>
        client('PATCH', `/Groups/${id}`, patchBody(operation(user.id)));
      for (const { status } of await Promise.all(users.map(write))) assert.equal(status, 204);
      return ids((await client('GET', `/Groups/${id}`)).body.members);
    };
    assert.deepEqual(await each((user) => ({ op: 'add', path: 'members', value: named(user) })), ids(users));
    assert.deepEqual(await each((user) => ({ op: 'remove', path: `members[value eq "${user}"]` })), []);
  });

  // A replica that lagged behind answered 404 for what had just been made.
  test(`read-after-write: what was answered is there at once, ${kind} connection`, async () => {
    const created = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const user = await createUser(client);
        const group = await createGroup(client, { members: named(user.id) });
        const [read, holder] = await Promise.all([
          client('GET', `/Users/${user.id}`),
          client('GET', `/Groups/${group.id}`),
        ]);
        return (
          [read.status, ids(read.body.groups), ids(holder.body.members)].join() ===
          `200,${group.id},${user.id}`
        );
      }),
    );
    assert.ok(created.every(Boolean));
  });

  // What clients add to a member was refused: no type, display null, the group's own id.
  test(`member-with-extras: type, display and $ref may be missing, null or there, ${kind} connection`, async () => {
    const group = await groupOf(client, 0);
    const { a, b, c, d, e, path } = group;
    const value = [
      { value: a },
      // By the RFC's own schema a member has no display; a strict connection says so.
      { value: b, ...(client === scim && { display: null }) },
      { value: c, $ref: null },
      { value: d, type: 'User', ...(client === scim && { display: 'Whoever' }) },
      { value: e, type: null, $ref: `https://idp.example.com/Users/${e}` },
    ];
    await patched(client, path, { op: 'add', path: 'members', value });
    const { members } = (await client('GET', path)).body;
    assert.deepEqual(ids(members), [a, b, c, d, e].sort());
    assert.ok(members.every(({ type }: ScimAnswer['body']) => type === 'User'));
    const { displayName } = (await client('GET', path)).body;
    const put = await client('PUT', path, groupBody({ displayName, members: value }));
    assert.deepEqual([put.status, put.body.members], [200, members]);
  });
}

test('member-with-extras: the group’s own id in a replace changes nothing (Okta, authentik)', async () => {
  const group = await groupOf(scim);
  const id = group.path.replace('/Groups/', '');
  const value = { id, displayName: `Renamed ${id}` };
  assert.equal((await patched(scim, group.path, { op: 'replace', value })).displayName, value.displayName);
  await patched(
    scim,
    group.path,
    { op: 'replace', path: 'id', value: id },
    { op: 'add', path: 'externalId', value: 'e' },
  );
  assert.equal((await group.members()).length, 3);
  const other = patchBody({ op: 'replace', value: { ...value, id: randomUUID() } });
  assertError(await scim('PATCH', group.path, other), 400, 'mutability');
});
