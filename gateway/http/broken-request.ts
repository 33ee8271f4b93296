import type { Duplex } from 'node:stream';
import { ScimError, scimErrorBody } from '../scim/scim-error.ts';

const lingerMs = 2_000;

/** Answers a request that is not HTTP, which reaches no route, with a SCIM error all the same; for `clientError`. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Bytes that still arrive break again. They are read on: closing now would reset the connection under the answer.
  if (socket.writableEnded) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  setTimeout(() => socket.destroy(), lingerMs).unref();
  const [answer, reason] = answerFor(error.code);
  const body = JSON.stringify(scimErrorBody(answer));
  socket.end(
    [
      `HTTP/1.1 ${answer.status} ${reason}`,
      'Content-Type: application/scim+json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

function answerFor(code: string | undefined): readonly [ScimError, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [new ScimError(431, 'The URL and headers are too long.'), 'Request Header Fields Too Large'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [new ScimError(408, 'The request did not arrive in time.'), 'Request Timeout'];
    default:
      return [new ScimError(400, 'This is not a request of HTTP/1.1.', 'invalidSyntax'), 'Bad Request'];
  }
}
