import type { Middleware } from 'koa';
import { v7 as newUuid } from 'uuid';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { createSecrets, type Secrets } from '../masking/secrets.ts';
import { recordOf } from './exchange-record.ts';
import type { ExchangeRecorder } from './exchange-recorder.ts';
import type { RequestState } from './request-log.ts';

/**
 * Hands each exchange to the sync log once it is over. An exchange without a good token is only counted: its sender may be
 * anybody, and the log belongs to the connection.
 */
export function createExchangeLog(recorder: ExchangeRecorder): Middleware<RequestState> {
  const known = new WeakMap<SchemaRegistry, Secrets>();
  const secretsOf = (registry: SchemaRegistry) => {
    const secrets = known.get(registry) ?? createSecrets(registry);
    known.set(registry, secrets);
    return secrets;
  };
  return async (http, next) => {
    const id = newUuid();
    const begin = performance.now();
    const closed = Promise.withResolvers<void>();
    http.res.once('close', closed.resolve);
    await next();
    // Not earlier: of a client that has left, the stages still find out who it was.
    void closed.promise.then(() => {
      const { exchange } = http.state;
      if (exchange === undefined) return;
      if (exchange.tokenId === '') return recorder.countStranger();
      const durationMs = Math.round(performance.now() - begin);
      const brokenOff = !http.res.writableFinished;
      recorder.record(() =>
        recordOf(http, exchange, { id, durationMs, brokenOff }, secretsOf(exchange.registry)),
      );
    });
  };
}
