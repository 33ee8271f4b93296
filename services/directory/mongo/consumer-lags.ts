import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Database } from './database.ts';
import { type ConsumerDocument, changeKey, type HeadDocument, keyParts } from './documents.ts';

/**
 * For how many milliseconds the oldest change has waited that a consumer has not acknowledged, by the consumer's name: of all
 * connections in which it is registered the longest wait, 0 when nothing waits.
 */
export async function readConsumerLags(
  database: Database,
  now: number,
): Promise<ReadonlyMap<string, number>> {
  const lags = new Map<string, number>();
  const heads = await database.heads
    .find({ status: { $ne: ConnectionStatus.DELETING } }, { projection: { position: 1, floor: 1 } })
    .toArray();
  for (const part of keyParts(heads)) {
    const byConnection = new Map(part.map((head) => [head._id, head]));
    const found = await database.consumers.find({ connection: { $in: [...byConnection.keys()] } }).toArray();
    for (const consumer of found) {
      const head = byConnection.get(consumer.connection);
      const lag = head ? await waitOf(database, consumer, head, now) : 0;
      lags.set(consumer.name, Math.max(lag, lags.get(consumer.name) ?? 0));
    }
  }
  return lags;
}

async function waitOf(
  database: Database,
  { connection, position }: ConsumerDocument,
  head: HeadDocument,
  now: number,
): Promise<number> {
  if (position >= head.position) return 0;
  const oldest = changeKey(connection, Math.max(head.floor, position + 1));
  const record = await database.changes.findOne(database.point(oldest, connection), {
    projection: { time: 1 },
  });
  return record ? Math.max(0, now - record.time.getTime()) : 0;
}
