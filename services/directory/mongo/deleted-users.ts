import type { ClientSession } from 'mongodb';
import type { ResourceState } from '../decision.ts';
import type { Database } from './database.ts';
import { isResourceId, resourceKey } from './documents.ts';

/**
 * Reads a user that is gone for its identity provider and kept for internal services: inactive, last modified when it was
 * deleted. Undefined when none is kept under this id, whatever its form.
 */
export async function findDeletedUser(
  database: Database,
  connection: string,
  id: string,
  session?: ClientSession,
): Promise<ResourceState | undefined> {
  if (!isResourceId(id)) return undefined;
  const point = database.point(resourceKey(connection, id), connection);
  const found = await database.deletedUsers.findOne(point, session ? { session } : {});
  if (!found) return undefined;
  const { resource, version, created, deleted } = found;
  return { id, resource, version, created, lastModified: deleted };
}
