import type { ClientSession } from 'mongodb';
import { OnDelete } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ConnectionSettings } from '../decision.ts';
import { connectionNotFound } from '../errors.ts';
import type { Database } from './database.ts';
import type { HeadDocument } from './documents.ts';

/**
 * The settings of a connection in the transaction that has read its head. Every write and every change of the settings
 * writes the head, so no write is ever committed that was decided by other settings than those in force.
 * CONNECTION_NOT_FOUND.
 */
export async function readSettings(
  database: Database,
  { connection: id, settings }: HeadDocument,
  session: ClientSession,
): Promise<ConnectionSettings> {
  if (settings) return { id, ...settings };
  const found = await database.connections.findOne(database.point(id, id), { session });
  if (!found) throw connectionNotFound(id);
  const { uniqueGroupNames, requiredAttributes = [], onDelete = OnDelete.REMOVE } = found;
  return { id, uniqueGroupNames, requiredAttributes, onDelete };
}
