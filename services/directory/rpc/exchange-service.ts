import {
  Exchange,
  type ExchangeFilter,
  type ExchangeServiceService,
  GetExchangeResponse,
  ListExchangesResponse,
  RecordExchangesResponse,
  WatchExchangesResponse,
} from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import { type Exchanges, timeOfId } from '../exchanges.ts';
import { type ExchangeDocument, idOfKey, isConnectionId, isResourceId } from '../mongo/documents.ts';
import type { ExchangeQuery } from '../mongo/exchange-store.ts';
import { type PageTokens, queryDigest } from '../mongo/page-token.ts';
import { checkConnection, defaultPageSize, maxPageSize, requestInvalid } from './request-checks.ts';

const maxBatch = 1_000;
const maxQueryUsers = 10;
const kib = 1_024;
const headerNames: readonly string[] = ['accept', 'content-type', 'if-match', 'if-none-match'];
// An exchange without bodies is 8 KiB of path and some kilobytes of names at most.
const exchangesPerMessage = 100;

/** Serves ExchangeService. */
export function exchangeService(
  exchanges: Exchanges,
  pageTokens: PageTokens,
): ServiceHandlers<typeof ExchangeServiceService> {
  return {
    async recordExchanges({ exchanges: recorded }) {
      if (recorded.length > maxBatch) throw requestInvalid('exchanges', `must be at most ${maxBatch}`);
      recorded.forEach(checkExchange);
      await exchanges.record(recorded);
      return RecordExchangesResponse.fromPartial({});
    },
    async *listExchanges({ connectionId, filter, pageSize, pageToken }) {
      const connection = checkConnection(connectionId);
      if (pageSize < 0 || pageSize > maxPageSize)
        throw requestInvalid('page_size', `must be 0 to ${maxPageSize}`);
      const limit = pageSize || defaultPageSize;
      const query = queryOf(filter);
      const since = filter?.since?.getTime();
      const until = filter?.until?.getTime();
      const digest = queryDigest('exchanges', connection, JSON.stringify([query, since, until]));
      const before = pageToken === '' ? '' : pageTokens.open(pageToken, digest).afterId;
      const range = { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
      const found = await exchanges.page(connection, query, range, limit, before);
      const last = found.length === limit ? found.at(-1) : undefined;
      for (let start = 0; start === 0 || start < found.length; start += exchangesPerMessage) {
        const isLastPart = start + exchangesPerMessage >= found.length;
        yield ListExchangesResponse.fromPartial({
          exchanges: found.slice(start, start + exchangesPerMessage).map(exchangeMessage),
          nextPageToken:
            last && isLastPart ? pageTokens.seal({ query: digest, afterId: idOfKey(last._id) }) : '',
        });
      }
    },
    async getExchange({ connectionId, id }) {
      const found = await exchanges.get(checkConnection(connectionId), id);
      return GetExchangeResponse.fromPartial({ exchange: exchangeMessage(found) });
    },
    async *watchExchanges({ connectionId, filter }, { signal }) {
      for await (const found of exchanges.watch(checkConnection(connectionId), queryOf(filter), signal)) {
        for (let start = 0; start === 0 || start < found.length; start += exchangesPerMessage) {
          const part = found.slice(start, start + exchangesPerMessage);
          yield WatchExchangesResponse.fromPartial({ exchanges: part.map(exchangeMessage) });
        }
      }
    },
  };
}

function queryOf(filter: ExchangeFilter | undefined): ExchangeQuery {
  const { failed = false, users = [] } = filter ?? {};
  if (users.length > maxQueryUsers) throw requestInvalid('filter.users', `must be at most ${maxQueryUsers}`);
  return { failed, users: users.map((user) => user.toLowerCase()) };
}

function exchangeMessage({ _id, connection, exchange }: ExchangeDocument): Exchange {
  const id = idOfKey(_id);
  return Exchange.fromPartial({ ...exchange, id, connectionId: connection, time: new Date(timeOfId(id)) });
}

/** Refuses what is larger than the contract says: the log has room for what it was made for. */
function checkExchange(exchange: Exchange): void {
  if (!isConnectionId(exchange.connectionId))
    throw requestInvalid('exchanges.connection_id', 'must be the id of a connection');
  if (!isResourceId(exchange.id)) throw requestInvalid('exchanges.id', 'must be a UUIDv7 in lower case');
  checkText('request_id', exchange.requestId, 64);
  checkText('token_id', exchange.tokenId, 64);
  checkText('method', exchange.method, 16);
  checkText('path', exchange.path, 8 * kib);
  checkText('base_url', exchange.baseUrl, 512);
  checkText('request_body', exchange.requestBody, 16 * kib);
  checkText('response_body', exchange.responseBody, 16 * kib);
  checkText('error_detail', exchange.errorDetail, 4 * kib);
  checkText('scim_type', exchange.scimType, 64);
  checkText('resource_type', exchange.resourceType, 64);
  checkText('resource_id', exchange.resourceId, 256);
  checkList('repairs', exchange.repairs, 100);
  checkList('ignored', exchange.ignored, 100);
  checkList('masked', exchange.masked, 100);
  checkList('users', exchange.users, 100);
  for (const [name, value] of Object.entries(exchange.headers)) {
    if (!headerNames.includes(name))
      throw requestInvalid('exchanges.headers', `must be among ${headerNames.join(', ')}`);
    checkText('headers', value, 512);
  }
}

function checkList(field: string, list: readonly string[], count: number): void {
  if (list.length > count) throw requestInvalid(`exchanges.${field}`, `must be at most ${count}`);
  for (const text of list) checkText(field, text, 256);
}

function checkText(field: string, text: string, bytes: number): void {
  if (Buffer.byteLength(text) > bytes)
    throw requestInvalid(`exchanges.${field}`, `must have at most ${bytes} bytes`);
}
