import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { MongoClient } from 'mongodb';
import {
  AuthenticateRequest,
  ClearTrustedIssuerRequest,
  ConnectionStatus,
  CreateClientRequest,
  CreateConnectionRequest,
  DeleteConnectionRequest,
  GetConnectionRequest,
  GetTrustedIssuerRequest,
  IssueAccessTokenRequest,
  ListClientsRequest,
  ListTokensRequest,
  PauseConnectionRequest,
  RevokeClientRequest,
  SetTrustedIssuerRequest,
  type TrustedIssuer,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { refusal, refused } from '../support/connection-driver.ts';
import { type DirectoryClients, startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
let connections: DirectoryClients['connections'];
/** The directory's time, in milliseconds since 1970. */
let now = Date.now();
before(async () => {
  directory = await startTestDirectory(undefined, undefined, undefined, () => now);
  ({ connections } = directory.clients);
});
after(() => directory[Symbol.asyncDispose]());

const digestOf = (secret: string) => createHash('sha256').update(secret).digest();
const secretForm = /^rollcall_[A-Za-z0-9_-]{43}$/;
const hour = 3_600_000;

async function create(): Promise<{ id: string; token: string }> {
  const request = CreateConnectionRequest.fromPartial({ name: 'Acme' });
  const { connection, token } = await connections.createConnection(request);
  return { id: connection?.id ?? '', token };
}

const createClient = (connectionId: string, options: Partial<CreateClientRequest> = {}) =>
  connections.createClient(CreateClientRequest.fromPartial({ ...options, connectionId }));
const listClients = async (connectionId: string) =>
  (await connections.listClients(ListClientsRequest.fromPartial({ connectionId }))).clients;
const revokeClient = (connectionId: string, clientId: string) =>
  connections.revokeClient(RevokeClientRequest.fromPartial({ connectionId, clientId }));
const issue = (connectionId: string, clientId: string, secret: string) =>
  connections.issueAccessToken(
    IssueAccessTokenRequest.fromPartial({ connectionId, clientId, secretDigest: digestOf(secret) }),
  );
const authenticate = (connectionId: string, secret: string) =>
  connections.authenticate(AuthenticateRequest.fromPartial({ connectionId, tokenDigest: digestOf(secret) }));
const pause = (connectionId: string) =>
  connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId }));
const remove = (connectionId: string) =>
  connections.deleteConnection(DeleteConnectionRequest.fromPartial({ connectionId }));

/** A connection's document, as it lies in the database. */
async function stored(connection: string) {
  await using client = await MongoClient.connect(directory.uri);
  const document = await client.db().collection('connections').findOne({ connection });
  assert.ok(document);
  return document;
}

