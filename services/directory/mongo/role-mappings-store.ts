import { Binary, type ClientSession } from 'mongodb';
import { RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import type { RoleMappingsVersion } from '../decision.ts';
import type { Database } from './database.ts';
import { type RoleMappingsDocument, roleMappingsKey } from './documents.ts';

/** The mappings of a connection for which none were set. */
export const firstMappings: RoleMappingsVersion = {
  version: 0,
  time: undefined,
  author: '',
  rolledBackTo: 0,
  mappings: RoleMappings.fromPartial({}),
};

/** A version of the role mappings as it is stored. */
export function roleMappingsDocument(
  connection: string,
  { version, time = new Date(0), author, rolledBackTo, mappings }: RoleMappingsVersion,
): RoleMappingsDocument {
  return {
    _id: roleMappingsKey(connection, version),
    connection,
    version,
    time,
    author,
    rolledBackTo,
    count: mappings.mappings.length,
    mappings: new Binary(RoleMappings.encode(mappings).finish()),
  };
}

/** Reads a version of a connection's role mappings; undefined when there is none. Version 0 is there always. */
export async function readRoleMappings(
  database: Database,
  connection: string,
  version: number,
  session?: ClientSession,
): Promise<RoleMappingsVersion | undefined> {
  if (version === 0) return firstMappings;
  const point = database.point(roleMappingsKey(connection, version), connection);
  const found = await database.roleMappings.findOne(point, session ? { session } : {});
  if (!found) return undefined;
  const { time, author, rolledBackTo, mappings } = found;
  return { version, time, author, rolledBackTo, mappings: RoleMappings.decode(mappings.buffer) };
}

/** A version without its mappings. */
export interface RoleMappingsSummary extends Omit<RoleMappingsVersion, 'mappings'> {
  /** How many mappings it has. */
  readonly count: number;
}

/** Reads versions from `last` down, at most `limit`, without their mappings. */
export async function readRoleMappingsSummaries(
  database: Database,
  connection: string,
  last: number,
  limit: number,
): Promise<readonly RoleMappingsSummary[]> {
  const length = Math.max(0, Math.min(limit, last));
  const keys = Array.from({ length }, (_, index) => roleMappingsKey(connection, last - index));
  const found = await database.roleMappings
    .find(database.points(keys, connection), { projection: { mappings: 0 } })
    .toArray();
  return found
    .sort((a, b) => b.version - a.version)
    .map(({ version, time, author, rolledBackTo, count }) => ({
      version,
      time,
      author,
      rolledBackTo,
      count,
    }));
}
