import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Reader, View } from './decision.ts';
import { DirectoryError } from './errors.ts';
import { claimedEntries } from './mongo/fold.ts';

/** Loads who has the unique values that a resource is to have. */
export async function loadOwners(
  reader: Reader,
  type: ResourceType,
  id: string,
  resource: JsonObject,
): Promise<void> {
  await Promise.all(
    claimedEntries(type, id, resource, reader.settings).map((entry) => reader.owner(type, entry)),
  );
}

/** Refuses a resource whose unique values another one has. UNIQUENESS. `self` is its id once it is stored. */
export function refuseTaken(
  view: View,
  type: ResourceType,
  entries: readonly string[],
  self: string | undefined,
): void {
  const entry = entries.find((one) => ![undefined, self].includes(view.owner(type, one)));
  if (entry !== undefined) throw taken(type, entry.slice(0, entry.indexOf('=')));
}

/** The error for a unique value that another resource has. */
export function taken(type: ResourceType, attribute: string): DirectoryError {
  // An id may be that of a resource of another type.
  const owner = attribute === 'id' ? 'resource' : type.name;
  return new DirectoryError(
    ErrorReason.UNIQUENESS,
    `Another ${owner} has this ${attribute}; choose another value, or change that resource instead.`,
    { resource_type: type.name, attribute },
  );
}
