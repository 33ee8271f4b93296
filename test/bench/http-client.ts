import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

/** An answer, read to its end. */
export interface HttpAnswer {
  /** The status. */
  readonly status: number;
  /** The headers. */
  readonly headers: IncomingHttpHeaders;
  /** The body. */
  readonly body: Buffer;
  /** Milliseconds from the request to the first byte of the body. */
  readonly firstByteMs: number;
}

/** Sends requests to one server over connections that it keeps. */
export interface HttpClient extends Disposable {
  /** Sends a request; a body travels with its length. Rejects when no answer came. */
  send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<HttpAnswer>;
}

// A server that takes longer than that has not answered.
const timeoutMs = 120_000;

/** Makes a client of a server: `origin` is its `http://host:port` or `https://host:port`. */
export function createHttpClient(origin: string): HttpClient {
  const { protocol, hostname, port } = new URL(origin);
  const secure = protocol === 'https:';
  const options = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, scheduling: 'lifo' } as const;
  const agent = secure ? new SecureAgent(options) : new Agent(options);
  const begin = secure ? secureRequest : request;
  // A name of IPv6 stands in brackets in a URL only.
  const where = { agent, host: hostname.replace(/^\[|\]$/g, ''), port: port || (secure ? 443 : 80) };
  return {
    send: (method, path, headers, body) =>
      new Promise((resolve, reject) => {
        const sentAt = performance.now();
        const length = body === undefined ? undefined : { 'content-length': Buffer.byteLength(body) };
        const sent = begin({ ...where, method, path, headers: { ...headers, ...length } }, (answer) => {
          const parts: Buffer[] = [];
          let firstByteMs = Number.NaN;
          answer.on('data', (part: Buffer) => {
            if (parts.length === 0) firstByteMs = performance.now() - sentAt;
            parts.push(part);
          });
          answer.once('error', reject);
          answer.once('end', () => {
            const [only] = parts;
            const all = parts.length === 1 && only ? only : Buffer.concat(parts);
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: all, firstByteMs });
          });
        });
        sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
        sent.once('error', reject);
        sent.end(body);
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}
