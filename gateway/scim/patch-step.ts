import { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { limits } from '../limits.ts';
import { valueOfKey } from './json-key.ts';
import { requireMessage } from './message-schema.ts';
import { ScimError } from './scim-error.ts';

/** The URN of a PATCH request's message. */
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** One operation of a PATCH, its path still text. */
export interface PatchStep {
  /** What to do. */
  readonly op: 'add' | 'remove' | 'replace';
  /** Where; absent means the resource itself. */
  readonly path?: string;
  /** The value; absent when the client sent none. */
  readonly value?: JsonValue;
  /** Its place in the client's request, from 0. */
  readonly index: number;
}

/** What the directory calls what to do. */
export const patchOps = { add: PatchOp.ADD, remove: PatchOp.REMOVE, replace: PatchOp.REPLACE } as const;

const operations: readonly string[] = Object.keys(patchOps);

/** Reads the message of a PATCH (RFC 7644, section 3.5.2); `op` may have any letter case. Throws ScimError 400, 413. */
export function readPatchSteps(body: JsonObject): readonly PatchStep[] {
  requireMessage(body, patchSchema);
  const list = valueOfKey(body, 'Operations');
  if (!isJsonArray(list) || list.length === 0) {
    throw new ScimError(400, '"Operations" must be a list of at least one operation.', 'invalidSyntax');
  }
  if (list.length > limits.patchOperations) {
    const detail = `Send at most ${limits.patchOperations} operations in one PATCH; one of them may list many members.`;
    throw new ScimError(413, detail);
  }
  return list.map(readStep);
}

function readStep(operation: JsonValue, index: number): PatchStep {
  const fail = (problem: string, scimType: 'invalidSyntax' | 'invalidValue' | 'noTarget') =>
    new ScimError(400, `Operation ${index}: ${problem}`, scimType);
  if (!isJsonObject(operation)) throw fail('must be an object.', 'invalidSyntax');
  const op = valueOfKey(operation, 'op');
  if (typeof op !== 'string' || !operations.includes(op.toLowerCase())) {
    throw fail('"op" must be "add", "remove" or "replace".', 'invalidSyntax');
  }
  const path = valueOfKey(operation, 'path') ?? undefined;
  if (path !== undefined && typeof path !== 'string') throw fail('"path" must be text.', 'invalidSyntax');
  const value = valueOfKey(operation, 'value');
  const known = op.toLowerCase() as PatchStep['op'];
  if (known === 'remove' && path === undefined) throw fail('name what to remove with "path".', 'noTarget');
  if (known !== 'remove' && value === undefined) throw fail('send a "value".', 'invalidValue');
  return { op: known, index, ...(path !== undefined && { path }), ...(value !== undefined && { value }) };
}