suite('an OAuth client', () => {
  test('is created with a secret that is shown once and stored nowhere', async () => {
    const { id } = await create();
    const expires = new Date(now + 2 * hour);
    const { client, secret } = await createClient(id, { label: ' Okta ', expires, readOnly: true });
    assert.match(secret, secretForm);
    assert.deepEqual(
      { ...client, id: '', created: undefined },
      { id: '', label: 'Okta', created: undefined, expires, lastUsed: undefined, readOnly: true },
    );
    assert.match(client?.id ?? '', /^[a-z0-9]{12}$/);
    assert.deepEqual(await listClients(id), [client]);
    const { accessToken } = await issue(id, client?.id ?? '', secret);
    const text = JSON.stringify([await stored(id), await listClients(id)]);
    for (const known of [secret, accessToken])
      assert.ok(!text.includes(known.slice('rollcall_'.length)), 'a secret lies in the open');
  });

  test('is listed oldest first, with the last use of its tokens', async () => {
    const { id } = await create();
    const [first, second] = [await createClient(id, { label: 'a' }), await createClient(id, { label: 'b' })];
    const { accessToken } = await issue(id, second.client?.id ?? '', second.secret);
    assert.deepEqual(await listClients(id), [first.client, second.client]);
    await authenticate(id, accessToken);
    assert.deepEqual(
      (await listClients(id)).map(({ lastUsed }) => lastUsed?.getTime()),
      [undefined, now],
    );
    const used = now;
    now += 59_000;
    await authenticate(id, accessToken);
    assert.equal((await listClients(id))[1]?.lastUsed?.getTime(), used);
    now += 2_000;
    await authenticate(id, accessToken);
    assert.equal((await listClients(id))[1]?.lastUsed?.getTime(), now);
  });

  test('has at most 19 beside it, which count apart from tokens', async () => {
    const { id } = await create();
    for (let made = 0; made < 20; made++) await createClient(id);
    await refused(createClient(id), ErrorReason.LIMIT_EXCEEDED, { limit: 'clients', maximum: '20' });
    const [first] = await listClients(id);
    await revokeClient(id, first?.id ?? '');
    await createClient(id);
    const { tokens } = await connections.listTokens(ListTokensRequest.fromPartial({ connectionId: id }));
    assert.equal(tokens.length, 1);
  });

  test('that cannot be is not made', async () => {
    const { id } = await create();
    await refused(createClient(id, { label: 'x'.repeat(201) }), ErrorReason.REQUEST_INVALID, {
      field: 'label',
    });
    for (const past of [new Date(now), new Date(0)])
      await refused(createClient(id, { expires: past }), ErrorReason.REQUEST_INVALID, { field: 'expires' });
    for (const unknown of ['nobody12', '', '$where123']) {
      const none = [ErrorReason.CONNECTION_NOT_FOUND, { connection: unknown }] as const;
      for (const call of [createClient, listClients]) await refused(call(unknown), ...none);
      await refused(revokeClient(unknown, 'x'), ...none);
    }
  });
});

