import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#scim/json.ts';
import {
  arbitraryPatchedUser,
  arbitraryPatchOperation,
  patchedLists,
  pathOf,
} from '../support/arbitrary-patch.ts';
import { type NaiveOperation, naivePatch } from '../support/naive-patch.ts';
import { startRollcall } from '../support/rollcall.ts';
import type { ScimAnswer, ScimClient } from '../support/scim-client.ts';
import { assertError, createUser, eachProfile, enterpriseUrn, patchBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

/** How an operation is written: with a path, or with the attribute as a key of a value without one. */
interface WrittenOperation {
  readonly operation: NaiveOperation;
  readonly withPath: boolean;
}

const written: fc.Arbitrary<WrittenOperation> = fc.record({
  operation: arbitraryPatchOperation,
  withPath: fc.boolean(),
});

function jsonOf({ operation, withPath }: WrittenOperation): object {
  const { op, attribute, sub, where, value, enterprise } = operation;
  if (op === 'remove') return { op, path: pathOf(operation) };
  if (withPath || sub !== '' || where !== undefined) return { op, path: pathOf(operation), value };
  return { op, value: enterprise ? { [enterpriseUrn]: { [attribute]: value } } : { [attribute]: value } };
}

/** A user as a client sends it. */
function bodyOf({ enterprise, userName, ...core }: JsonObject): object {
  return {
    ...core,
    userName: `${userName}-${randomUUID()}`,
    ...(enterprise !== undefined && { [enterpriseUrn]: enterprise }),
  };
}

/** What a client can write of a user that it has read, in the shape of the model. */
function modelOf(user: ScimAnswer['body']): JsonObject {
  const { schemas: _, id: __, meta: ___, [enterpriseUrn]: enterprise, ...core } = user;
  if (enterprise === undefined) return core;
  // The directory says where a manager is found, and its name, when there is one of this id.
  const { manager, ...rest } = enterprise;
  return { ...core, enterprise: { ...rest, ...(manager && { manager: { value: manager.value } }) } };
}

/** Sends operations for a user and checks everything about the answer against the model; gives the user as read afterwards. */
async function checkPatch(
  scim: ScimClient,
  user: ScimAnswer['body'],
  operations: readonly WrittenOperation[],
  create: boolean,
): Promise<ScimAnswer['body']> {
  const path = `/Users/${user.id}`;
  const expected = naivePatch(
    modelOf(user),
    operations.map(({ operation }) => operation),
    { lists: patchedLists, create },
  );
  const answer = await scim('PATCH', path, patchBody(...operations.map(jsonOf)));
  const read = (await scim('GET', path)).body;
  if (expected === undefined) {
    assertError(answer, 400, 'noTarget');
    assert.deepEqual(read, user);
    return read;
  }
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.deepEqual(answer.body, read);
  assert.equal(answer.headers.get('etag'), read.meta.version);
  assert.deepEqual(modelOf(read), expected);
  if (isSame(modelOf(user), expected)) assert.deepEqual(read, user);
  else assert.notEqual(read.meta.version, user.meta.version);
  return read;
}

function isSame(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

/** Operations that are refused wherever they stand, with the keyword that says why. */
const refused: fc.Arbitrary<readonly [operation: object, scimType: string]> = fc.constantFrom(
  [{ op: 'remove' }, 'noTarget'],
  [{ op: 'replace', path: 'id', value: 'x' }, 'mutability'],
  [{ op: 'remove', path: 'userName' }, 'mutability'],
  [{ op: 'add', path: 'emails[type zz "a"]', value: 'x' }, 'invalidFilter'],
  [{ op: 'add', path: 'emails[type', value: 'x' }, 'invalidPath'],
  [{ op: 'add', path: 'title[value eq "x"]', value: 'x' }, 'invalidPath'],
  [{ op: 'add', path: 'title' }, 'invalidValue'],
  [{ op: 'replace', path: 'title', value: { a: 1 } }, 'invalidValue'],
  [{ op: 'replace', path: 'active', value: 'maybe' }, 'invalidValue'],
  [{ op: 'move', path: 'title', value: 'x' }, 'invalidSyntax'],
);

/** Several at once, because requests wait more than they work. */
const crowd = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 4, maxLength: 4 });

eachProfile(rollcall, 'PATCH as a model has it', ({ scim, strict }) => {
  test('operations do what the RFC says and nothing else; again they change as the model says (PAT-08, PAT-18)', async () => {
    const history = fc.tuple(
      arbitraryPatchedUser,
      fc.array(fc.array(written, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 }),
    );
    await fc.assert(
      fc.asyncProperty(crowd(history), async (histories) => {
        await Promise.all(
          histories.map(async ([user, requests]) => {
            let read = await createUser(scim, bodyOf(user));
            for (const operations of requests) {
              read = await checkPatch(scim, read, operations, !strict);
              read = await checkPatch(scim, read, operations, !strict);
            }
          }),
        );
      }),
      { numRuns: 8 },
    );
  });

  test('one refused operation leaves nothing of the others (PAT-09)', async () => {
    const attempt = fc.tuple(
      arbitraryPatchedUser,
      fc.array(written, { maxLength: 3 }),
      fc.array(written, { maxLength: 2 }),
      refused,
    );
    await fc.assert(
      fc.asyncProperty(crowd(attempt), async (attempts) => {
        await Promise.all(
          attempts.map(async ([user, before, behind, [operation, scimType]]) => {
            const created = await createUser(scim, bodyOf(user));
            const path = `/Users/${created.id}`;
            const operations = [...before.map(jsonOf), operation, ...behind.map(jsonOf)];
            const answer = await scim('PATCH', path, patchBody(...operations));
            // One of the others may have no target, and be told first.
            assertError(answer, 400, answer.body.scimType === 'noTarget' ? 'noTarget' : scimType);
            assert.deepEqual((await scim('GET', path)).body, created);
          }),
        );
      }),
      { numRuns: 8 },
    );
  });

  test('an add or replace of proper values has nothing to do the second time (PAT-37)', async () => {
    const repeatable = written.filter(({ operation }) => isRepeatable(operation));
    await fc.assert(
      fc.asyncProperty(crowd(fc.tuple(arbitraryPatchedUser, repeatable)), async (attempts) => {
        await Promise.all(
          attempts.map(async ([user, operation]) => {
            const { id } = await createUser(scim, bodyOf(user));
            const request = () => scim('PATCH', `/Users/${id}`, patchBody(jsonOf(operation)));
            const first = await request();
            const second = await request();
            assert.deepEqual([second.status, second.body.meta], [first.status, first.body.meta]);
          }),
        );
      }),
      { numRuns: 10 },
    );
  });
});

/**
 * Whether an operation describes a state to be reached: a filter must not test what the operation changes, of the values
 * it lists each is told from the others by its `value`, and no more than one becomes primary.
 */
function isRepeatable({ op, where, sub, value }: NaiveOperation): boolean {
  if (op === 'remove' || (sub === 'primary' && value === true)) return false;
  if (where !== undefined) return sub !== '' && !(sub in where);
  const items: readonly { value?: unknown; primary?: boolean }[] = Array.isArray(value) ? value : [];
  return items.every((item) => item.value !== undefined) && items.filter(({ primary }) => primary).length < 2;
}
