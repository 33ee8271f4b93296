import assert from 'node:assert/strict';
import { Agent, request as sendHttp } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { GetConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { createGroup, createUser } from '../scim/scim-fixture.ts';
import type { TestConnection, TestRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import type { placeholders } from './valid-scim.ts';

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

/** A connection that is fuzzed. */
export interface FuzzTarget {
  /** The connection's id. */
  readonly id: string;
  /** Sends a request and checks its answer, that the server lives on, and that a refusal changed nothing. */
  check(request: FuzzRequest): Promise<void>;
  /** Checks that the server answers a plain read as before. */
  checkAlive(): Promise<void>;
  /** Cursors of other pages of a list; none when the server does not page by cursor. */
  cursors(): Promise<readonly string[]>;
  /** A request for users as text of HTTP/1.1. */
  rawRequest(method: string, body: string): string;
  /** Sends text as it is on a connection of its own, and gives what comes back until the server closes it. */
  sendRaw(bytes: string): Promise<string>;
}

/** The keywords of RFC 7644, table 9, and RFC 9865, section 2.4. */
const scimTypes = [
  'invalidFilter',
  'tooMany',
  'uniqueness',
  'mutability',
  'invalidSyntax',
  'invalidPath',
  'noTarget',
  'invalidValue',
  'invalidVers',
  'sensitive',
  'invalidCursor',
  'expiredCursor',
  'invalidCount',
];

/** Nobody waits longer for an answer; what takes longer hangs. */
const hangMs = 30_000;

/** Makes a connection with two users and a group in it. */
export async function createFuzzTarget(rollcall: TestRollcall, strict: boolean): Promise<FuzzTarget> {
  const connection = await rollcall.connect({ strict });
  const scim = scimOf(connection);
  const alive = await createUser(scim);
  const user = await createUser(scim, { emails: [{ value: 'a', type: 'work', primary: true }] });
  const other = await createUser(scim);
  const group = await createGroup(scim, { members: [{ value: user.id }] });
  const ids = { user: user.id, other: other.id, group: group.id };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  const position = async () => {
    const request = GetConnectionRequest.fromPartial({ connectionId: connection.id });
    const { connection: found } = await rollcall.directory.connections.getConnection(request);
    assert.ok(found);
    return found.position;
  };

  async function checkAlive(): Promise<void> {
    const { status, body } = await scim('GET', `/Users/${alive.id}`);
    assert.deepEqual([status, body], [200, alive], 'it answers a plain read as before');
  }

  return {
    id: connection.id,
    checkAlive,
    async cursors() {
      const pages = ['/Users?cursor&count=1', '/Users?cursor&count=2&sortBy=userName'];
      const answers = await Promise.all(pages.map((path) => scim('GET', path)));
      return answers.map(({ body }) => body.nextCursor).filter((cursor) => typeof cursor === 'string');
    },
    rawRequest(method, body) {
      const { host, pathname } = new URL(connection.baseUrl);
      const lines = [
        `${method} ${pathname}/Users HTTP/1.1`,
        `Host: ${host}`,
        `Authorization: Bearer ${connection.token}`,
        'Content-Type: application/scim+json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Connection: close',
      ];
      return `${lines.join('\r\n')}\r\n\r\n${body}`;
    },
    async sendRaw(bytes) {
      const { hostname, port } = new URL(connection.baseUrl);
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      socket.setTimeout(hangMs, () => socket.destroy(new Error('it hangs')));
      // A server may close the connection before it has read all that is wrong.
      const answer = text(socket).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return '';
        throw error;
      });
      socket.end(bytes);
      return await answer;
    },
    async check(request) {
      const before = await position();
      const answer = await send(agent, connection, withIds(request, ids));
      checkAnswer(request, answer);
      if (answer.status >= 400) assert.equal(await position(), before, 'what is refused changes nothing');
      else await checkStored(request, answer);
      await checkAlive();
    },
  };

  /** What a write answers is what is read afterwards. */
  async function checkStored(
    { method, path, headers }: FuzzRequest,
    { status, body }: Answer,
  ): Promise<void> {
    const isWrite = status === 201 || (status === 200 && (method === 'PUT' || method === 'PATCH'));
    // Locations in an answer follow from the Host of its request.
    if (!isWrite || /[?]|Bulk|search/i.test(path) || headers !== undefined) return;
    const { id, meta } = body as { id: string; meta: { resourceType: string } };
    const read = await scim('GET', `/${meta.resourceType}s/${id}`);
    assert.deepEqual([read.status, read.body], [200, body], 'what was written is read');
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Undefined when there is none. */
  readonly body: unknown;
}

function checkAnswer(request: FuzzRequest, { status, headers, body }: Answer): void {
  // RFC 7644, section 3.11, has 501 for `/Me`, and HTTP for methods that nothing here has.
  const isOther = /^\/Me\b/.test(request.path) || !/^(GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(request.method);
  assert.ok(status < 500 || (status === 501 && isOther), `${status} ${JSON.stringify(body)}`);
  if (status < 400) return;
  if (request.method === 'HEAD') return;
  const { schemas, scimType, detail, status: told } = body as Record<string, unknown>;
  assert.match(String(headers['content-type']), /^application\/(scim\+)?json/);
  assert.deepEqual([schemas, told], [['urn:ietf:params:scim:api:messages:2.0:Error'], String(status)]);
  assert.ok(typeof detail === 'string' && detail.length > 10, 'a sentence');
  if (status === 400 || scimType !== undefined) assert.ok(scimTypes.includes(String(scimType)), detail);
  if (status === 401) assert.match(String(headers['www-authenticate']), /^Bearer /);
  assert.doesNotMatch(JSON.stringify(body), /mongo|grpc|node_modules|\\n +at |\.ts:\d|E11000|BSON|RESOURCE_/);
}

function withIds(
  request: FuzzRequest,
  ids: Readonly<Record<keyof typeof placeholders, string>>,
): FuzzRequest {
  const fill = (text: string) =>
    text.replace(/~(user|other|group)~/g, (_, name: keyof typeof placeholders) => ids[name]);
  const { body } = request;
  return { ...request, path: fill(request.path), body: typeof body === 'string' ? fill(body) : body };
}

async function send(agent: Agent, connection: TestConnection, request: FuzzRequest): Promise<Answer> {
  const { hostname, port } = new URL(connection.baseUrl);
  const body = request.body === undefined ? undefined : Buffer.from(request.body);
  return await new Promise((resolve, reject) => {
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
}
