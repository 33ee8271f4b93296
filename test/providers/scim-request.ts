import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { JsonObject } from '#scim/json.ts';

/** What a SCIM server answered. */
export interface ScimAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Undefined when there was none. */
  readonly body: JsonObject | undefined;
}

/**
 * Sends a request exactly as it is given: no header is added but those that HTTP needs, and the URL is not tidied. Asserts
 * that the answer's body, if any, has the right media type.
 */
export async function sendScim(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: JsonObject,
): Promise<ScimAnswer> {
  const { host, origin } = new URL(url);
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const length = payload === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(payload)) };
  const path = url.slice(origin.length);
  const sent = request({
    host: host.split(':')[0],
    port: host.split(':')[1],
    path,
    method,
    headers: { ...headers, ...length },
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.once('response', resolve).once('error', reject).end(payload);
  const answer = await promise;
  const content = await text(answer);
  // Only a client that accepts nothing else is answered with the plain type.
  const type = headers.Accept === 'application/json' ? 'application/json' : 'application/scim+json';
  if (content !== '') assert.equal(answer.headers['content-type'], `${type}; charset=utf-8`);
  const { statusCode: status = 0 } = answer;
  return { status, headers: answer.headers, body: content === '' ? undefined : JSON.parse(content) };
}
