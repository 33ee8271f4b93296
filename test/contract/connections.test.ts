import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { MongoClient } from 'mongodb';
import {
  AuthenticateRequest,
  AuthenticateServiceRequest,
  ConnectionStatus,
  CreateConnectionRequest,
  CreateServiceTokenRequest,
  CreateTokenRequest,
  DeleteConnectionRequest,
  GetConnectionRequest,
  ListConnectionsRequest,
  ListServiceTokensRequest,
  ListTokensRequest,
  OnDelete,
  PauseConnectionRequest,
  Provider,
  ResumeConnectionRequest,
  RevokeServiceTokenRequest,
  RevokeTokenRequest,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import {
  createDriver,
  driveConnection,
  idOf,
  oddIds,
  operation,
  refusal,
  refused,
  resourceTypes,
} from '../support/connection-driver.ts';
import { type DirectoryClients, startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
let connections: DirectoryClients['connections'];
/** What was asked of users in the database. */
const userCommands: { readonly name: string; readonly filter: unknown }[] = [];
before(async () => {
  directory = await startTestDirectory(undefined, undefined, (event) => {
    if (!('command' in event) || event.command[event.commandName] !== 'users') return;
    userCommands.push({ name: event.commandName, filter: event.command.filter });
  });
  ({ connections } = directory.clients);
});
after(() => directory[Symbol.asyncDispose]());

const digestOf = (secret: string) => createHash('sha256').update(secret).digest();
const secretForm = /^rollcall_[A-Za-z0-9_-]{43}$/;
const unknown = 'nobody12';
const soon = (ms: number) => new Date(Date.now() + ms);

async function create(name = 'Acme') {
  const { connection, token } = await connections.createConnection(
    CreateConnectionRequest.fromPartial({ name }),
  );
  assert.ok(connection);
  return { connection, id: connection.id, token };
}

const get = (connectionId: string) =>
  connections.getConnection(GetConnectionRequest.fromPartial({ connectionId }));
const pause = (connectionId: string) =>
  connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId }));
const resume = (connectionId: string) =>
  connections.resumeConnection(ResumeConnectionRequest.fromPartial({ connectionId }));
const remove = (connectionId: string) =>
  connections.deleteConnection(DeleteConnectionRequest.fromPartial({ connectionId }));
const createToken = (connectionId: string, label = '', expires?: Date) =>
  connections.createToken(CreateTokenRequest.fromPartial({ connectionId, label, expires }));
const createTokenFor = (connectionId: string, userId: string) =>
  connections.createToken(CreateTokenRequest.fromPartial({ connectionId, userId }));
const listTokens = (connectionId: string) =>
  connections.listTokens(ListTokensRequest.fromPartial({ connectionId }));
const revokeToken = (connectionId: string, tokenId: string) =>
  connections.revokeToken(RevokeTokenRequest.fromPartial({ connectionId, tokenId }));
const authenticate = (connectionId: string, secret: string) =>
  connections.authenticate(AuthenticateRequest.fromPartial({ connectionId, tokenDigest: digestOf(secret) }));
const createServiceToken = (request: Parameters<typeof CreateServiceTokenRequest.fromPartial>[0]) =>
  connections.createServiceToken(CreateServiceTokenRequest.fromPartial(request));
const authenticateService = (secret: string) =>
  connections.authenticateService(AuthenticateServiceRequest.fromPartial({ tokenDigest: digestOf(secret) }));

/** Repeats a call until it is refused, and gives the refusal and how often it was answered. */
async function untilRefused(call: () => Promise<unknown>): Promise<{ error: RpcError; answers: number }> {
  for (let answers = 0; ; answers++) {
    try {
      await call();
    } catch (error) {
      assert.ok(error instanceof RpcError);
      return { error, answers };
    }
  }
}

