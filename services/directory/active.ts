import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';

/**
 * Whether a user may have access: only when `active` says so. A resource whose `active` was removed has none.
 */
export function isActive(resource: JsonObject): boolean {
  return resource.active === true;
}

/**
 * Completes `active` where a client left it out: true for a new user; for a replaced one what it was, so that a PUT
 * that does not mention it never gives access back.
 */
export function withActive(
  type: ResourceType,
  next: JsonObject,
  previous: JsonObject | undefined,
): JsonObject {
  if (type.name !== 'User' || next.active !== undefined) return next;
  if (!previous) return { ...next, active: true };
  return previous.active === undefined ? next : { ...next, active: previous.active };
}
