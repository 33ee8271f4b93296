import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Logger } from '#runtime/logger.ts';
import type { Exchange } from './exchange.ts';

/** What the outermost middleware and the stages share about a request. */
export interface RequestState {
  /** Names the request; the client's `X-Request-Id` when that is fit for it. */
  requestId: string;
  /** Set by the route: its pattern, so that no id or name of a person is logged with the path. */
  route?: string;
  /** Set by the route. */
  connectionId?: string;
  /** Set by the route: the repairs that were made. */
  repairs?: ReadonlySet<string>;
  /** Set by the route: unknown attributes that were left out. */
  ignored?: ReadonlySet<string>;
  /** The exchange, once a route has begun it. */
  exchange?: Exchange;
  /** The error that it is answered with: its text, and the keyword of SCIM or OAuth. */
  failure?: { readonly message: string; readonly scimType: string | undefined };
  /** The beginning of an answer that is sent while it is made, longer than what the sync log keeps of it. */
  answerBegin?: string;
}

/** Names each request, and logs and counts it when it is answered: never a token, a query or a value. */
export function createRequestLog(logger: Logger, metrics: Registry): Middleware<RequestState> {
  const duration = new Histogram({
    name: 'rollcall_gateway_request_seconds',
    help: 'Time to answer SCIM requests, by endpoint and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [metrics],
  });
  const repaired = new Counter({
    name: 'rollcall_gateway_repairs_total',
    help: 'Mistakes of clients that were put right, by repair.',
    labelNames: ['repair'],
    registers: [metrics],
  });
  return async (http, next) => {
    const begin = performance.now();
    const given = http.get('X-Request-Id');
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    http.state.requestId = requestId;
    http.set('X-Request-Id', requestId);
    await next();
    const { route = 'none', connectionId, repairs = new Set(), ignored = new Set() } = http.state;
    const ms = performance.now() - begin;
    const { method, status } = http;
    duration.observe({ method, route, status: String(status) }, ms / 1000);
    for (const repair of repairs) repaired.inc({ repair });
    logger.info({ requestId, connectionId, method, route, status, ms: Math.round(ms) }, 'request');
    if (repairs.size + ignored.size > 0) {
      logger.debug({ requestId, connectionId, repairs: [...repairs], ignored: [...ignored] }, 'repaired');
    }
  };
}