suite('a connection', () => {
  test('is created with a token, and read', async () => {
    const request = { name: '  Acme  ', provider: Provider.ENTRA, strict: true };
    const answer = await connections.createConnection(CreateConnectionRequest.fromPartial(request));
    const { connection, token } = answer;
    assert.match(token, secretForm);
    assert.match(connection?.id ?? '', /^[a-z0-9]{8,32}$/);
    assert.deepEqual(
      { ...connection, id: '', created: undefined },
      {
        id: '',
        name: 'Acme',
        provider: Provider.ENTRA,
        strict: true,
        uniqueGroupNames: false,
        status: ConnectionStatus.ACTIVE,
        created: undefined,
        users: 0,
        groups: 0,
        position: 0,
        trustedIssuer: undefined,
        organization: '',
        requiredAttributes: [],
        maskedAttributes: [],
        onDelete: OnDelete.REMOVE,
        extensions: [],
        unknownAttributes: UnknownAttributes.DROP,
        refolding: undefined,
        attributeMapping: { login: 'userName', email: 'emails.value', externalId: 'externalId' },
      },
    );
    assert.deepEqual((await get(connection?.id ?? '')).connection, connection);
    const generic = await create();
    assert.equal(generic.connection.provider, Provider.GENERIC);
    assert.equal(generic.connection.uniqueGroupNames, true);
    assert.notEqual(generic.id, connection?.id);
    assert.notEqual(generic.token, token);
  });

  test('has a name of 1 to 200 characters', async () => {
    for (const name of ['', '   ', 'x'.repeat(201)])
      await refused(create(name), ErrorReason.REQUEST_INVALID, { field: 'name' });
    assert.equal((await create('x'.repeat(200))).connection.name.length, 200);
  });

  test('counts what it holds', async () => {
    const acme = await createDriver(directory.clients);
    const { user } = await acme.createUser('ada');
    await acme.createUser('bob');
    await acme.groupOf('Staff', [idOf(user)]);
    await acme.deleteUser(idOf(user));
    const { users, groups, position } = await acme.connection();
    assert.deepEqual({ users, groups, position }, { users: 1, groups: 1, position: 5 });
  });

  test('is listed with the others, oldest first', async () => {
    const made = [await create('one'), await create('two'), await create('three')];
    const listed = await Array.fromAsync(connections.listConnections(ListConnectionsRequest.fromPartial({})));
    const ids = listed.map(({ connection }) => connection?.id ?? '');
    assert.deepEqual(
      ids.filter((id) => made.some((one) => one.id === id)),
      made.map(({ id }) => id),
    );
    const times = listed.map(({ connection }) => connection?.created?.getTime() ?? 0);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
  });

  test('that nobody made is not found', async () => {
    for (const id of [unknown, '', 'UPPERCASE', '$where123', `${unknown}/x`]) {
      const none = [ErrorReason.CONNECTION_NOT_FOUND, { connection: id }] as const;
      for (const call of [get, pause, resume, remove, createToken, listTokens])
        await refused(call(id), ...none);
      await refused(revokeToken(id, 'x'), ...none);
      await refused(createServiceToken({ connectionIds: [id] }), ...none);
    }
  });

  test('is paused and resumed, any number of times', async () => {
    const { id, token } = await create();
    for (let times = 0; times < 2; times++)
      assert.equal((await pause(id)).connection?.status, ConnectionStatus.PAUSED);
    assert.equal((await get(id)).connection?.status, ConnectionStatus.PAUSED);
    // Who has a good token is told, so that the gateway can say who was refused.
    const { connection, tokenId } = await authenticate(id, token);
    assert.equal(connection?.status, ConnectionStatus.PAUSED);
    const [listed] = (await listTokens(id)).tokens;
    assert.deepEqual([listed?.id, listed?.lastUsed !== undefined], [tokenId, true]);
    await refused(authenticate(id, 'wrong'), ErrorReason.TOKEN_INVALID);
    for (let times = 0; times < 2; times++)
      assert.equal((await resume(id)).connection?.status, ConnectionStatus.ACTIVE);
    assert.equal((await authenticate(id, token)).connection?.status, ConnectionStatus.ACTIVE);
  });
});

