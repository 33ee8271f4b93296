import type { ClientSession } from 'mongodb';
import { OnDelete, UnknownAttributes } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ConnectionSettings, WriteSettings } from '../decision.ts';
import { connectionNotFound } from '../errors.ts';
import type { ConnectionTypes } from './connection-types.ts';
import type { Database } from './database.ts';
import type { HeadDocument } from './documents.ts';

/** Of all that is known of a connection the settings that a head carries, with the defaults of those that are absent. */
export function writeSettingsOf({
  uniqueGroupNames,
  requiredAttributes = [],
  onDelete = OnDelete.REMOVE,
  unknownAttributes = UnknownAttributes.DROP,
  extensionsRevision = '',
  refolding = [],
  attributeMapping,
}: Pick<WriteSettings, 'uniqueGroupNames'> & Partial<WriteSettings>): WriteSettings {
  return {
    uniqueGroupNames,
    requiredAttributes,
    onDelete,
    unknownAttributes,
    extensionsRevision,
    refolding,
    ...(attributeMapping && { attributeMapping }),
  };
}

/**
 * The settings of a connection in the transaction that has read its head. Every write and every change of the settings
 * writes the head, so no write is ever committed that was decided by other settings than those in force.
 * CONNECTION_NOT_FOUND.
 */
export async function readSettings(
  database: Database,
  types: ConnectionTypes,
  head: HeadDocument,
  session: ClientSession,
): Promise<ConnectionSettings> {
  const { connection: id } = head;
  const registry = await types.of(head, session);
  if (head.settings) return { id, registry, ...writeSettingsOf(head.settings) };
  const found = await database.connections.findOne(database.point(id, id), { session });
  if (!found) throw connectionNotFound(id);
  return { id, registry, ...writeSettingsOf(found) };
}
