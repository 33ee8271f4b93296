import type { Middleware } from 'koa';
import { LRUCache } from 'lru-cache';
import { v7 as newUuid } from 'uuid';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { limits } from '../limits.ts';
import { createSecrets, type Secrets } from '../masking/secrets.ts';
import type { Exchange } from './exchange.ts';
import { recordOf } from './exchange-record.ts';
import type { ExchangeRecorder } from './exchange-recorder.ts';
import { createRate } from './rate.ts';
import type { RequestState } from './request-log.ts';

/**
 * Hands each exchange to the sync log once it is over. An exchange without a good credential is only counted: its sender
 * may be anybody, and the log belongs to the connection. Where access tokens are given a few of them are handed on all the
 * same, because a wrong secret shows nowhere else.
 */
export function createExchangeLog(recorder: ExchangeRecorder): Middleware<RequestState> {
  const secretsOf = createSecretsOf();
  const { ofConnection, ofAll } = limits.claimsLogged;
  const claims = createRate(ofConnection.perSecond, ofConnection.burst);
  const allClaims = createRate(ofAll.perSecond, ofAll.burst);
  const isLogged = ({ sender, connectionId }: Exchange) =>
    sender === 'known' || (sender === 'claimant' && claims(connectionId) === 0 && allClaims('') === 0);
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
      if (!isLogged(exchange)) return recorder.countStranger();
      const durationMs = Math.round(performance.now() - begin);
      const brokenOff = !http.res.writableFinished;
      recorder.record(() => recordOf(http, exchange, { id, durationMs, brokenOff }, secretsOf(exchange)));
    });
  };
}

const keptSettings = 100;

/** Makes the function that knows the secrets of an exchange; they are made once for a registry and setting. */
function createSecretsOf(): (exchange: Exchange) => Secrets {
  const ofRegistry = new WeakMap<SchemaRegistry, LRUCache<string, Secrets>>();
  return ({ registry, maskedAttributes }) => {
    const known = ofRegistry.get(registry) ?? new LRUCache<string, Secrets>({ max: keptSettings });
    ofRegistry.set(registry, known);
    const key = maskedAttributes.join();
    const secrets = known.get(key) ?? createSecrets(registry, maskedAttributes);
    known.set(key, secrets);
    return secrets;
  };
}
