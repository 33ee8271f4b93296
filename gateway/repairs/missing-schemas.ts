import { valueOfKey } from '../scim/json-key.ts';
import { patchSchema } from '../scim/patch-step.ts';
import type { BodyRepair } from './repair.ts';

/**
 * Clients leave out `schemas`, although the URL and method say it all.
 *
 * broken: `{"userName": "ada@example.com"}`
 * right:  `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@example.com"}`
 */
export const missingSchemas: BodyRepair = (body, { resourceType }) =>
  valueOfKey(body, 'schemas') === undefined ? { ...body, schemas: [resourceType.schema.id] } : body;

/**
 * The same in a PATCH.
 *
 * broken: `{"Operations": [...]}`
 * right:  `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [...]}`
 */
export const missingPatchSchemas: BodyRepair = (body) =>
  valueOfKey(body, 'schemas') === undefined ? { ...body, schemas: [patchSchema] } : body;