suite('an access token', () => {
  test('opens the connection of its client, as its client, for an hour', async () => {
    const [acme, globex] = [await create(), await create()];
    const { client, secret } = await createClient(acme.id, { readOnly: true });
    const clientId = client?.id ?? '';
    const { accessToken, expiresIn } = await issue(acme.id, clientId, secret);
    assert.match(accessToken, secretForm);
    assert.equal(expiresIn, 3_600);
    const { connection, tokenId, readOnly, userId } = await authenticate(acme.id, accessToken);
    assert.deepEqual([connection?.id, tokenId, readOnly, userId], [acme.id, clientId, true, '']);
    await refused(authenticate(globex.id, accessToken), ErrorReason.TOKEN_INVALID);
    // A secret is no token, and a token no secret.
    await refused(authenticate(acme.id, secret), ErrorReason.TOKEN_INVALID);
    await refused(issue(acme.id, clientId, accessToken), ErrorReason.CLIENT_INVALID);
    now += hour - 1;
    await authenticate(acme.id, accessToken);
    now += 1;
    await refused(authenticate(acme.id, accessToken), ErrorReason.TOKEN_INVALID);
  });

  test('ends with its client', async () => {
    const { id } = await create();
    const { client, secret } = await createClient(id, { expires: new Date(now + 90_500) });
    const brief = await issue(id, client?.id ?? '', secret);
    assert.equal(brief.expiresIn, 90);
    const kept = await createClient(id);
    const other = await issue(id, kept.client?.id ?? '', kept.secret);
    now += 90_500;
    await refused(authenticate(id, brief.accessToken), ErrorReason.TOKEN_INVALID);
    await refused(issue(id, client?.id ?? '', secret), ErrorReason.CLIENT_INVALID);
    await authenticate(id, other.accessToken);
    const clientId = kept.client?.id ?? '';
    await revokeClient(id, clientId);
    await refused(authenticate(id, other.accessToken), ErrorReason.TOKEN_INVALID);
    for (const odd of [clientId, '', '__proto__', 'constructor', 'a.b', '$x'])
      await refused(revokeClient(id, odd), ErrorReason.CLIENT_NOT_FOUND, { client: odd });
  });

  test('is one of twenty at most, also of those issued at the same time', async () => {
    const { id } = await create();
    const { client, secret } = await createClient(id);
    const clientId = client?.id ?? '';
    await Promise.all(Array.from({ length: 30 }, () => issue(id, clientId, secret)));
    assert.equal((await stored(id)).accessTokens[clientId].length, 20);
  });

  test('leaves nothing behind once it has expired and another is issued', async () => {
    const { id } = await create();
    const [one, two] = [await createClient(id), await createClient(id)];
    const issueFor = ({ client, secret }: typeof one) => issue(id, client?.id ?? '', secret);
    for (const client of [one, one, two]) await issueFor(client);
    now += hour;
    await issueFor(two);
    const { accessTokens } = await stored(id);
    assert.deepEqual(
      [one, two].map(({ client }) => accessTokens[client?.id ?? ''].length),
      [0, 1],
    );
  });

  test('is refused in the same way whatever is wrong, and whether the connection exists or not', async () => {
    const [acme, globex, gone] = [await create(), await create(), await create()];
    const { client, secret } = await createClient(acme.id);
    const clientId = client?.id ?? '';
    const leaving = await createClient(gone.id);
    const { accessToken } = await issue(gone.id, leaving.client?.id ?? '', leaving.secret);
    await remove(gone.id);
    const messages = new Set<string>();
    for (const attempt of [
      () => issue(acme.id, clientId, 'wrong'),
      () => issue(acme.id, 'nobody', secret),
      () => issue(acme.id, '', secret),
      () => issue(acme.id, '__proto__', secret),
      () => issue(globex.id, clientId, secret),
      () => issue(gone.id, leaving.client?.id ?? '', leaving.secret),
      () => issue('nobody12', clientId, secret),
      () => issue('no id', clientId, secret),
    ]) {
      const { reason, metadata, message } = await refusal(attempt());
      assert.deepEqual([reason, metadata], [ErrorReason.CLIENT_INVALID, {}]);
      messages.add(message);
    }
    assert.equal(messages.size, 1);
    await refused(authenticate(gone.id, accessToken), ErrorReason.TOKEN_INVALID);
    for (const size of [0, 31, 33]) {
      const secretDigest = randomBytes(size);
      const request = { connectionId: acme.id, clientId, secretDigest };
      await refused(
        connections.issueAccessToken(IssueAccessTokenRequest.fromPartial(request)),
        ErrorReason.REQUEST_INVALID,
        { field: 'secret_digest' },
      );
    }
  });

  test('is not issued while the connection is paused, which only its clients are told', async () => {
    const { id } = await create();
    const { client, secret } = await createClient(id);
    const { accessToken } = await issue(id, client?.id ?? '', secret);
    await pause(id);
    const paused = [ErrorReason.CONNECTION_PAUSED, { connection: id }] as const;
    await refused(issue(id, client?.id ?? '', secret), ...paused);
    await refused(issue(id, client?.id ?? '', 'wrong'), ErrorReason.CLIENT_INVALID);
    const { connection } = await authenticate(id, accessToken);
    assert.equal(connection?.status, ConnectionStatus.PAUSED);
  });
});

