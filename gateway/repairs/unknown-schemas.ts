import { isJsonArray } from '#scim/json.ts';
import { mapEntriesSame } from './keep-same.ts';
import type { BodyRepair } from './repair.ts';

/**
 * Entra ID names schemas of its own beside the right one. One that stands alone is left for the error it deserves.
 *
 * broken: `"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.example.com/2006/11/Group"]`
 * right:  `"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]`
 */
export const unknownSchemas: BodyRepair = (body, { resourceType }) =>
  mapEntriesSame(body, (key, value) => {
    if (key.toLowerCase() !== 'schemas' || !isJsonArray(value)) return [key, value];
    const known = value.filter(
      (urn) =>
        typeof urn !== 'string' ||
        urn.toLowerCase() === resourceType.schema.id.toLowerCase() ||
        resourceType.findExtension(urn),
    );
    return [key, known.length === 0 || known.length === value.length ? value : known];
  });
