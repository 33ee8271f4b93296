import { Counter, type Registry } from 'prom-client';
import { limits } from '../limits.ts';
import { type ScimError, tooManyRequests, toScimError } from '../scim/scim-error.ts';
import type { ClientAddress } from './client-address.ts';
import type { Exchange, Stage } from './exchange.ts';
import { createRate } from './rate.ts';
import { createRefusalHold } from './refusal-hold.ts';

/** Refuses requests that are too many, after a moment, with ScimError 429. */
export interface RateLimit {
  /**
   * Stage after `authenticate`: counts the request against its connection. A bulk request counts as one, because nothing
   * in a body plays a part.
   */
  readonly limitRate: Stage;
  /**
   * Counts a credential that was refused against the client's address. Rejects when there were too many, which says
   * nothing about what the credential was for. One that is good is never counted, nor refused for its address: an
   * identity provider sends the requests of many customers from the same ones.
   */
  countFailure(exchange: Exchange): Promise<void>;
}

/**
 * Makes a RateLimit of so many requests per second and connection; 0 lets any number of them pass. Once `stopping` fires
 * refusals are answered at once.
 */
export function createRateLimit(
  perSecond: number,
  clientAddress: ClientAddress,
  metrics: Registry,
  stopping: AbortSignal,
): RateLimit {
  const refusals = new Counter({
    name: 'rollcall_gateway_rate_limited_total',
    help: 'Requests refused with 429, by reason (rate, failures) and, where the token was good, by connection.',
    labelNames: ['reason', 'connection'],
    registers: [metrics],
  });
  const requests = perSecond === 0 ? () => 0 : createRate(perSecond, perSecond * limits.burstSeconds);
  const failures = createRate(limits.failures.perSecond, limits.failures.burst);
  const hold = createRefusalHold(stopping);

  async function refuse(key: string, signal: AbortSignal, answer: ScimError): Promise<never> {
    await hold(key, signal);
    throw answer;
  }

  return {
    limitRate({ connectionId, signal }) {
      const seconds = requests(connectionId);
      if (seconds === 0) return;
      refusals.inc({ reason: 'rate', connection: connectionId });
      const detail = `This connection may send ${perSecond} requests per second. Nothing was read or written; repeat the request after the seconds in Retry-After.`;
      return refuse(connectionId, signal, tooManyRequests(detail, seconds));
    },
    async countFailure({ http, signal }) {
      const address = clientAddress(http.req);
      const seconds = failures(address);
      if (seconds === 0) return;
      // Whoever fails may name any connection: as a label each would be kept for ever.
      refusals.inc({ reason: 'failures', connection: '' });
      const detail =
        'Too many requests from this address had a token that was refused, and so had this one. Check the token and the base URL; repeat the request after the seconds in Retry-After.';
      await refuse(address, signal, tooManyRequests(detail, seconds));
    },
  };
}

/** Makes of a stage that checks a credential one that counts those it refuses with 401. */
export function countingFailures(check: Stage, countFailure: RateLimit['countFailure']): Stage {
  return async (exchange) => {
    try {
      await check(exchange);
    } catch (error) {
      const { authorization } = exchange.http.req.headers;
      // Who shows no credential guesses none.
      if (authorization && toScimError(error).status === 401) await countFailure(exchange);
      throw error;
    }
  };
}