suite('deleting a connection', () => {
  test('refuses its requests at once and removes all it holds, and nothing else', async () => {
    const { id, token } = await create();
    const acme = driveConnection(directory.clients, id);
    const neighbour = await createDriver(directory.clients);
    for (const connection of [acme, neighbour]) {
      const ids = await connection.createUsers(Array.from({ length: 1_100 }, (_, index) => `user ${index}`));
      await connection.groupOf('Everyone', ids);
    }
    const before = await holdings(neighbour.connectionId);
    assert.deepEqual(before, {
      heads: 1,
      connections: 1,
      users: 1_100,
      groups: 1,
      memberships: 1_100,
      changes: 1_103,
    });

    await remove(id);
    const gone = [ErrorReason.CONNECTION_NOT_FOUND, { connection: id }] as const;
    await refused(acme.listUsers(), ...gone);
    await refused(acme.createUser('late'), ...gone);
    await refused(acme.listChanges(), ...gone);
    await refused(authenticate(id, token), ErrorReason.TOKEN_INVALID);
    await refused(createToken(id), ...gone);
    await refused(pause(id), ...gone);

    const { error } = await untilRefused(() => get(id));
    assert.equal(error.reason, ErrorReason.CONNECTION_NOT_FOUND);
    assert.deepEqual(await holdings(id), {
      heads: 0,
      connections: 0,
      users: 0,
      groups: 0,
      memberships: 0,
      changes: 0,
    });
    assert.deepEqual(await holdings(neighbour.connectionId), before);
    await refused(remove(id), ...gone);
  });

  test('is shown to operators until it is done, also to one who starts a directory meanwhile', async () => {
    const { id } = await create();
    const acme = driveConnection(directory.clients, id);
    await acme.createUsers(Array.from({ length: 200 }, (_, index) => `user ${index}`));
    await remove(id);
    const status = await get(id).then(
      ({ connection }) => connection?.status,
      () => undefined,
    );
    assert.ok(status === undefined || status === ConnectionStatus.DELETING, status);
    await using second = await startTestDirectory(directory.uri);
    const { error } = await untilRefused(() =>
      second.clients.connections.getConnection(GetConnectionRequest.fromPartial({ connectionId: id })),
    );
    assert.equal(error.reason, ErrorReason.CONNECTION_NOT_FOUND);
  });
});

suite('deleting a connection while it is paused or resumed', () => {
  test('has the last word', async () => {
    for (let round = 0; round < 8; round++) {
      const { id } = await create();
      const calls = [() => remove(id), () => pause(id), () => resume(id), () => pause(id)];
      const ordered = [...calls.slice(round % 4), ...calls.slice(0, round % 4)];
      const settled = await Promise.allSettled(ordered.map((call) => call()));
      for (const one of settled)
        if (one.status === 'rejected') assert.equal(one.reason.reason, ErrorReason.CONNECTION_NOT_FOUND);
      await untilRefused(async () => {
        assert.equal((await get(id)).connection?.status, ConnectionStatus.DELETING);
      });
      const left = await holdings(id);
      assert.ok(
        Object.values(left).every((count) => count === 0),
        JSON.stringify(left),
      );
    }
  });
});

/** How many documents of each collection belong to a connection. */
async function holdings(connection: string): Promise<Record<string, number>> {
  await using client = await MongoClient.connect(directory.uri);
  const counts: Record<string, number> = {};
  for (const name of ['heads', 'connections', 'users', 'groups', 'memberships', 'changes'])
    counts[name] = (await client.db().collection(name).find({ connection }).toArray()).length;
  return counts;
}

