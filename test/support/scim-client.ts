import assert from 'node:assert/strict';

/** The answer to a SCIM request. */
export interface ScimAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The headers. */
  readonly headers: Headers;
  /** The body as JSON; undefined when there is none. Tests look into it and say what they expect. */
  // biome-ignore lint/suspicious/noExplicitAny: a test's assertions are the check of its shape
  readonly body: any;
}

/** Sends requests to a connection: a method, a path below the base URL, and a body to send as JSON. */
export type ScimClient = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<ScimAnswer>;

/** Makes a client of a connection. A body that is text is sent as it is. */
export function scimOf(connection: { readonly baseUrl: string; readonly token: string }): ScimClient {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${connection.baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${connection.token}`,
        ...(body !== undefined && { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  };
}

/** Repeats a request until it has a status, and answers that; fails when one sent after `ms` milliseconds has another. */
export async function untilStatus(
  send: () => Promise<ScimAnswer>,
  status: number,
  ms: number,
): Promise<ScimAnswer> {
  const begin = performance.now();
  for (;;) {
    const sentAt = performance.now();
    const answer = await send();
    if (answer.status === status) return answer;
    assert.ok(sentAt - begin < ms, `not ${status} after ${ms} ms`);
  }
}

/** Repeats a request until its answer is as it should be; what the gateway knows of a connection may count for a second. */
export async function until(
  send: () => Promise<ScimAnswer>,
  isThere: (answer: ScimAnswer) => boolean,
): Promise<ScimAnswer> {
  const begin = performance.now();
  for (;;) {
    const sentAt = performance.now();
    const answer = await send();
    if (isThere(answer)) return answer;
    assert.ok(sentAt - begin < 2_000, JSON.stringify(answer.body));
  }
}
