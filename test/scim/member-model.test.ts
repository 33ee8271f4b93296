import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { type NaiveMemberChange, naiveMembers } from '../support/naive-members.ts';
import { startRollcall } from '../support/rollcall.ts';
import { assertError, createGroup, createUser, eachProfile, ids, patchBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

/** Who may become a member, by number: users, a group, and one that does not exist. */
const pool = fc.integer({ min: 0, max: 5 });
const unknown = 5;
const stranger = '01920000-0000-7000-8000-000000000000';

/** A change with numbers for ids, and how it is written. */
interface Change {
  readonly op: NaiveMemberChange['op'];
  readonly numbers: readonly number[];
  readonly kind: 'User' | 'Group';
  readonly form: number;
}

const existing = pool.filter((number) => number !== unknown);
const anyChange: fc.Arbitrary<Change> = fc.record({
  op: fc.constantFrom('add', 'add', 'remove', 'remove', 'replace', 'removeKind'),
  numbers: fc.array(fc.oneof({ weight: 12, arbitrary: existing }, pool), { maxLength: 4 }),
  kind: fc.constantFrom('User', 'Group'),
  form: fc.nat(2),
});

eachProfile(rollcall, 'PATCH of members as a model has it', ({ scim, strict }) => {
  test('changes them, and only once (PAT-09, PAT-37, PAT-52, PAT-53, PAT-57, PAT-72)', async () => {
    const users = await Promise.all([1, 2, 3, 4].map(() => createUser(scim)));
    const nested = await createGroup(scim);
    const known: string[] = [...users.map(({ id }) => id), nested.id];
    const kinds = new Map(known.map((id) => [id, id === nested.id ? 'Group' : 'User'] as const));
    const idOf = (number: number) => known[number] ?? stranger;

    /** One member change, as operations of a PATCH. */
    function operationsOf({ op, numbers, kind, form }: Change): readonly object[] {
      const values = numbers.map((number) => ({ value: idOf(number) }));
      if (op === 'removeKind') return [{ op: 'remove', path: `members[type eq "${kind}"]` }];
      if (op === 'remove') {
        const terms = values.map(({ value }) => `value eq "${value}"`);
        if (form === 0) return terms.map((term) => ({ op, path: `members[${term}]` }));
        if (form === 1 && !strict) return [{ op, path: 'members', value: values }];
        return terms.length === 0 ? [] : [{ op, path: `members[${terms.join(' or ')}]` }];
      }
      if (form === 0) return [{ op, value: { members: values } }];
      const [only, ...others] = values;
      return [{ op, path: 'members', value: form === 1 && only && others.length === 0 ? only : values }];
    }

    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(existing, { maxLength: 4 }),
        fc.array(anyChange, { minLength: 1, maxLength: 4 }),
        async (first, changes) => {
          const operations = changes.flatMap(operationsOf);
          fc.pre(operations.length > 0);
          const members = first.map(idOf);
          const group = await createGroup(scim, { members: members.map((value) => ({ value })) });
          const path = `/Groups/${group.id}`;
          const meant = changes.map(({ op, numbers, kind }) =>
            op === 'removeKind' ? { op, kind } : { op, ids: numbers.map(idOf) },
          );
          const expected = naiveMembers(members, meant, kinds);
          const answer = await scim('PATCH', path, patchBody(...operations));
          const after = (await scim('GET', path)).body;
          if (expected === undefined) {
            assertError(answer, 400, 'invalidValue');
            assert.deepEqual(after, group);
            return;
          }
          assert.deepEqual([answer.status, answer.body], [204, undefined]);
          assert.equal(answer.headers.get('etag'), after.meta.version);
          assert.deepEqual(ids(after.members), expected);
          const isSame = JSON.stringify([...members].sort()) === JSON.stringify(expected);
          assert.equal(
            after.meta.version === group.meta.version,
            isSame,
            'a new version for new members alone',
          );

          const again = await scim('PATCH', `${path}?attributes=members`, patchBody(...operations));
          assert.equal(again.status, 200);
          assert.deepEqual(ids(again.body.members), naiveMembers(expected, meant, kinds));
          if (changes.length === 1)
            assert.deepEqual((await scim('GET', path)).body, after, 'nothing to do twice');
        },
      ),
      { numRuns: 20 },
    );
  });
});
