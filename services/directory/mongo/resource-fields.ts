import type { ClientSession } from 'mongodb';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Database } from './database.ts';
import { idOfKey, isResourceId, keyParts, resourceKey } from './documents.ts';

/**
 * Reads some top-level attributes of resources, by id. An id that names nothing, or has another form than ids here have,
 * is not in the answer.
 */
export async function readResourceFields(
  database: Database,
  type: ResourceType,
  connection: string,
  ids: readonly string[],
  attributes: readonly string[],
  session: ClientSession | undefined,
): Promise<ReadonlyMap<string, JsonObject>> {
  const keys = [...new Set(ids)].filter(isResourceId).map((id) => resourceKey(connection, id));
  const projection = Object.fromEntries(attributes.map((attribute) => [`resource.${attribute}`, 1]));
  const found = new Map<string, JsonObject>();
  for (const part of keyParts(keys)) {
    const documents = await database
      .resources(type)
      .find(database.points(part, connection), { ...(session && { session }), projection })
      .toArray();
    for (const { _id, resource } of documents) found.set(idOfKey(_id), resource ?? {});
  }
  return found;
}
