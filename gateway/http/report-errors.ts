import type { Middleware } from 'koa';
import type { Logger } from '#runtime/logger.ts';
import { ScimError, scimErrorBody, toScimError } from '../scim/scim-error.ts';
import { sendJson } from './send-json.ts';

/** What to say where no route answered; the router has set the status, and Allow. */
const unanswered: ReadonlyMap<number, string> = new Map([
  [
    404,
    'There is nothing at this URL. The base URL is /scim/{connection}/v2; below it are /Users, /Groups, /Schemas, /ResourceTypes and /ServiceProviderConfig.',
  ],
  [405, 'This URL does not have this method; the Allow header names those it has.'],
  [501, 'This method is not known here; the Allow header names those this URL has.'],
]);

/** Renders whatever is thrown further in, and a route that is not there, as SCIM errors (RFC 7644, section 3.12). */
export function createReportErrors(logger: Logger): Middleware {
  return async (http, next) => {
    try {
      await next();
      const detail = http.body === undefined ? unanswered.get(http.status) : undefined;
      if (detail !== undefined) throw new ScimError(http.status, detail);
    } catch (error) {
      const answer = toScimError(error);
      if (answer.status === 500)
        logger.error({ err: error, requestId: http.state.requestId }, 'request failed');
      http.set(answer.headers);
      sendJson(http, answer.status, scimErrorBody(answer));
    }
  };
}
