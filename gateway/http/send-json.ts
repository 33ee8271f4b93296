import type { Context } from 'koa';
import type { JsonObject } from '#scim/json.ts';

/**
 * Answers with a body of the SCIM media type, or of `application/json` for a client that accepts only that (RFC 7644,
 * section 8.1).
 */
export function sendJson(http: Context, status: number, body: JsonObject): void {
  const type = http.accepts('application/scim+json', 'application/json') || 'application/scim+json';
  http.status = status;
  http.set('Content-Type', `${type}; charset=utf-8`);
  http.body = JSON.stringify(body);
}
