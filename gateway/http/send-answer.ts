import { Readable } from 'node:stream';
import type { Context } from 'koa';
import type { JsonObject } from '#scim/json.ts';
import type { Exchange } from './exchange.ts';

// An answer up to this length, such as a page of 100 users, is sent whole: that is quicker, and what fails before it began
// is still answered with an error.
const wholeLength = 256 * 1024;

/** Stage: sends the answer, a long one while it is made. */
export async function sendAnswer({ http, answer }: Exchange): Promise<void> {
  const { status, headers = {}, body } = answer;
  http.set(headers);
  if (body === undefined) http.status = status;
  else if (http.method === 'HEAD') sendHead(http, status);
  else if (isText(body)) await sendText(http, status, body);
  else sendJson(http, status, body);
}

/**
 * Answers with a body of the SCIM media type, or of `application/json` for a client that accepts only that (RFC 7644,
 * section 8.1).
 */
export function sendJson(http: Context, status: number, body: JsonObject): void {
  setType(http, status);
  http.body = JSON.stringify(body);
}

/** The headers of a GET without its Content-Length, which nobody has counted (RFC 9110, section 9.3.2). */
function sendHead(http: Context, status: number): void {
  setType(http, status);
  http.body = Readable.from([]);
}

async function sendText(http: Context, status: number, body: AsyncIterable<string>): Promise<void> {
  const pieces = body[Symbol.asyncIterator]();
  let text = '';
  let isWhole = false;
  while (!isWhole && text.length < wholeLength) {
    const { done = false, value } = await pieces.next();
    if (done) isWhole = true;
    else text += value;
  }
  setType(http, status);
  if (!isWhole) http.state.answerBegin = text;
  http.body = isWhole ? text : streamOf(http, text, pieces);
}

function streamOf(http: Context, begin: string, rest: AsyncIterator<string>): Readable {
  async function* all() {
    yield begin;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  const stream = Readable.from(all(), { objectMode: false });
  // The status is sent: only a connection that breaks off tells the client that the rest is missing.
  stream.once('error', () => http.res.destroy());
  return stream;
}

function setType(http: Context, status: number): void {
  const type = http.accepts('application/scim+json', 'application/json') || 'application/scim+json';
  http.status = status;
  http.set('Content-Type', `${type}; charset=utf-8`);
}

function isText(body: JsonObject | AsyncIterable<string>): body is AsyncIterable<string> {
  return Symbol.asyncIterator in body;
}
