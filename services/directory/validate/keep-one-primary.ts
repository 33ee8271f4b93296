import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';

/**
 * The values of a multi-valued attribute with at most one `primary` (RFC 7643, section 2.4): the last that was set wins and
 * the others become false. The same list when there is nothing to do.
 * @param previous the values before the change; a primary value that is not among them was set by it.
 */
export function keepOnePrimary(
  attribute: AttributeDefinition,
  values: readonly JsonValue[],
  previous: readonly JsonValue[] = [],
): readonly JsonValue[] {
  if (!attribute.subAttributes.some(({ name, type }) => name === 'primary' && type === 'boolean'))
    return values;
  const primaries = values.filter(isPrimary);
  if (primaries.length < 2) return values;
  const known = new Set(previous);
  const winner = primaries.findLast((value) => !known.has(value)) ?? primaries.at(-1);
  const place = values.lastIndexOf(winner ?? null);
  return values.map((value, index) =>
    index !== place && isPrimary(value) ? { ...value, primary: false } : value,
  );
}

function isPrimary(value: JsonValue): value is JsonObject {
  return isJsonObject(value) && value.primary === true;
}
