import type { Middleware } from 'koa';
import type { Logger } from '#runtime/logger.ts';
import { ScimError, scimErrorBody, toScimError } from '../scim/scim-error.ts';
import { sendJson } from './send-json.ts';

/** Renders whatever is thrown further in, and a route that is not there, as SCIM errors (RFC 7644, section 3.12). */
export function createReportErrors(logger: Logger): Middleware {
  return async (http, next) => {
    try {
      await next();
      if (http.status === 404 && http.body === undefined) {
        throw new ScimError(
          404,
          'There is nothing at this URL. The base URL is /scim/{connection}/v2; below it are /Users, /Groups, /Schemas, /ResourceTypes and /ServiceProviderConfig.',
        );
      }
    } catch (error) {
      const answer = toScimError(error);
      if (answer.status === 500)
        logger.error({ err: error, requestId: http.state.requestId }, 'request failed');
      http.set(answer.headers);
      sendJson(http, answer.status, scimErrorBody(answer));
    }
  };
}
