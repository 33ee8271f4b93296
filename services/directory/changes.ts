import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { DirectoryError } from './errors.ts';
import type { Database } from './mongo/database.ts';
import { type ChangeDocument, changeKey } from './mongo/documents.ts';
import type { Heads } from './mongo/heads.ts';

/**
 * Reads the changes after a position, in order, at most `limit`; fewer at the end of the log. POSITION_PURGED when they
 * are no longer kept.
 */
export async function readChanges(
  database: Database,
  heads: Heads,
  connection: string,
  after: number,
  limit: number,
): Promise<readonly ChangeDocument[]> {
  const head = await heads.read(connection);
  if (after + 1 < head.floor) {
    throw new DirectoryError(
      ErrorReason.POSITION_PURGED,
      `Changes before ${head.floor} are no longer kept; export the connection and go on from there.`,
      { floor: String(head.floor) },
    );
  }
  const count = Math.min(limit, head.position - after);
  if (count <= 0) return [];
  const keys = Array.from({ length: count }, (_, index) => changeKey(connection, after + index + 1));
  const documents = await database.changes.find(database.points(keys, connection)).toArray();
  documents.sort((a, b) => a.position - b.position);
  // Ends at the first gap: what is behind it is not committed yet, or was purged meanwhile.
  const gap = documents.findIndex(({ position }, index) => position !== after + index + 1);
  return gap < 0 ? documents : documents.slice(0, gap);
}
