import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  type Client,
  CreateClientRequest,
  PauseConnectionRequest,
  RevokeClientRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { scimOf, untilStatus } from '../support/scim-client.ts';
import { assertError, createUser, userBody } from './scim-fixture.ts';

let rollcall: TestRollcall;
let connection: TestConnection;
/** The directory's time, in milliseconds since 1970. */
let now = Date.now();
before(async () => {
  rollcall = await startRollcall(undefined, () => now);
  connection = await rollcall.connect();
});
after(() => rollcall[Symbol.asyncDispose]());

/** What a client presents. */
interface Presented {
  readonly id: string;
  readonly secret: string;
}

async function createClient(options: Partial<Client> = {}, { id: connectionId } = connection) {
  const { client, secret } = await rollcall.directory.connections.createClient(
    CreateClientRequest.fromPartial({ ...options, connectionId }),
  );
  return { id: client?.id ?? '', secret };
}

const grant = { grant_type: 'client_credentials' };
const inForm = ({ id, secret }: Presented) => ({ ...grant, client_id: id, client_secret: secret });
const basic = ({ id, secret }: Presented) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

/** Sends a form, or text as it is, to the token endpoint of a connection. */
async function post(
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
  id = connection.id,
) {
  const response = await fetch(`${rollcall.gatewayUrl}/scim/${id}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form),
  });
  assert.match(response.headers.get('content-type') ?? '', /^application\/json(;|$)/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body };
}

type Answer = Awaited<ReturnType<typeof post>>;

function assertRefused({ status, body, headers }: Answer, expected: number, error: string): void {
  assert.deepEqual([status, body.error], [expected, error]);
  assert.deepEqual(Object.keys(body), ['error', 'error_description']);
  // RFC 6749, section 5.2.
  assert.match(String(body.error_description), /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  assert.equal(headers.has('www-authenticate'), expected === 401);
}

async function tokenFor(client: Presented, id = connection.id): Promise<string> {
  const { status, body } = await post(inForm(client), {}, id);
  assert.equal(status, 200);
  return String(body.access_token);
}

const list = (token: string, { baseUrl } = connection) => scimOf({ baseUrl, token })('GET', '/Users?count=1');

suite('a client gets an access token', () => {
  test('by HTTP Basic or by the form, and it reads and writes (RFC 6749, section 4.4)', async () => {
    const client = await createClient();
    const encoded = { ...client, secret: client.secret.replaceAll('_', '%5F').replaceAll('-', '%2D') };
    for (const answer of [
      await post(inForm(client)),
      await post(grant, basic(client)),
      await post({ ...grant, client_id: client.id }, basic(client)),
      await post(grant, basic(encoded)),
      await post({ ...grant, scope: 'scim other', unknown: 'x' }, basic(client)),
      await post(inForm(client), { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }),
    ]) {
      assert.equal(answer.status, 200);
      assert.deepEqual(Object.keys(answer.body), ['access_token', 'token_type', 'expires_in']);
      assert.deepEqual([answer.body.token_type, answer.body.expires_in], ['Bearer', 3_600]);
      const token = String(answer.body.access_token);
      const { id } = await createUser(scimOf({ ...connection, token }));
      assert.equal((await scimOf(connection)('GET', `/Users/${id}`)).status, 200);
    }
  });

  test('that is another each time, of 256 bits (AUTH-06)', async () => {
    const client = await createClient();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => tokenFor(client)));
    assert.equal(new Set(tokens).size, tokens.length);
    for (const token of tokens) assert.match(token, /^rollcall_[\w-]{43}$/);
    // All of them are good at the same time.
    for (const { status } of await Promise.all(tokens.map((token) => list(token)))) assert.equal(status, 200);
  });

  test('that may do what the client may (AUTH-03, AUTH-04)', async () => {
    const token = await tokenFor(await createClient({ readOnly: true }));
    assert.equal((await list(token)).status, 200);
    assertError(await scimOf({ ...connection, token })('POST', '/Users', userBody()), 403);
    const other = await rollcall.connect();
    assertError(await list(token, other), 401);
  });

  test('that is good for an hour, and no longer than the client (AUTH-05)', async () => {
    const client = await createClient();
    const token = await tokenFor(client);
    const brief = await createClient({ expires: new Date(now + 90_500) });
    const { body } = await post(inForm(brief));
    assert.equal(body.expires_in, 90);
    now += 90_500;
    assertRefused(await post(inForm(brief)), 401, 'invalid_client');
    assertError(await list(String(body.access_token)), 401);
    now += 3_600_000 - 90_500 - 1;
    assert.equal((await list(token)).status, 200);
    now += 1;
    await untilStatus(() => list(token), 401, 1_000);
    assert.equal((await list(await tokenFor(client))).status, 200);
  });

  test('of which the newest twenty are good', async () => {
    const client = await createClient();
    const tokens: string[] = [];
    for (let index = 0; index < 22; index++) tokens.push(await tokenFor(client));
    const statuses = await Promise.all(tokens.map(async (token) => (await list(token)).status));
    assert.deepEqual(
      statuses,
      tokens.map((_, index) => (index < 2 ? 401 : 200)),
    );
  });

  test('until the client is revoked: then all are refused within a second, and others go on', async () => {
    const [revoked, kept] = [await createClient(), await createClient()];
    const tokens = [await tokenFor(revoked), await tokenFor(revoked)];
    const other = await tokenFor(kept);
    for (const token of [...tokens, other]) assert.equal((await list(token)).status, 200);
    await rollcall.directory.connections.revokeClient(
      RevokeClientRequest.fromPartial({ connectionId: connection.id, clientId: revoked.id }),
    );
    assertRefused(await post(inForm(revoked)), 401, 'invalid_client');
    const refusals = tokens.map((token) => untilStatus(() => list(token), 401, 1_000));
    for (const refusal of await Promise.all(refusals)) assertError(refusal, 401);
    assert.equal((await list(other)).status, 200);
  });
});

suite('the token endpoint', () => {
  test('tells an unknown connection, an unknown client and a wrong secret with the same words (AUTH-02)', async () => {
    const client = await createClient();
    const elsewhere = await createClient({}, await rollcall.connect());
    const wrong = { ...client, secret: `${client.secret.slice(0, -1)}?` };
    const wrongs: Answer[] = [
      await post(inForm(wrong)),
      await post(grant, basic(wrong)),
      await post(inForm({ ...client, id: elsewhere.id })),
      await post(inForm(elsewhere)),
      await post(inForm({ ...client, secret: connection.token })),
      await post(inForm({ ...client, id: 'nosuchclient' })),
      await post(inForm({ ...client, id: '__proto__' })),
      await post(inForm({ ...client, id: 'x'.repeat(1_000) })),
      await post(inForm({ ...client, secret: 'x'.repeat(4_000) })),
      await post(inForm(client), {}, 'nosuchconnection'),
      await post(inForm(client), {}, 'No%20Such%22'),
      await post(inForm(client), {}, `${connection.id}x`),
      await post({ ...grant, client_id: client.id }),
      await post(grant),
      await post(grant, { authorization: `Bearer ${connection.token}` }),
      await post(grant, { authorization: 'Basic' }),
      await post(grant, { authorization: `Basic ${btoa(client.id)}` }),
      await post(grant, { authorization: `Basic ${btoa(`${client.id}:%`)}` }),
    ];
    for (const answer of wrongs) {
      assertRefused(answer, 401, 'invalid_client');
      assert.deepEqual(answer.body, wrongs[0]?.body);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/);
    }
  });

  test('says what is wrong with a request', async () => {
    const client = await createClient();
    const form = inForm(client);
    const text = new URLSearchParams(form).toString();
    for (const [sent, headers, status, error] of [
      [{ ...form, grant_type: 'authorization_code' }, {}, 400, 'unsupported_grant_type'],
      [{ ...form, grant_type: '' }, {}, 400, 'invalid_request'],
      ['', {}, 400, 'invalid_request'],
      [`${text}&grant_type=client_credentials`, {}, 400, 'invalid_request'],
      [`${text}&scope=a&scope=b`, {}, 400, 'invalid_request'],
      [form, basic(client), 400, 'invalid_request'],
      [{ ...grant, client_id: 'another' }, basic(client), 400, 'invalid_request'],
      [JSON.stringify(form), { 'content-type': 'application/json' }, 400, 'invalid_request'],
      [{ ...form, scope: 'x'.repeat(8_192) }, {}, 413, 'invalid_request'],
    ] as const) {
      assertRefused(await post(sent, headers), status, error);
    }
    const url = `${rollcall.gatewayUrl}/scim/${connection.id}/oauth/token`;
    const inUrl = await fetch(`${url}?${text}`, { method: 'GET' });
    assert.equal(inUrl.status, 405);
    assert.equal(inUrl.headers.get('allow'), 'POST');
    assertRefused(await post('', {}, `${connection.id}`), 400, 'invalid_request');
  });

  test('of a paused connection answers 503 with Retry-After, and only to its clients', async () => {
    const paused = await rollcall.connect();
    const client = await createClient({}, paused);
    await rollcall.directory.connections.pauseConnection(
      PauseConnectionRequest.fromPartial({ connectionId: paused.id }),
    );
    const answer = await post(inForm(client), {}, paused.id);
    assertRefused(answer, 503, 'temporarily_unavailable');
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assertRefused(await post(inForm({ ...client, secret: 'x' }), {}, paused.id), 401, 'invalid_client');
  });

  test('answers 429 to an address that fails too often, and not to a client whose secret is right', async () => {
    const client = await createClient();
    const attempt = () => post(inForm({ ...client, secret: 'x' }));
    let answer = await attempt();
    // At most ten seconds' worth of failures pass at once.
    for (let sent = 1; answer.status === 401 && sent < 2_000; sent++) answer = await attempt();
    assertRefused(answer, 429, 'temporarily_unavailable');
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    assert.equal((await list(await tokenFor(client))).status, 200);
  });
});
