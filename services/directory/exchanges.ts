import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { DirectoryError } from './errors.ts';
import { findLiveConnection } from './find-connection.ts';
import { noteUse, signedTokensId } from './last-used.ts';
import type { Database } from './mongo/database.ts';
import {
  type ConnectionDocument,
  type ExchangeDocument,
  exchangeKey,
  isResourceId,
} from './mongo/documents.ts';
import { createExchangeStore, type ExchangeQuery, type TimeRange } from './mongo/exchange-store.ts';

/** The sync log: what identity providers sent and what they were answered. */
export interface Exchanges extends AsyncDisposable {
  /**
   * Adds exchanges whose ids have the right form. Those of connections that are not there are left out. It is here that
   * the directory hears of the use of signed tokens, which the gateway checks by itself.
   */
  record(exchanges: readonly Exchange[]): Promise<void>;
  /** Reads one with its bodies. EXCHANGE_NOT_FOUND. */
  get(connection: string, id: string): Promise<ExchangeDocument>;
  /**
   * Reads a page without bodies, newest first. CONNECTION_NOT_FOUND.
   * @param range where it is open, all that is kept
   * @param beforeId the last exchange of the page before; empty for the first page
   */
  page(
    connection: string,
    query: ExchangeQuery,
    range: Partial<TimeRange>,
    limit: number,
    beforeId: string,
  ): Promise<readonly ExchangeDocument[]>;
  /**
   * Gives exchanges as they are recorded, on any instance, without bodies; at first an empty list, after which none is
   * missed. Ends when the signal is aborted, or this is disposed. CONNECTION_NOT_FOUND.
   */
  watch(
    connection: string,
    query: ExchangeQuery,
    signal: AbortSignal,
  ): AsyncIterable<readonly ExchangeDocument[]>;
}

/** What recording reads of a connection. */
type NotedConnection = Pick<ConnectionDocument, '_id' | 'status' | 'lastUsed'>;

/** For how long an exchange is kept, in milliseconds. */
export const exchangeLifetimeMs: number = 14 * 24 * 60 * 60_000;

// How far the clocks of the gateways may go before that of this machine.
const skewMs = 60_000;
// How long after its arrival an exchange may be recorded and still reach those who watch: a slow one takes a minute.
const lateMs = 2 * 60_000;
// How late this process may learn of what another one recorded.
const pollMs = 1_000;

/** Opens the log. Disposing it ends all watches. */
export function createExchanges(database: Database, clock: () => number): Exchanges {
  const store = createExchangeStore(database);
  const stopped = new AbortController();
  const news = new Map<string, PromiseWithResolvers<void>>();

  /** Resolves when this process next records an exchange of the connection. */
  function nextNews(connection: string): Promise<void> {
    const known = news.get(connection) ?? Promise.withResolvers<void>();
    news.set(connection, known);
    return known.promise;
  }

  async function liveAmong(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, NotedConnection>> {
    const found = await database.connections
      .find<NotedConnection>({ _id: { $in: [...ids] } }, { projection: { status: 1, lastUsed: 1 } })
      .toArray();
    const live = found.filter(({ status }) => status !== ConnectionStatus.DELETING);
    return new Map(live.map((connection) => [connection._id, connection]));
  }

  /** Notes when signed tokens were last used; a clock before ours makes it no later than now. */
  async function noteSignedTokens(
    connection: NotedConnection,
    exchanges: readonly Exchange[],
  ): Promise<void> {
    const times = exchanges
      .filter(({ connectionId, tokenId }) => connectionId === connection._id && isOfSignedToken(tokenId))
      .map(({ id }) => timeOfId(id));
    if (times.length === 0) return;
    await noteUse(database, connection, signedTokensId, Math.min(clock(), Math.max(...times)));
  }

  return {
    async record(exchanges) {
      const live = await liveAmong(new Set(exchanges.map(({ connectionId }) => connectionId)));
      const expire = new Date(clock() + exchangeLifetimeMs);
      const documents = exchanges
        .filter(({ connectionId }) => live.has(connectionId))
        .map((exchange) => documentOf(exchange, expire));
      if (documents.length === 0) return;
      await store.insert(documents);
      for (const id of live.keys()) {
        news.get(id)?.resolve();
        news.delete(id);
      }
      for (const connection of live.values()) await noteSignedTokens(connection, exchanges);
    },
    async get(connection, id) {
      const found = isResourceId(id) ? await store.one(connection, id) : undefined;
      if (found) return found;
      throw new DirectoryError(
        ErrorReason.EXCHANGE_NOT_FOUND,
        'The log of this connection has no exchange with this id, or no longer: they are kept for 14 days.',
        { exchange: id.slice(0, 64) },
      );
    },
    async page(connection, query, range, limit, beforeId) {
      await findLiveConnection(database, connection);
      const { since = clock() - exchangeLifetimeMs - skewMs, until = clock() + skewMs } = range;
      const last = beforeId === '' ? until : Math.min(until, timeOfId(beforeId) + 1);
      return store.page(connection, query, { since, until: last }, limit, beforeId);
    },
    async *watch(connection, query, signal) {
      await findLiveConnection(database, connection);
      const recent = () => store.keys(connection, { since: clock() - lateMs, until: clock() + skewMs });
      const ends = AbortSignal.any([signal, stopped.signal]);
      let told = new Set(await recent());
      yield [];
      while (!ends.aborted) {
        // Asked for first, so that what is recorded while the database answers is news already.
        const recorded = nextNews(connection);
        const keys = await recent();
        const found = await store.byKeys(connection, [...new Set(keys).difference(told)], query);
        told = new Set(keys);
        if (found.length > 0) yield found;
        await untilNews(recorded, ends);
      }
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
    },
  };
}

/** When an exchange arrived: a UUIDv7 begins with the time in milliseconds (RFC 9562, section 5.7). */
export function timeOfId(id: string): number {
  return Number.parseInt(id.replace('-', '').slice(0, 12), 16);
}

/** See `Exchange.token_id`. */
function isOfSignedToken(tokenId: string): boolean {
  return tokenId.startsWith('jwt_');
}

function documentOf({ id, connectionId, time: _, ...exchange }: Exchange, expire: Date): ExchangeDocument {
  return {
    _id: exchangeKey(connectionId, id),
    connection: connectionId,
    time: new Date(timeOfId(id)),
    expire,
    failed: exchange.status >= 400 || exchange.brokenOff,
    exchange,
  };
}

async function untilNews(recorded: Promise<void>, ends: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const pause = delay(pollMs, undefined, { signal: AbortSignal.any([ends, enough.signal]) });
  await Promise.race([recorded, pause.catch(() => undefined)]);
  enough.abort();
}
