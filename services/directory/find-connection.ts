import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { connectionNotFound } from './errors.ts';
import type { Database } from './mongo/database.ts';
import { type ConnectionDocument, isConnectionId } from './mongo/documents.ts';

/** Reads a connection, also one that is being deleted. CONNECTION_NOT_FOUND. */
export async function findConnection(database: Database, id: string): Promise<ConnectionDocument> {
  const found = isConnectionId(id) ? await database.connections.findOne(database.point(id, id)) : null;
  if (!found) throw connectionNotFound(id.slice(0, 64));
  return found;
}

/**
 * Reads the connection that a client names, of which nothing may be told before its credential is known to be good;
 * undefined when there is none, or it is being deleted.
 */
export async function findNamedConnection(
  database: Database,
  id: string,
): Promise<ConnectionDocument | undefined> {
  const found = isConnectionId(id) ? await database.connections.findOne(database.point(id, id)) : null;
  return found && found.status !== ConnectionStatus.DELETING ? found : undefined;
}

/** Reads a connection that is not being deleted. CONNECTION_NOT_FOUND. */
export async function findLiveConnection(database: Database, id: string): Promise<ConnectionDocument> {
  const found = await findConnection(database, id);
  if (found.status === ConnectionStatus.DELETING) throw connectionNotFound(id);
  return found;
}