suite('a trusted issuer', () => {
  const entra: TrustedIssuer = {
    issuer: 'https://sts.windows.net/tenant/',
    audience: '8adf8e6e-67b2-4cf2-a259-e3dc5476c621',
    jwksUri: 'https://login.example.com/tenant/discovery/keys',
    applicationId: '00000014-0000-0000-c000-000000000000',
    lastUsed: undefined,
  };
  const set = (connectionId: string, issuer: Partial<TrustedIssuer> | undefined) =>
    connections.setTrustedIssuer(
      SetTrustedIssuerRequest.fromPartial({ connectionId, ...(issuer && { issuer }) }),
    );
  const clear = (connectionId: string) =>
    connections.clearTrustedIssuer(ClearTrustedIssuerRequest.fromPartial({ connectionId }));
  const read = async (connectionId: string) =>
    (await connections.getTrustedIssuer(GetTrustedIssuerRequest.fromPartial({ connectionId }))).connection;
  const shown = async (connectionId: string) =>
    (await connections.getConnection(GetConnectionRequest.fromPartial({ connectionId }))).connection
      ?.trustedIssuer;

  test('is set, replaced, shown and cleared', async () => {
    const { id } = await create();
    assert.equal(await shown(id), undefined);
    await set(id, { ...entra, issuer: ` ${entra.issuer} `, lastUsed: new Date() });
    assert.deepEqual(await shown(id), entra);
    assert.deepEqual((await read(id))?.trustedIssuer, entra);
    const other = { ...entra, issuer: 'https://idp.example.com/', applicationId: '' };
    await set(id, other);
    assert.deepEqual(await shown(id), other);
    await pause(id);
    assert.deepEqual((await read(id))?.trustedIssuer, other);
    for (let times = 0; times < 2; times++) await clear(id);
    assert.equal(await shown(id), undefined);
    await refused(read(id), ErrorReason.TOKEN_INVALID);
  });

  test('is not told of a connection that has none, is being deleted, or is not there', async () => {
    const [none, gone] = [await create(), await create()];
    await set(gone.id, entra);
    await remove(gone.id);
    for (const id of [none.id, gone.id, 'nobody12', 'no id', '']) {
      assert.deepEqual((({ reason, metadata }) => [reason, metadata])(await refusal(read(id))), [
        ErrorReason.TOKEN_INVALID,
        {},
      ]);
    }
    for (const call of [clear, (id: string) => set(id, entra)])
      await refused(call('nobody12'), ErrorReason.CONNECTION_NOT_FOUND, { connection: 'nobody12' });
  });

  test('that cannot work is refused with the field', async () => {
    const { id } = await create();
    await refused(set(id, undefined), ErrorReason.REQUEST_INVALID, { field: 'issuer' });
    for (const [field, value] of [
      ['issuer', ' '],
      ['issuer', 'x'.repeat(501)],
      ['audience', ''],
      ['audience', 'x'.repeat(501)],
      ['applicationId', 'x'.repeat(501)],
      ['jwksUri', ''],
      ['jwksUri', `https://idp.example.com/${'x'.repeat(2_000)}`],
    ] as const) {
      const { reason, metadata } = await refusal(set(id, { ...entra, [field]: value }));
      const name = field.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`);
      assert.deepEqual([reason, metadata], [ErrorReason.REQUEST_INVALID, { field: `issuer.${name}` }]);
    }
    assert.equal(await shown(id), undefined);
  });

  test('has its keys at an https URL that leads to no neighbour of the gateway', async () => {
    const { id } = await create();
    for (const jwksUri of [
      'https://idp.example.com/keys?tenant=a',
      'https://192.0.2.1:8443/keys',
      'https://[2001:db8::1]/keys',
      'https://keys.internal.example.com/',
      'http://127.0.0.1:4711/keys',
      'http://localhost/keys',
      'http://[::1]:4711/keys',
      'https://localhost/keys',
    ]) {
      await set(id, { ...entra, jwksUri });
      assert.equal((await shown(id))?.jwksUri, jwksUri);
    }
    for (const [jwksUri, problem] of [
      ['keys', /must be a URL/],
      ['https://', /must be a URL/],
      ['http://idp.example.com/keys', /must begin with https/],
      ['http://localhost.example.com/keys', /must begin with https/],
      ['http://192.168.0.1/keys', /must begin with https/],
      ['file:///etc/passwd', /must begin with https/],
      ['https://ada:secret@idp.example.com/', /no user name/],
      ['https://10.1.2.3/keys', /private network/],
      ['https://172.31.0.1/', /private network/],
      ['https://192.168.0.1/', /private network/],
      ['https://169.254.169.254/latest', /private network/],
      ['https://0.0.0.0/', /private network/],
      ['https://2852039166/', /private network/],
      ['https://100.64.0.1/', /private network/],
      ['https://[fd00::1]/', /private network/],
      ['https://[fe80::1]/', /private network/],
      ['https://[::]/', /private network/],
      ['https://[::ffff:10.0.0.1]/', /private network/],
      ['https://255.255.255.255/', /private network/],
    ] as const) {
      const { reason, message } = await refusal(set(id, { ...entra, jwksUri }));
      assert.equal(reason, ErrorReason.REQUEST_INVALID, jwksUri);
      assert.match(message, problem, jwksUri);
      assert.match(message, /^issuer\.jwks_uri: /);
    }
  });
});