suite('a token', () => {
  test('opens its own connection and no other', async () => {
    const [acme, globex] = [await create(), await create()];
    const { token, secret } = await createToken(acme.id, ' rotation ');
    assert.match(secret, secretForm);
    assert.equal(token?.label, 'rotation');
    for (const known of [acme.token, secret]) {
      const { connection, tokenId } = await authenticate(acme.id, known);
      assert.equal(connection?.id, acme.id);
      assert.equal(tokenId === token?.id, known === secret);
      await refused(authenticate(globex.id, known), ErrorReason.TOKEN_INVALID);
      // Nothing tells whether a connection exists.
      await refused(authenticate(unknown, known), ErrorReason.TOKEN_INVALID);
      await refused(authenticate('no id', known), ErrorReason.TOKEN_INVALID);
    }
    for (const wrong of ['', 'wrong', `${secret}x`, digestOf(secret).toString('hex')])
      await refused(authenticate(acme.id, wrong), ErrorReason.TOKEN_INVALID);
    for (const size of [0, 31, 33])
      await refused(
        connections.authenticate(
          AuthenticateRequest.fromPartial({ connectionId: acme.id, tokenDigest: randomBytes(size) }),
        ),
        ErrorReason.REQUEST_INVALID,
        { field: 'token_digest' },
      );
  });

  test('is listed without its secret, with its last use', async () => {
    const { id, token: first } = await create();
    const expires = soon(3_600_000);
    const { token: second, secret } = await createToken(id, 'second', expires);
    assert.deepEqual(second?.expires, expires);
    assert.equal((await listTokens(id)).tokens[1]?.lastUsed, undefined);
    const started = Date.now();
    await authenticate(id, secret);
    const answer = await listTokens(id);
    assert.deepEqual(
      answer.tokens.map(({ label }) => label),
      ['first token', 'second'],
    );
    assert.equal(answer.tokens[0]?.lastUsed, undefined);
    const used = answer.tokens[1]?.lastUsed?.getTime() ?? 0;
    assert.ok(used >= started && used <= Date.now());
    const text = JSON.stringify(answer);
    for (const known of [first, secret]) {
      assert.ok(!text.includes(known.slice('rollcall_'.length)));
      assert.ok(!text.includes(digestOf(known).toString('hex')));
    }
  });

  test('is refused once it is revoked, and the others are not', async () => {
    const { id, token: first } = await create();
    const { token, secret } = await createToken(id);
    await authenticate(id, secret);
    const other = await create();
    await refused(revokeToken(other.id, token?.id ?? ''), ErrorReason.TOKEN_NOT_FOUND, {
      token: token?.id ?? '',
    });
    await revokeToken(id, token?.id ?? '');
    await refused(authenticate(id, secret), ErrorReason.TOKEN_INVALID);
    await authenticate(id, first);
    for (const odd of [token?.id ?? '', '', '__proto__', 'constructor', 'a.b', '$x'])
      await refused(revokeToken(id, odd), ErrorReason.TOKEN_NOT_FOUND, { token: odd });
    assert.equal((await listTokens(id)).tokens.length, 1);
  });

  test('is refused once it has expired, and never made for the past', async () => {
    const { id } = await create();
    for (const past of [soon(-1), new Date(0)])
      await refused(createToken(id, '', past), ErrorReason.REQUEST_INVALID, { field: 'expires' });
    const expires = soon(1_000);
    const { secret } = await createToken(id, '', expires);
    const { error, answers } = await untilRefused(() => authenticate(id, secret));
    assert.ok(Date.now() >= expires.getTime());
    assert.ok(answers > 0);
    assert.equal(error.reason, ErrorReason.TOKEN_INVALID);
  });

  test('has at most 19 beside it', async () => {
    const { id } = await create();
    for (let made = 1; made < 20; made++) await createToken(id);
    await refused(createToken(id), ErrorReason.LIMIT_EXCEEDED, { limit: 'tokens', maximum: '20' });
    const { tokens } = await listTokens(id);
    await revokeToken(id, tokens[0]?.id ?? '');
    await createToken(id);
    await refused(createToken(id, 'x'.repeat(201)), ErrorReason.REQUEST_INVALID, { field: 'label' });
  });
});

