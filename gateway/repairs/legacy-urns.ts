import { isJsonArray } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { mapEntriesSame, mapSame } from './keep-same.ts';
import type { BodyRepair, TextRepair } from './repair.ts';
import { textPieces } from './text-pieces.ts';

/**
 * OneLogin's templates have URNs from before the standard, in `schemas` and as keys.
 *
 * broken: `{"schemas": ["urn:scim:schemas:core:2.0"], "urn:scim:schemas:extension:enterprise:2.0": {"department": "R"}}`
 * right:  `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
 *           "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R"}}`
 */
export const legacyUrns: BodyRepair = (body, { resourceType }) =>
  mapEntriesSame(body, (key, value) => [
    currentUrn(resourceType, key),
    key.toLowerCase() === 'schemas' && isJsonArray(value)
      ? mapSame(value, (urn) => (typeof urn === 'string' ? currentUrn(resourceType, urn) : urn))
      : value,
  ]);

/**
 * The same in a PATCH path and in a filter.
 *
 * broken: `urn:scim:schemas:extension:enterprise:2.0:department eq "R"`
 * right:  `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "R"`
 */
export const legacyUrnsInText: TextRepair = (text, { resourceType }) =>
  textPieces(text)
    .map((piece) => currentUrn(resourceType, piece))
    .join('');

/** The URN, or the name behind a URN, with today's URN in place of an old one. */
function currentUrn(resourceType: ResourceType, text: string): string {
  const [whole, extension, rest = ''] =
    /^urn:scim:schemas:(?:core|extension:(\w+)):[12]\.0(?::(?:User|Group)(?=:|$))?(:.*)?$/i.exec(text) ?? [];
  if (whole === undefined) return text;
  if (extension === undefined) return resourceType.schema.id + rest;
  const current = resourceType.extensions.find(({ schema }) =>
    schema.id.toLowerCase().includes(`:extension:${extension.toLowerCase()}:`),
  );
  return current === undefined ? text : current.schema.id + rest;
}
