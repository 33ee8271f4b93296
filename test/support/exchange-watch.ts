import {
  type Exchange,
  ExchangeFilter,
  WatchExchangesRequest,
} from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { DirectoryClients } from './directory.ts';

/** Waits for what is recorded in a connection's sync log. */
export interface ExchangeWatch extends AsyncDisposable {
  /** The next exchange with its bodies, in the order in which they are recorded. */
  next(): Promise<Exchange>;
}

/** Begins to watch: what is recorded from now on is told. */
export async function watchExchanges(
  { exchanges }: Pick<DirectoryClients, 'exchanges'>,
  connectionId: string,
  filter: Partial<ExchangeFilter> = {},
): Promise<ExchangeWatch> {
  const request = WatchExchangesRequest.fromPartial({
    connectionId,
    filter: ExchangeFilter.fromPartial(filter),
  });
  const stream = exchanges.watchExchanges(request)[Symbol.asyncIterator]();
  await stream.next();
  const arrived: Exchange[] = [];
  return {
    async next() {
      while (arrived.length === 0) {
        const { done, value } = await stream.next();
        if (done) throw new Error('the watch ended');
        arrived.push(...value.exchanges);
      }
      const { exchange } = await exchanges.getExchange({ connectionId, id: arrived.shift()?.id ?? '' });
      if (exchange === undefined) throw new Error('the exchange that was told of is not there');
      return exchange;
    },
    async [Symbol.asyncDispose]() {
      await stream.return?.();
    },
  };
}