suite('a token that may only read', () => {
  test('is told from the others wherever tokens are described', async () => {
    const { id, token: first } = await create();
    const { token, secret } = await connections.createToken(
      CreateTokenRequest.fromPartial({ connectionId: id, readOnly: true }),
    );
    assert.equal(token?.readOnly, true);
    assert.equal((await authenticate(id, secret)).readOnly, true);
    assert.equal((await authenticate(id, first)).readOnly, false);
    assert.deepEqual(
      (await listTokens(id)).tokens.map(({ readOnly }) => readOnly),
      [false, true],
    );
  });
});

suite('a token that is tied to a user', () => {
  test('names the user wherever tokens are described', async () => {
    const acme = await createDriver(directory.clients);
    const ada = idOf((await acme.createUser('ada')).user);
    const { token, secret } = await createTokenFor(acme.connectionId, ada);
    assert.equal(token?.userId, ada);
    const { userId, readOnly, tokenId } = await authenticate(acme.connectionId, secret);
    assert.deepEqual([userId, readOnly, tokenId], [ada, false, token?.id]);
    assert.deepEqual(
      (await listTokens(acme.connectionId)).tokens.map(({ userId }) => userId),
      ['', ada],
    );
  });

  test('is made only for a user of its connection', async () => {
    const [acme, globex] = [await createDriver(directory.clients), await createDriver(directory.clients)];
    const stranger = idOf((await globex.createUser('ada')).user);
    const group = await acme.groupOf('Staff', []);
    const deleted = idOf((await acme.createUser('bob')).user);
    await acme.deleteUser(deleted);
    for (const id of [stranger, group, deleted, ...oddIds.filter((odd) => odd !== '')]) {
      await refused(createTokenFor(acme.connectionId, id), ErrorReason.RESOURCE_NOT_FOUND, {
        resource_type: 'User',
        id: id.slice(0, 64),
      });
    }
    const { message } = await refusal(createTokenFor(acme.connectionId, stranger));
    assert.equal(message, 'No User has this id.');
    assert.equal((await listTokens(acme.connectionId)).tokens.length, 1);
  });

  test('opens nothing while the user is inactive, nor once the user is deleted', async () => {
    const acme = await createDriver(directory.clients);
    const ada = idOf((await acme.createUser('ada')).user);
    const { secret } = await createTokenFor(acme.connectionId, ada);
    const isRefused = () => refused(authenticate(acme.connectionId, secret), ErrorReason.TOKEN_INVALID);
    const setActive = (value: boolean) =>
      acme.patchUser(ada, [operation(resourceTypes.user, 'REPLACE', 'active', value)]);

    await setActive(false);
    await isRefused();
    // Whether the connection is paused is told only to those who may use it.
    await pause(acme.connectionId);
    await isRefused();
    await resume(acme.connectionId);
    await setActive(true);
    assert.equal((await authenticate(acme.connectionId, secret)).userId, ada);
    await acme.patchUser(ada, [operation(resourceTypes.user, 'REMOVE', 'active')]);
    await isRefused();
    await setActive(true);
    await authenticate(acme.connectionId, secret);

    await acme.deleteUser(ada);
    await isRefused();
    // The name that is free again is another user, to whom the token gives nothing.
    await acme.createUser('ada');
    await isRefused();
    assert.equal((await listTokens(acme.connectionId)).tokens.length, 2);
  });

  test('costs one read of the user by key, any other token none', async () => {
    const acme = await createDriver(directory.clients);
    const ada = idOf((await acme.createUser('ada')).user);
    const { secret: untied } = await createToken(acme.connectionId);
    const { secret: tied } = await createTokenFor(acme.connectionId, ada);
    const commandsOf = async (secret: string) => {
      const before = userCommands.length;
      await authenticate(acme.connectionId, secret);
      return userCommands.slice(before);
    };
    assert.deepEqual(await commandsOf(untied), []);
    assert.deepEqual(await commandsOf(tied), [
      { name: 'find', filter: { _id: { $in: [`${acme.connectionId}/${ada}`] } } },
    ]);
  });
});

