import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ConnectionSettings, IdPair, Reader, View } from './decision.ts';
import { DirectoryError } from './errors.ts';
import { claimedEntries, uniqueEntries } from './mongo/fold.ts';

/**
 * The unique values that a resource is to have, as far as another may have them: no other has one that the resource itself
 * has already, by a unique index. `previous` is what is stored of it.
 */
export function entriesToClaim(
  type: ResourceType,
  id: string,
  resource: JsonObject,
  previous: JsonObject,
  settings: ConnectionSettings,
): readonly string[] {
  const own = uniqueEntries(type, id, previous);
  return claimedEntries(type, id, resource, settings).filter((entry) => !own.includes(entry));
}

/** Loads who has unique values. */
export async function loadOwners(
  reader: Reader,
  type: ResourceType,
  entries: readonly string[],
): Promise<void> {
  await Promise.all(entries.map((entry) => reader.owner(type, entry)));
}

/** Refuses a resource whose unique values another one has. UNIQUENESS. `self` is its id once it is stored. */
export function refuseTaken(
  view: View,
  type: ResourceType,
  entries: readonly string[],
  self: string | undefined,
): void {
  const entry = entries.find((one) => ![undefined, self].includes(view.owner(type, one)));
  if (entry !== undefined) throw taken(type, attributeOfEntry(type, entry));
}

/** The error for an attribute that is to become unique while resources share a value of it. */
export function valuesShared(
  resourceType: string,
  attribute: string,
  pairs: readonly IdPair[],
): DirectoryError {
  const named = pairs.map(([first, second]) => `${first} and ${second}`).join(', ');
  return new DirectoryError(
    ErrorReason.UNIQUENESS,
    `${attribute} cannot be made unique while resources of type ${resourceType} share a value of it: change or delete one of ${named}.`,
    { resource_type: resourceType, attribute, ids: pairs.map((pair) => pair.join('=')).join() },
  );
}

/** The path of the attribute whose value an entry holds. */
function attributeOfEntry(type: ResourceType, entry: string): string {
  const keys = entry.slice(0, entry.indexOf('='));
  const owner = type.extensions.find(({ field }) => keys.startsWith(`${field}.`));
  return owner ? `${owner.schema.id}:${keys.slice(owner.field.length + 1)}` : keys;
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
