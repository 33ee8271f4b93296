import type { Database } from './database.ts';
import { type ChangeDocument, changeKey } from './documents.ts';

/** The keys of the change records after one position and up to another. */
export function changeKeys(connection: string, after: number, until: number): string[] {
  return Array.from({ length: until - after }, (_, index) => changeKey(connection, after + index + 1));
}

/**
 * Reads the change records after one position and up to another, at most 1,000 further, in order. Ends at the first gap:
 * what is behind it cannot be seen yet, or was purged meanwhile.
 */
export async function readRecords(
  database: Database,
  connection: string,
  after: number,
  until: number,
): Promise<readonly ChangeDocument[]> {
  const keys = changeKeys(connection, after, until);
  const documents = await database.changes.find(database.points(keys, connection)).toArray();
  documents.sort((a, b) => a.position - b.position);
  const gap = documents.findIndex(({ position }, index) => position !== after + index + 1);
  return gap < 0 ? documents : documents.slice(0, gap);
}
