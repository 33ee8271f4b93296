import { type Document, MongoBulkWriteError } from 'mongodb';
import type { Database } from './database.ts';
import { type ExchangeDocument, exchangeKey, keyParts } from './documents.ts';

/** Which exchanges of a connection. */
export interface ExchangeQuery {
  /** Only those that were answered with an error or broke off. */
  readonly failed: boolean;
  /** Only those about one of these users, ids and userNames in lower case; about anybody when empty. */
  readonly users: readonly string[];
}

/** Arrived at `since` or later and before `until`, in milliseconds since 1970. */
export interface TimeRange {
  /** The first millisecond. */
  readonly since: number;
  /** The millisecond after the last one. */
  readonly until: number;
}

/** The stored exchanges. */
export interface ExchangeStore {
  /** Adds exchanges; those that are there already stay as they are. */
  insert(documents: readonly ExchangeDocument[]): Promise<void>;
  /**
   * Reads exchanges without bodies, newest first.
   * @param beforeId only those further down the list than this one, which arrived in the last millisecond of the range
   */
  page(
    connection: string,
    query: ExchangeQuery,
    range: TimeRange,
    limit: number,
    beforeId: string,
  ): Promise<readonly ExchangeDocument[]>;
  /** The keys of the exchanges that arrived in a short range. */
  keys(connection: string, range: TimeRange): Promise<readonly string[]>;
  /** Reads exchanges by their keys, as far as the query asks for them, without bodies, oldest first. */
  byKeys(
    connection: string,
    keys: readonly string[],
    query: ExchangeQuery,
  ): Promise<readonly ExchangeDocument[]>;
  /** Reads one with its bodies. */
  one(connection: string, id: string): Promise<ExchangeDocument | undefined>;
}

// A range of times is bounded on both sides; it begins narrow, for most pages are about what has just happened.
const firstWindowMs = 2 * 60_000;
const maxWindowMs = 24 * 60 * 60_000;
const duplicateKey = 11_000;

// They are what is long about an exchange.
const withoutBodies: Document = { 'exchange.requestBody': 0, 'exchange.responseBody': 0 };

/** Makes the store. */
export function createExchangeStore(database: Database): ExchangeStore {
  const { exchanges } = database;
  const within = (connection: string, { since, until }: TimeRange): Document => ({
    connection,
    time: { $gte: new Date(since), $lt: new Date(until) },
  });

  return {
    async insert(documents) {
      // A lost record is worth less than the wait for a journal: the log must not compete with what it is about.
      const options = { ordered: false, writeConcern: { w: 1, journal: false } };
      try {
        await exchanges.insertMany([...documents], options);
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
    },
    async page(connection, query, range, limit, beforeId) {
      const rest = {
        ...matchOf(query),
        ...(beforeId !== '' && { _id: { $lt: exchangeKey(connection, beforeId) } }),
      };
      const found: ExchangeDocument[] = [];
      let { until } = range;
      for (let width = firstWindowMs; until > range.since && found.length < limit; width *= 2) {
        const since = Math.max(range.since, until - Math.min(width, maxWindowMs));
        const pipeline = [
          { $match: within(connection, { since, until }) },
          { $match: rest },
          { $sort: { time: -1, _id: -1 } },
          { $limit: limit - found.length },
          { $project: withoutBodies },
        ];
        found.push(...(await exchanges.aggregate<ExchangeDocument>(pipeline).toArray()));
        until = since;
      }
      return found;
    },
    async keys(connection, range) {
      const found = await exchanges.find(within(connection, range), { projection: { _id: 1 } }).toArray();
      return found.map(({ _id }) => _id);
    },
    async byKeys(connection, keys, query) {
      const found: ExchangeDocument[] = [];
      for (const part of keyParts(keys)) {
        const pipeline = [
          { $match: database.points(part, connection) },
          { $match: matchOf(query) },
          { $project: withoutBodies },
        ];
        found.push(...(await exchanges.aggregate<ExchangeDocument>(pipeline).toArray()));
      }
      return found.sort((a, b) => (a._id < b._id ? -1 : 1));
    },
    async one(connection, id) {
      const found = await exchanges.findOne(database.point(exchangeKey(connection, id), connection));
      return found ?? undefined;
    },
  };
}

function matchOf({ failed, users }: ExchangeQuery): Document {
  return { ...(failed && { failed }), ...(users.length > 0 && { 'exchange.users': { $in: users } }) };
}

/** Whether all that an insert missed was there already, as after an answer that got lost. */
function isDuplicate(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const errors = [error.writeErrors].flat();
  return errors.length > 0 && errors.every(({ code }) => code === duplicateKey);
}
