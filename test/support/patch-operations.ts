import { PatchOp, type PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import { parseAttributePath } from '#scim/attribute-path.ts';
import type { ResourceType } from '#scim/schema-registry.ts';

/** An operation of a PATCH as tests write it: op, path as text, value. */
export type PatchStep = readonly ['add' | 'remove' | 'replace', string, unknown?];

const ops = { add: PatchOp.ADD, remove: PatchOp.REMOVE, replace: PatchOp.REPLACE };

/** The operations that a gateway would send. */
export function patchOperations(type: ResourceType, steps: readonly PatchStep[]): PatchOperation[] {
  return steps.map(([op, path, value], index) => ({
    op: ops[op],
    path: parseAttributePath(type, path),
    value,
    index,
  }));
}

/** The same value, in which any change in place throws. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(Object.freeze(value))) frozen(part);
  }
  return value;
}
