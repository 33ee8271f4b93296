import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ChannelCredentials, Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  GetUserRequest,
  GetUserResponse,
  ListUsersRequest,
  ListUsersResponse,
  UserServiceService,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import {
  connectUserClient,
  startUserRpcServer,
  type UserHandlers,
  type UserRpcServer,
  userRpcToken,
} from '../support/user-rpc-server.ts';

const getRequest = GetUserRequest.fromPartial({ connectionId: 'demo1234', id: 'a' });
const listRequest = ListUsersRequest.fromPartial({ connectionId: 'demo1234' });

function userPart(userName: string): ListUsersResponse {
  return ListUsersResponse.fromPartial({
    part: { $case: 'users', value: { users: [{ user: { userName } }] } },
  });
}

function namesIn({ part }: ListUsersResponse): (string | undefined)[] {
  return part?.$case === 'users' ? part.value.users.map(({ user }) => user?.userName) : [];
}

/** A handler that waits until its call is over, and what it was aborted with. */
function waitingHandler() {
  const entered = Promise.withResolvers<CallContext>();
  const aborted = Promise.withResolvers<unknown>();
  const getUser: NonNullable<UserHandlers['getUser']> = async (_request, call) => {
    entered.resolve(call);
    if (!call.signal.aborted) await once(call.signal, 'abort');
    aborted.resolve(call.signal.reason);
    throw call.signal.reason;
  };
  return { getUser, entered: entered.promise, aborted: aborted.promise };
}

/** Calls getUser without our client, to see all that is sent. */
async function rawFailure(server: UserRpcServer, metadata: Metadata): Promise<ServiceError> {
  const client = new Client(server.address, ChannelCredentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = UserServiceService.getUser;
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        getRequest,
        metadata,
        {},
        (error) => {
          if (error) resolve(error);
          else reject(new Error('the call succeeded'));
        },
      );
    });
  } finally {
    client.close();
  }
}

suite('a unary call', () => {
  test('hands request, caller, request id and deadline to the handler and its answer back', async () => {
    let seen: CallContext | undefined;
    await using server = await startUserRpcServer({
      getUser: async (request, call) => {
        seen = call;
        return GetUserResponse.fromPartial({ user: { id: request.id }, asOf: 7 });
      },
    });
    using users = connectUserClient(server);
    const before = Date.now();
    const answer = await users.getUser(getRequest, { requestId: 'request-1', timeoutMs: 60_000 });
    assert.equal(answer.user?.id, 'a');
    assert.equal(answer.asOf, 7);
    assert.deepEqual(seen?.caller, { role: 'gateway' });
    assert.equal(seen?.requestId, 'request-1');
    assert.ok(seen.deadline > before && seen.deadline <= Date.now() + 60_000);
  });

  test('without a request id or a deadline says so', async () => {
    let seen: CallContext | undefined;
    await using server = await startUserRpcServer({
      getUser: async (_request, call) => {
        seen = call;
        return GetUserResponse.fromPartial({});
      },
    });
    using users = connectUserClient(server);
    await users.getUser(getRequest, { timeoutMs: Number.POSITIVE_INFINITY });
    assert.equal(seen?.requestId, '');
    assert.equal(seen?.deadline, Number.POSITIVE_INFINITY);
  });

  test('that its caller aborts aborts the handler', async () => {
    const { getUser, entered, aborted } = waitingHandler();
    await using server = await startUserRpcServer({ getUser });
    using users = connectUserClient(server);
    const controller = new AbortController();
    const call = users.getUser(getRequest, { signal: controller.signal });
    const rejected = assert.rejects(call, { code: status.CANCELLED, reason: ErrorReason.DEADLINE_EXCEEDED });
    await entered;
    controller.abort();
    await rejected;
    assert.equal(((await aborted) as RpcError).reason, ErrorReason.DEADLINE_EXCEEDED);
    assert.deepEqual(server.logged, []);
  });

  test('with a signal that is aborted already is not made', async () => {
    await using server = await startUserRpcServer({});
    using users = connectUserClient(server);
    const call = users.getUser(getRequest, { signal: AbortSignal.abort() });
    await assert.rejects(call, { name: 'RpcError', code: status.CANCELLED });
    assert.deepEqual(server.logged, []);
  });

  test('whose deadline passes aborts the handler and rejects', async () => {
    const { getUser, aborted } = waitingHandler();
    await using server = await startUserRpcServer({ getUser });
    using users = connectUserClient(server);
    // Long enough for the call to arrive on a busy machine.
    await assert.rejects(users.getUser(getRequest, { timeoutMs: 1_000 }), {
      name: 'RpcError',
      code: status.DEADLINE_EXCEEDED,
      reason: ErrorReason.DEADLINE_EXCEEDED,
    });
    assert.ok((await aborted) instanceof RpcError);
    assert.deepEqual(server.logged, []);
  });
});

