import { ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { changeType } from './change-type.ts';
import { DirectoryError } from './errors.ts';
import { changeKeys } from './mongo/change-log.ts';
import type { Database } from './mongo/database.ts';
import {
  type ConsumerDocument,
  changeKey,
  consumerKey,
  type HeadDocument,
  isConsumerName,
  maxQueryKeys,
} from './mongo/documents.ts';
import type { Heads, ReadLimits } from './mongo/heads.ts';

/** A consumer and how far behind it is. */
export interface ConsumerState {
  /** The consumer. */
  readonly consumer: ConsumerDocument;
  /** How many changes it has not acknowledged. */
  readonly lag: number;
  /** When the oldest of them that is kept was made. */
  readonly laggingSince: Date | undefined;
}

/** Those who follow the log of a connection and say how far they are. */
export interface Consumers {
  /**
   * Makes one known, from a position or the present one; one that is known stays. CONNECTION_NOT_FOUND,
   * POSITION_NOT_REACHED, LIMIT_EXCEEDED.
   */
  register(
    connection: string,
    name: string,
    after: number | undefined,
    limits: ReadLimits,
  ): Promise<ConsumerState>;
  /** Notes what one has done; answers the position that is acknowledged now. CONSUMER_NOT_FOUND, POSITION_NOT_REACHED. */
  acknowledge(connection: string, name: string, position: number, limits: ReadLimits): Promise<number>;
  /** Reads all of a connection, by name. CONNECTION_NOT_FOUND. */
  list(connection: string): Promise<readonly ConsumerState[]>;
  /** Forgets one. CONSUMER_NOT_FOUND. */
  remove(connection: string, name: string): Promise<void>;
}

// Each is a series of metrics.
const maxConsumers = 100;

const deprovisionings: ReadonlySet<ChangeType> = new Set([
  ChangeType.USER_DEACTIVATED,
  ChangeType.USER_DELETED,
]);

/** Hears that a consumer has acknowledged a user's deactivation or deletion, so many seconds after that was asked for. */
export type AcknowledgementRecorder = (consumer: string, seconds: number) => void;

/** Makes the operations on consumers. */
export function createConsumers(
  database: Database,
  heads: Heads,
  recordAcknowledgement: AcknowledgementRecorder,
  clock: () => number,
): Consumers {
  const { consumers, changes } = database;
  const pointOf = (connection: string, name: string) =>
    database.point(consumerKey(connection, name), connection);

  async function find(connection: string, name: string): Promise<ConsumerDocument> {
    const found = isConsumerName(name) ? await consumers.findOne(pointOf(connection, name)) : undefined;
    if (!found) throw consumerNotFound(name);
    return found;
  }

  async function stateOf(consumer: ConsumerDocument, head: HeadDocument): Promise<ConsumerState> {
    const lag = Math.max(0, head.position - consumer.position);
    const oldest = changeKey(head.connection, Math.max(head.floor, consumer.position + 1));
    const record =
      lag > 0
        ? await changes.findOne(database.point(oldest, head.connection), { projection: { time: 1 } })
        : null;
    return { consumer, lag, laggingSince: record?.time };
  }

  async function refuseTooMany(connection: string, name: string) {
    const known = await consumers.find({ connection }, { projection: { name: 1 } }).toArray();
    if (known.length < maxConsumers || known.some((consumer) => consumer.name === name)) return;
    throw new DirectoryError(
      ErrorReason.LIMIT_EXCEEDED,
      `A connection may have at most ${maxConsumers} consumers; delete those that are gone (rollcall consumers delete).`,
      { limit: 'consumers', maximum: String(maxConsumers) },
    );
  }

  /** Records the deprovisionings among the changes after one position and up to another. */
  async function recordBetween({ connection, name }: ConsumerDocument, after: number, until: number) {
    const now = clock();
    for (let done = after; done < until; done += maxQueryKeys) {
      const keys = changeKeys(connection, done, Math.min(until, done + maxQueryKeys));
      const projection = { time: 1, 'content.kind': 1, 'content.resourceType': 1, 'content.action': 1 };
      const records = changes.find(database.points(keys, connection), {
        projection: { ...projection, 'content.active': 1, 'content.wasActive': 1 },
      });
      for await (const record of records) {
        if (deprovisionings.has(changeType(record.content)))
          recordAcknowledgement(name, Math.max(0, now - record.time.getTime()) / 1_000);
      }
    }
  }

  return {
    async register(connection, name, after, limits) {
      const head = await (after === undefined
        ? heads.read(connection)
        : heads.reached(connection, after, limits));
      await refuseTooMany(connection, name);
      const begin = { connection, name, position: after ?? head.position, registered: new Date(clock()) };
      await consumers.updateOne(pointOf(connection, name), { $setOnInsert: begin }, { upsert: true });
      // The connection may have been deleted meanwhile, and its consumers removed already.
      await heads.read(connection).catch(async (error: unknown) => {
        await consumers.deleteOne(pointOf(connection, name));
        throw error;
      });
      return stateOf(await find(connection, name), head);
    },
    async acknowledge(connection, name, position, limits) {
      const before = await find(connection, name);
      if (position <= before.position) return before.position;
      await heads.reached(connection, position, limits);
      await consumers.updateOne(pointOf(connection, name), {
        $max: { position },
        $set: { acknowledged: new Date(clock()) },
      });
      await recordBetween(before, before.position, position);
      return (await find(connection, name)).position;
    },
    async list(connection) {
      const head = await heads.read(connection);
      const found = await consumers.find({ connection }).toArray();
      found.sort((a, b) => (a.name < b.name ? -1 : 1));
      return Promise.all(found.map((consumer) => stateOf(consumer, head)));
    },
    async remove(connection, name) {
      const { name: known } = await find(connection, name);
      await consumers.deleteOne(pointOf(connection, known));
    },
  };
}

function consumerNotFound(name: string): DirectoryError {
  return new DirectoryError(
    ErrorReason.CONSUMER_NOT_FOUND,
    'No consumer of this connection has this name; register it first.',
    { consumer: name.slice(0, 64) },
  );
}
