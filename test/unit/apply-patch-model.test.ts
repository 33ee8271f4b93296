import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { applyPatch } from '../../services/directory/patch/apply-patch.ts';
import { type NaiveOperation, naivePatch } from '../support/naive-patch.ts';
import { frozen, type PatchStep, patchOperations } from '../support/patch-operations.ts';

const User = createSchemaRegistry().resourceType('User');
assert(User);
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** Resources and values are plain objects, as JSON makes them. */
const plain = { noNullPrototype: true };
const word = fc.constantFrom('a', 'b', 'c');
const label = fc.constantFrom('work', 'home');
const value = fc
  .record(
    { value: fc.constantFrom('a', 'A', 'b', 'c'), type: label, primary: fc.boolean(), display: word },
    { requiredKeys: [], ...plain },
  )
  .filter((item) => Object.keys(item).length > 0);
const values = fc.array(value, { minLength: 1, maxLength: 3 });
/** A list as the directory stores it: one primary at most, no value twice. */
const storedValues = fc
  .uniqueArray(value, {
    minLength: 1,
    maxLength: 3,
    selector: (item) =>
      item.value === undefined ? JSON.stringify(sorted(item)) : `${item.type}=${item.value.toLowerCase()}`,
  })
  .map((items) => {
    const primary = items.findIndex((item) => item.primary);
    return items.map((item, index) => (index > primary && item.primary ? { ...item, primary: false } : item));
  });
const arbitraryUser: fc.Arbitrary<JsonObject> = fc.record(
  {
    userName: word,
    title: word,
    active: fc.boolean(),
    name: fc.record({ givenName: word, familyName: word }, plain),
    emails: storedValues,
    phoneNumbers: storedValues,
    enterprise: fc.record({ department: word, manager: fc.record({ value: word }, plain) }, plain),
  },
  { requiredKeys: ['userName'], ...plain },
);
const nullable = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary }, { weight: 1, arbitrary: fc.constant(null) });
const kind = fc.constantFrom('add', 'remove', 'replace');
const nowhere = fc.constant(undefined);
const no = fc.constant(false);
const yes = fc.constant(true);
const none = fc.constant('');
const names = fc.record({ givenName: nullable(word), middleName: word }, { requiredKeys: [], ...plain });
const where = fc.oneof(
  fc.record({ type: label }, plain),
  fc.record({ value: word }, plain),
  fc.record({ type: label, primary: fc.boolean() }, plain),
);
const list = fc.constantFrom('emails', 'phoneNumbers');
const arbitraryOperation: fc.Arbitrary<NaiveOperation> = fc.oneof(
  fc.record({
    op: kind,
    enterprise: no,
    attribute: fc.constant('title'),
    sub: none,
    where: nowhere,
    value: nullable(word),
  }),
  fc.record({
    op: kind,
    enterprise: no,
    attribute: fc.constant('active'),
    sub: none,
    where: nowhere,
    value: nullable(fc.boolean()),
  }),
  fc.record({
    op: kind,
    enterprise: no,
    attribute: fc.constant('name'),
    sub: none,
    where: nowhere,
    value: nullable(names),
  }),
  fc.record({
    op: kind,
    enterprise: no,
    attribute: fc.constant('name'),
    sub: fc.constantFrom('givenName', 'familyName'),
    where: nowhere,
    value: nullable(word),
  }),
  fc.record({
    op: kind,
    enterprise: yes,
    attribute: fc.constant('department'),
    sub: none,
    where: nowhere,
    value: nullable(word),
  }),
  fc.record({
    op: kind,
    enterprise: yes,
    attribute: fc.constant('manager'),
    sub: fc.constant('value'),
    where: nowhere,
    value: nullable(word),
  }),
  fc.record({
    op: kind,
    enterprise: no,
    attribute: list,
    sub: none,
    where: nowhere,
    value: nullable(fc.oneof(values, value)),
  }),
  fc.record({ op: kind, enterprise: no, attribute: list, sub: none, where, value: nullable(value) }),
  fc.record({
    op: kind,
    enterprise: no,
    attribute: list,
    sub: fc.constantFrom('value', 'display'),
    where: fc.oneof(where, nowhere),
    value: nullable(word),
  }),
  fc.record({
    op: kind,
    enterprise: no,
    attribute: list,
    sub: fc.constant('primary'),
    where: fc.oneof(where, nowhere),
    value: nullable(fc.boolean()),
  }),
);

function stepOf({
  op,
  enterprise: inside,
  attribute,
  sub,
  where: terms,
  value: given,
}: NaiveOperation): PatchStep {
  const filter = Object.entries(terms ?? {}).map(([key, item]) => `${key} eq ${JSON.stringify(item)}`);
  const brackets = filter.length === 0 ? '' : `[${filter.join(' and ')}]`;
  return [
    op,
    `${inside ? `${enterprise}:` : ''}${attribute}${brackets}${sub === '' ? '' : `.${sub}`}`,
    given,
  ];
}

function sorted(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(sorted);
  if (typeof item !== 'object' || item === null) return item;
  return Object.fromEntries(
    Object.entries(item)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}

it('PATCH does what the RFC says, whatever the operations', () => {
  const lists = ['emails', 'phoneNumbers'];
  fc.assert(
    fc.property(
      arbitraryUser,
      fc.array(arbitraryOperation, { maxLength: 6 }),
      fc.boolean(),
      (user, operations, create) => {
        const expected = naivePatch(user, operations, { lists, create });
        const apply = () =>
          applyPatch(
            User,
            frozen(user),
            patchOperations(User, operations.map(stepOf)),
            create ? OnNoTarget.CREATE : OnNoTarget.ERROR,
          );
        if (expected === undefined) {
          assert.throws(apply, { reason: ErrorReason.NO_TARGET });
          return;
        }
        const result = apply();
        assert.deepEqual(result, expected);
        assert.equal(result === user, JSON.stringify(sorted(result)) === JSON.stringify(sorted(user)));
      },
    ),
    { numRuns: 5_000 },
  );
});
