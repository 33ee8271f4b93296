import { Agent, request as sendHttp } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import type { TestConnection } from '../support/rollcall.ts';

/** A request as it goes over the wire. Placeholders in it become ids when it is sent. */
export interface FuzzRequest {
  /** Any method that Node knows. */
  readonly method: string;
  /** What follows the connection's base URL, percent-encoded. */
  readonly path: string;
  /** What stands in the base URL instead of the connection's id, percent-encoded. */
  readonly connectionId?: string;
  /** Besides, and before, `Authorization` and `Content-Type`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body; bytes as they are. */
  readonly body?: string | Uint8Array | undefined;
}

/** What came back. */
export interface FuzzAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The headers, in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as JSON; undefined when there is none. */
  readonly body: unknown;
}

/** Nobody waits longer for an answer; what takes longer hangs. */
const hangMs = 30_000;

/** Makes a function that sends requests to a connection, one after the other over one TCP connection. */
export function createSender(connection: TestConnection): (request: FuzzRequest) => Promise<FuzzAnswer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(connection.baseUrl);
  return (request) => {
    const body = request.body === undefined ? undefined : Buffer.from(request.body);
    return new Promise((resolve, reject) => {
      const outgoing = sendHttp(
        {
          agent,
          hostname,
          port,
          method: request.method,
          path: `/scim/${request.connectionId ?? connection.id}/v2${request.path}`,
          signal: AbortSignal.timeout(hangMs),
          headers: {
            authorization: `Bearer ${connection.token}`,
            ...(body && { 'content-type': 'application/scim+json', 'content-length': body.length }),
            ...request.headers,
          },
        },
        (incoming) => {
          buffer(incoming).then((bytes) => {
            const body = bytes.length === 0 ? undefined : JSON.parse(bytes.toString());
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
          }, reject);
        },
      );
      outgoing.on('error', reject).end(body);
    });
  };
}

/** Sends text as it is over a TCP connection of its own, and gives what comes back until the server closes it. */
export async function sendRaw({ baseUrl }: TestConnection, bytes: string): Promise<string> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.setTimeout(hangMs, () => socket.destroy(new Error('it hangs')));
  // A server may close the connection before it has read all that is wrong.
  const answer = text(socket).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return '';
    throw error;
  });
  socket.end(bytes);
  return await answer;
}

/** A request to the users of a connection as text of HTTP/1.1. */
export function rawRequest({ baseUrl, token }: TestConnection, method: string, body: string): string {
  const { host, pathname } = new URL(baseUrl);
  const lines = [
    `${method} ${pathname}/Users HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/scim+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
