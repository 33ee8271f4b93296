import type { Middleware } from 'koa';
import type { Logger } from '#runtime/logger.ts';
import { ScimError, scimErrorBody, toScimError } from '../scim/scim-error.ts';
import { sendJson } from './send-answer.ts';

/** What to say where no route answered; the router has set the status, and Allow. */
const unanswered: ReadonlyMap<number, string> = new Map([
  [
    404,
    'There is nothing at this URL. The base URL is /scim/{connection}/v2; below it are /Users, /Groups, /Schemas, /ResourceTypes and /ServiceProviderConfig.',
  ],
  [405, 'This URL does not have this method; the Allow header names those it has.'],
  [501, 'This method is not known here; the Allow header names those this URL has.'],
]);

/** Makes of anything thrown what the client sees. */
export type FailureReport = (error: unknown, requestId: string) => ScimError;

/** Makes a FailureReport that logs what the client is not told: failures nobody foresaw, and the cause of those elsewhere. */
export function createFailureReport(logger: Logger): FailureReport {
  return (error, requestId) => {
    const answer = toScimError(error);
    if (answer.status === 500) logger.error({ err: error, requestId }, 'request failed');
    // What lies outside of Rollcall: the client is told what to do, and operators why.
    else if (error instanceof ScimError && error.cause !== undefined)
      logger.warn({ err: error.cause, requestId }, 'request refused for a reason elsewhere');
    return answer;
  };
}

/** Renders whatever is thrown further in, and a route that is not there, as SCIM errors (RFC 7644, section 3.12). */
export function createReportErrors(report: FailureReport): Middleware {
  return async (http, next) => {
    try {
      await next();
      const detail = http.body === undefined ? unanswered.get(http.status) : undefined;
      if (detail !== undefined) throw new ScimError(http.status, detail);
    } catch (error) {
      const answer = report(error, http.state.requestId);
      http.state.failure = answer;
      http.set(answer.headers);
      sendJson(http, answer.status, scimErrorBody(answer));
    }
  };
}