suite('a stream', () => {
  test('of 10,000 messages waits for a slow reader and arrives whole and in order', async () => {
    let made = 0;
    await using server = await startUserRpcServer({
      async *listUsers() {
        for (; made < 10_000; made++) yield userPart(`${made}:${'x'.repeat(1_000)}`);
      },
    });
    using users = connectUserClient(server);
    let read = 0;
    let ahead = 0;
    for await (const message of users.listUsers(listRequest)) {
      assert.ok(namesIn(message)[0]?.startsWith(`${read}:`));
      read += 1;
      ahead = Math.max(ahead, made - read);
      // Gives the server turn after turn to run ahead, were it to.
      if (read < 500) for (let turn = 0; turn < 5; turn++) await setImmediate();
    }
    assert.equal(read, 10_000);
    assert.ok(ahead < 1_000, `the handler ran ${ahead} messages ahead of its reader`);
  });

  test('that is left early stops the handler and runs its finally', async () => {
    const stopped = Promise.withResolvers<number>();
    await using server = await startUserRpcServer({
      async *listUsers() {
        let made = 0;
        try {
          for (; ; made++) yield userPart(`${made}`);
        } finally {
          stopped.resolve(made);
        }
      },
    });
    using users = connectUserClient(server);
    let read = 0;
    for await (const _ of users.listUsers(listRequest)) if (++read === 3) break;
    assert.ok((await stopped.promise) >= 2);
    assert.deepEqual(server.logged, []);
  });

  test('that is aborted while its handler waits for news stops the handler', async () => {
    const stopped = Promise.withResolvers<void>();
    await using server = await startUserRpcServer({
      async *listUsers(_request, call) {
        try {
          yield userPart('first');
          await once(call.signal, 'abort');
          call.signal.throwIfAborted();
        } finally {
          stopped.resolve();
        }
      },
    });
    using users = connectUserClient(server);
    const controller = new AbortController();
    await assert.rejects(
      async () => {
        for await (const _ of users.listUsers(listRequest, { signal: controller.signal })) controller.abort();
      },
      { name: 'RpcError', code: status.CANCELLED },
    );
    await stopped.promise;
  });

  test('whose reader stands still is stopped by its deadline', async () => {
    const stopped = Promise.withResolvers<unknown>();
    await using server = await startUserRpcServer({
      async *listUsers(_request, call) {
        try {
          for (;;) yield userPart('x'.repeat(10_000));
        } finally {
          stopped.resolve(call.signal.reason);
        }
      },
    });
    // A client of ours would cancel the call itself when the deadline passes; this one never reads nor cancels.
    const session = connect(`http://${server.address}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': UserServiceService.listUsers.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '500m',
      authorization: `Bearer ${userRpcToken('gateway')}`,
    });
    const message = UserServiceService.listUsers.requestSerialize(listRequest);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    const reason = await stopped.promise;
    session.destroy();
    assert.ok(reason instanceof RpcError && reason.reason === ErrorReason.DEADLINE_EXCEEDED);
  });

  test('that fails halfway delivers what came before and then the error', async () => {
    await using server = await startUserRpcServer({
      async *listUsers() {
        yield userPart('first');
        throw new RpcError(ErrorReason.TOO_MANY, 'Ask for less.', { maximum: '5' });
      },
    });
    using users = connectUserClient(server);
    const names: (string | undefined)[] = [];
    await assert.rejects(
      async () => {
        for await (const message of users.listUsers(listRequest)) names.push(...namesIn(message));
      },
      { code: status.RESOURCE_EXHAUSTED, reason: ErrorReason.TOO_MANY, metadata: { maximum: '5' } },
    );
    assert.deepEqual(names, ['first']);
  });
});

suite('an error', () => {
  test('arrives with code, reason, metadata and text, each reason with its documented code', async () => {
    await using server = await startUserRpcServer({
      getUser: async ({ id }) => {
        const reason = Object.values(ErrorReason).find((value) => value === id) ?? ErrorReason.INTERNAL;
        throw new RpcError(reason, 'Ünïcode \ud800 text, 100% of it.', { id, attribute: 'userName' });
      },
    });
    using users = connectUserClient(server);
    const codes: Record<string, string | undefined> = {};
    for (const reason of Object.values(ErrorReason)) {
      if (reason === ErrorReason.INTERNAL) continue;
      const error = await users.getUser({ ...getRequest, id: reason }).then(
        () => assert.fail('the call succeeded'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof RpcError);
      assert.equal(error.reason, reason);
      assert.equal(error.message, 'Ünïcode \ufffd text, 100% of it.');
      assert.deepEqual(error.metadata, { id: reason, attribute: 'userName' });
      codes[reason.slice('ERROR_REASON_'.length)] = status[error.code];
    }
    const proto = await readFile(
      new URL('../../proto/rollcall/directory/v1/error_reason.proto', import.meta.url),
      'utf8',
    );
    const documented = [...proto.matchAll(/((?: *\/\/ .*\n)+) *ERROR_REASON_(\w+) =/g)].map(
      ([, comment = '', name]) => {
        const text = comment.replaceAll(/\s*\/\/ /g, ' ');
        return [name, /Code ([A-Z_]+)/.exec(text)?.[1] ?? 'UNKNOWN'];
      },
    );
    assert.deepEqual(codes, Object.fromEntries(documented.filter(([name]) => name !== 'INTERNAL')));
  });

  test('that the service declares is translated by it', async () => {
    await using server = await startUserRpcServer(
      {
        getUser: async () => {
          throw new RangeError('domain');
        },
      },
      {
        toRpcError: (error) =>
          error instanceof RangeError
            ? new RpcError(ErrorReason.UNIQUENESS, 'Taken.', { attribute: 'userName' })
            : undefined,
      },
    );
    using users = connectUserClient(server);
    await assert.rejects(users.getUser(getRequest), {
      code: status.ALREADY_EXISTS,
      reason: ErrorReason.UNIQUENESS,
      message: 'Taken.',
      metadata: { attribute: 'userName' },
    });
    assert.deepEqual(server.logged, []);
  });

  for (const [kind, error] of [
    ['undeclared', new Error('mongodb://internal-host leaked')],
    ['declared as internal', new RpcError(ErrorReason.INTERNAL, 'leaked', { secret: 'leaked' })],
    ['not even an Error', 'leaked'],
  ] as const) {
    test(`that is ${kind} says nothing of its cause and is logged`, async () => {
      await using server = await startUserRpcServer({
        getUser: async () => {
          throw error;
        },
      });
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${userRpcToken('admin')}`);
      metadata.set('rollcall-request-id', 'request-9');
      const failure = await rawFailure(server, metadata);
      assert.equal(failure.code, status.INTERNAL);
      const sent = [failure.details, ...Object.values(failure.metadata.getMap()).map(String)].join();
      assert.match(sent, /Something failed inside/);
      assert.match(sent, /ERROR_REASON_INTERNAL/);
      assert.doesNotMatch(sent, /leaked|internal-host/);
      assert.equal(server.logged.length, 1);
      assert.equal(server.logged[0]?.requestId, 'request-9');
      assert.equal(server.logged[0]?.method, UserServiceService.getUser.path);
      assert.match(JSON.stringify(server.logged[0]), /leaked/);
    });
  }

  test('of a server that is not there is UNAVAILABLE', async () => {
    const server = await startUserRpcServer({});
    await server[Symbol.asyncDispose]();
    using users = connectUserClient(server);
    await assert.rejects(users.getUser(getRequest), {
      name: 'RpcError',
      code: status.UNAVAILABLE,
      reason: ErrorReason.DATABASE_UNAVAILABLE,
      message: 'The directory cannot be reached.',
    });
  });
});

suite('a retried read', () => {
  for (const [reason, expected] of [
    [ErrorReason.DATABASE_UNAVAILABLE, 3],
    [ErrorReason.CONNECTION_PAUSED, 1],
  ] as const) {
    test(`that fails with ${reason} is made ${expected} times`, async () => {
      let calls = 0;
      await using server = await startUserRpcServer({
        getUser: async () => {
          calls += 1;
          throw new RpcError(reason, 'Not now.');
        },
      });
      using users = connectUserClient(server, { retry: [UserServiceService.getUser] });
      await assert.rejects(users.getUser(getRequest), { code: status.UNAVAILABLE, reason });
      assert.equal(calls, expected);
    });
  }

  test('is made once unless its method was named', async () => {
    let calls = 0;
    await using server = await startUserRpcServer({
      getUser: async () => {
        calls += 1;
        throw new RpcError(ErrorReason.DATABASE_UNAVAILABLE, 'Not now.');
      },
    });
    using users = connectUserClient(server, { retry: [UserServiceService.listUsers] });
    await assert.rejects(users.getUser(getRequest), { code: status.UNAVAILABLE });
    assert.equal(calls, 1);
  });
});