suite('a token of before tokens could be read-only or tied to a user', () => {
  test('may write and is tied to nobody', async () => {
    const { id, token } = await create();
    const tokenId = (await listTokens(id)).tokens[0]?.id ?? '';
    await using client = await MongoClient.connect(directory.uri);
    const { modifiedCount } = await client
      .db()
      .collection('connections')
      .updateOne({ connection: id }, { $unset: { [`tokens.${tokenId}.readOnly`]: '' } });
    assert.equal(modifiedCount, 1);
    const { readOnly, userId } = await authenticate(id, token);
    assert.deepEqual([readOnly, userId], [false, '']);
    const [listed] = (await listTokens(id)).tokens;
    assert.deepEqual([listed?.readOnly, listed?.userId], [false, '']);
  });
});

suite("an internal service's token", () => {
  test('names the connections it opens', async () => {
    const [acme, globex] = [await create(), await create()];
    const { token, secret } = await createServiceToken({
      label: 'billing',
      connectionIds: [acme.id, globex.id, acme.id],
    });
    assert.match(secret, secretForm);
    assert.deepEqual(token?.connectionIds, [acme.id, globex.id]);
    const answer = await authenticateService(secret);
    assert.deepEqual(answer.token, token);
    await refused(authenticateService('wrong'), ErrorReason.TOKEN_INVALID);
    // Neither kind of token is one of the other kind.
    await refused(authenticate(acme.id, secret), ErrorReason.TOKEN_INVALID);
    await refused(authenticateService(acme.token), ErrorReason.TOKEN_INVALID);
    await refused(
      connections.authenticateService(
        AuthenticateServiceRequest.fromPartial({ tokenDigest: randomBytes(31) }),
      ),
      ErrorReason.REQUEST_INVALID,
      { field: 'token_digest' },
    );
  });

  test('opens all connections only when told so', async () => {
    await refused(createServiceToken({ label: 'none' }), ErrorReason.REQUEST_INVALID, {
      field: 'connection_ids',
    });
    const { token, secret } = await createServiceToken({ label: 'all', allConnections: true });
    assert.deepEqual(token?.connectionIds, []);
    assert.deepEqual((await authenticateService(secret)).token, token);
    const { id } = await create();
    await refused(
      createServiceToken({ connectionIds: Array.from({ length: 1_001 }, () => id) }),
      ErrorReason.REQUEST_INVALID,
      { field: 'connection_ids' },
    );
    await refused(
      createServiceToken({ connectionIds: [id], label: 'x'.repeat(201) }),
      ErrorReason.REQUEST_INVALID,
      {
        field: 'label',
      },
    );
  });

  test('is listed, revoked and expires', async () => {
    const { id } = await create();
    const { token, secret } = await createServiceToken({ label: 'a', connectionIds: [id] });
    const { token: other, secret: kept } = await createServiceToken({ label: 'b', connectionIds: [id] });
    const list = async () =>
      (await connections.listServiceTokens(ListServiceTokensRequest.fromPartial({}))).tokens.filter(
        ({ connectionIds }) => connectionIds.includes(id),
      );
    assert.deepEqual(await list(), [token, other]);
    const tokenId = token?.id ?? '';
    await connections.revokeServiceToken(RevokeServiceTokenRequest.fromPartial({ tokenId }));
    await refused(authenticateService(secret), ErrorReason.TOKEN_INVALID);
    await authenticateService(kept);
    assert.deepEqual(await list(), [other]);
    for (const odd of [tokenId, '', '$x'])
      await refused(
        connections.revokeServiceToken(RevokeServiceTokenRequest.fromPartial({ tokenId: odd })),
        ErrorReason.TOKEN_NOT_FOUND,
        { token: odd },
      );

    await refused(
      createServiceToken({ connectionIds: [id], expires: soon(-1) }),
      ErrorReason.REQUEST_INVALID,
      {
        field: 'expires',
      },
    );
    const expires = soon(1_000);
    const short = await createServiceToken({ connectionIds: [id], expires });
    const { error, answers } = await untilRefused(() => authenticateService(short.secret));
    assert.ok(answers > 0 && Date.now() >= expires.getTime());
    assert.equal(error.reason, ErrorReason.TOKEN_INVALID);
  });
});
