import type { ClientSession } from 'mongodb';
import type { ResourceState } from '../decision.ts';
import type { Database } from './database.ts';
import { idOfKey, isResourceId, keyParts, resourceKey } from './documents.ts';

/**
 * Reads users that are gone for their identity provider and kept for internal services, by id: inactive, last modified when
 * they were deleted. An id under which none is kept, whatever its form, is not in the answer.
 */
export async function findDeletedUsers(
  database: Database,
  connection: string,
  ids: readonly string[],
  session?: ClientSession,
): Promise<ReadonlyMap<string, ResourceState>> {
  const found = new Map<string, ResourceState>();
  const keys = [...new Set(ids)].filter(isResourceId).map((id) => resourceKey(connection, id));
  for (const part of keyParts(keys)) {
    const points = database.points(part, connection);
    const kept = await database.deletedUsers.find(points, session ? { session } : {}).toArray();
    for (const { _id, resource, version, created, deleted } of kept) {
      const id = idOfKey(_id);
      found.set(id, { id, resource, version, created, lastModified: deleted });
    }
  }
  return found;
}
