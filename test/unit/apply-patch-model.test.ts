import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { applyPatch } from '../../services/directory/patch/apply-patch.ts';
import {
  arbitraryPatchedUser,
  arbitraryPatchOperation,
  patchedLists,
  pathOf,
} from '../support/arbitrary-patch.ts';
import { naivePatch } from '../support/naive-patch.ts';
import { frozen, patchOperations } from '../support/patch-operations.ts';

const User = createSchemaRegistry().resourceType('User');
assert(User);

it('PATCH does what the RFC says, whatever the operations', () => {
  fc.assert(
    fc.property(
      arbitraryPatchedUser,
      fc.array(arbitraryPatchOperation, { maxLength: 6 }),
      fc.boolean(),
      (user, operations, create) => {
        const expected = naivePatch(user, operations, { lists: patchedLists, create });
        const steps = operations.map((each) => [each.op, pathOf(each), each.value] as const);
        const onNoTarget = create ? OnNoTarget.CREATE : OnNoTarget.ERROR;
        const apply = () => applyPatch(User, frozen(user), patchOperations(User, steps), onNoTarget);
        if (expected === undefined) {
          assert.throws(apply, { reason: ErrorReason.NO_TARGET });
          return;
        }
        const result = apply();
        assert.deepEqual(result, expected);
        assert.equal(result === user, isDeepStrictEqual(result, user));
      },
    ),
    { numRuns: 2_000 },
  );
});
