import { isJsonArray, type JsonObject } from '#scim/json.ts';
import { valueOfKey } from './json-key.ts';
import { ScimError } from './scim-error.ts';

/** Refuses a body that is not the message with this URN (RFC 7644, section 3.1). Throws ScimError 400 `invalidSyntax`. */
export function requireMessage(body: JsonObject, urn: string): void {
  const schemas = valueOfKey(body, 'schemas');
  const isMessage =
    isJsonArray(schemas) &&
    schemas.some((schema) => typeof schema === 'string' && schema.toLowerCase() === urn.toLowerCase());
  if (!isMessage) throw new ScimError(400, `"schemas" must be ["${urn}"].`, 'invalidSyntax');
}
