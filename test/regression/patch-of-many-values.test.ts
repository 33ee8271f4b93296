import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { applyPatch } from '../../services/directory/patch/apply-patch.ts';
import { maxValueVisits } from '../../services/directory/patch/patch-budget.ts';
import { patchOperations } from '../support/patch-operations.ts';

const User = createSchemaRegistry().resourceType('User');
assert(User);
const user = User;
const emails = (count: number) => Array.from({ length: count }, (_, index) => ({ value: `a${index}` }));

// Each value was compared with each other one, for minutes, while the directory served nobody.
test('adding a hundred thousand values takes time in proportion', () => {
  const add = patchOperations(user, [['add', 'emails', emails(100_000)]]);
  const once = applyPatch(user, { userName: 'a' }, add, OnNoTarget.ERROR);
  assert.equal(Array.isArray(once.emails) && once.emails.length, 100_000);
  assert.equal(applyPatch(user, once, add, OnNoTarget.ERROR), once);
});

test('a PATCH whose operations together look at too many values is refused, naming the limit', () => {
  const few = maxValueVisits / 1_000;
  const operations = (values: number) => {
    const resource = { userName: 'a', emails: emails(values) };
    const steps = Array.from({ length: 500 }, (_, index) => {
      const path = 'emails[type eq "work" or value eq "a0"].display';
      return ['replace', path, `d${index}`] as const;
    });
    return () => applyPatch(user, resource, patchOperations(user, steps), OnNoTarget.ERROR);
  };
  assert.doesNotThrow(operations(few));
  assert.throws(operations(few + 1), {
    reason: ErrorReason.LIMIT_EXCEEDED,
    metadata: { limit: 'value visits', maximum: String(maxValueVisits), operation: '499' },
    message: /^Operation 499: .* send its operations in several requests\.$/,
  });
});
