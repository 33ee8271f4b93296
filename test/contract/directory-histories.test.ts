import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { v7 as newUuid } from 'uuid';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  members,
  operation,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

type TestDirectory = Awaited<ReturnType<typeof startTestDirectory>>;

let first: TestDirectory;
let second: TestDirectory;
before(async () => {
  first = await startTestDirectory();
  second = await startTestDirectory(first.uri);
});
after(async () => {
  await second[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
});

// Few, so that clients meet: ids are chosen by the client and used again after a deletion.
const userIds = Array.from({ length: 10 }, () => newUuid());
const groupIds = Array.from({ length: 5 }, () => newUuid());
const names = ['Ada', 'ADA', 'Bob', 'bob', ...Array.from({ length: 16 }, (_, index) => `Name ${index}`)];

const user = fc.constantFrom(...userIds);
const group = fc.constantFrom(...groupIds);
const name = fc.constantFrom(...names);
const some = fc.uniqueArray(fc.constantFrom(...userIds, ...groupIds), { maxLength: 3 });
const change = fc.oneof(
  fc.record({ how: fc.constantFrom('add', 'remove', 'replace'), ids: some }),
  fc.record({ how: fc.constant('removeWhere'), ids: fc.constant([]) }),
);
const changes = fc.array(change, { minLength: 1, maxLength: 3 });
const often = 4;
const action = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('create user'), id: user, name }), weight: often },
  fc.record({ kind: fc.constant('replace user'), id: user, name }),
  fc.record({ kind: fc.constant('patch user'), id: user, name }),
  fc.record({ kind: fc.constant('delete user'), id: user }),
  { arbitrary: fc.record({ kind: fc.constant('create group'), id: group, name, ids: some }), weight: often },
  fc.record({ kind: fc.constant('replace group'), id: group, name, ids: some }),
  { arbitrary: fc.record({ kind: fc.constant('patch group'), id: group, changes }), weight: often },
  fc.record({ kind: fc.constant('rename group'), id: group, name }),
  fc.record({ kind: fc.constant('delete group'), id: group }),
);
const call = fc.record({
  action,
  validateOnly: fc.nat(5).map((one) => one === 0),
  expectedVersion: fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, fc.constantFrom('1', '2')),
});
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/** Makes a call; gives the position its answer names and whether it says that it wrote. */
async function perform(
  acme: ConnectionDriver,
  asked: Action,
  rest: { validateOnly: boolean; requestId: string; expectedVersion?: string },
): Promise<{ readonly position: number; readonly changed: boolean }> {
  const { id } = asked;
  const { expectedVersion: _, ...created } = rest;
  const rename = (type: 'user' | 'group', attribute: string, value: string) =>
    operation(resourceTypes[type], 'REPLACE', attribute, value);
  switch (asked.kind) {
    case 'create user':
      return { ...(await acme.createUser(asked.name, { ...created, id })), changed: true };
    case 'replace user':
      return acme.replaceUser(id, { userName: asked.name }, rest);
    case 'patch user':
      return acme.patchUser(
        id,
        [rename('user', 'userName', asked.name), rename('user', 'title', asked.name)],
        rest,
      );
    case 'delete user':
      return { ...(await acme.deleteUser(id, rest)), changed: true };
    case 'create group':
      return acme.createGroup(asked.name, asked.ids, { ...created, id });
    case 'replace group':
      return acme.replaceGroup(id, { displayName: asked.name }, asked.ids, rest);
    case 'patch group':
      return acme.patchGroup(
        id,
        [],
        asked.changes.map(({ how, ids }) =>
          how === 'removeWhere' ? members.removeWhere('type eq "User"') : members[how](...ids),
        ),
        rest,
      );
    case 'rename group':
      return acme.patchGroup(id, [rename('group', 'displayName', asked.name)], [], rest);
    case 'delete group':
      return { ...(await acme.deleteGroup(id, rest)), changed: true };
  }
}

const honest: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.UNIQUENESS,
  ErrorReason.RESOURCE_NOT_FOUND,
  ErrorReason.MEMBER_NOT_FOUND,
  ErrorReason.VERSION_MISMATCH,
]);

test('whatever 16 clients of two directories do at once, the log tells exactly what was answered', async () => {
  const calls = fc.array(call, { minLength: 10, maxLength: 25, size: 'max' });
  await fc.assert(
    fc.asyncProperty(fc.array(calls, { minLength: 16, maxLength: 16, size: 'max' }), async (clients) => {
      const acme = await createDriver(first.clients);
      const other = driveConnection(second.clients, acme.connectionId);
      // Half of what the clients are about is there from the beginning.
      for (const [index, id] of userIds.slice(5).entries()) await acme.createUser(`first ${index}`, { id });
      for (const [index, id] of groupIds.slice(2).entries())
        await acme.createGroup(`first ${index}`, [], { id });
      const start = await acme.position();
      /** The position of each write that was answered, by its request. */
      const written = new Map<string, number>();
      await Promise.all(
        clients.map(async (list, client) => {
          for (const [index, { action: asked, validateOnly, expectedVersion }] of list.entries()) {
            const requestId = `${client}-${index}`;
            const rest = { validateOnly, requestId, ...(expectedVersion && { expectedVersion }) };
            try {
              const { position, changed } = await perform(client % 2 ? other : acme, asked, rest);
              if (changed && !validateOnly) written.set(requestId, position);
            } catch (error) {
              assert.ok(error instanceof RpcError && honest.has(error.reason), String(error));
            }
          }
        }),
      );
      assert.ok(written.size > 20, `only ${written.size} calls wrote`);
      await holdingsAsLogged(acme);
      const logged = new Map(
        (await acme.listChanges(start)).map(({ requestId, position }) => [requestId, position]),
      );
      assert.deepEqual([...logged].sort(), [...written].sort());
      const { users } = await acme.listUsers();
      const { groups } = await acme.listGroups();
      for (const found of [
        users.map(({ userName }) => userName),
        groups.map(({ group: { displayName } }) => displayName),
      ])
        assert.equal(new Set(found.map((text) => text?.toLowerCase())).size, found.length);
    }),
    // What went wrong depends on who came first, so that smaller histories prove nothing.
    { numRuns: 3, endOnFailure: true },
  );
});
