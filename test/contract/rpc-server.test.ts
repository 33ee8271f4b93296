import assert from 'node:assert/strict';
import { on, once } from 'node:events';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  ChannelCredentials,
  makeGenericClientConstructor,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { FileDescriptorProto } from '#proto/google/protobuf/descriptor.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { GetUserRequest, GetUserResponse } from '#proto/rollcall/directory/v1/user_service.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import { connectUserClient, startUserRpcServer, type UserRpcServer } from '../support/user-rpc-server.ts';

const reflectionProto = fileURLToPath(
  new URL('../proto/grpc/reflection/v1/reflection.proto', import.meta.resolve('@grpc/reflection')),
);
const request = GetUserRequest.fromPartial({ connectionId: 'demo1234', id: 'a' });

/** A client as any tool would have, made from a published `.proto`, without a credential. */
function publicClient(server: UserRpcServer, file: string, service: string) {
  const [definition] = Object.entries(loadSync(file, { keepCase: true, enums: String }))
    .filter(([name]) => name === service)
    .map(([, found]) => found as ServiceDefinition);
  assert.ok(definition);
  const ServiceClient = makeGenericClientConstructor(definition, service);
  const client = new ServiceClient(server.address, ChannelCredentials.createInsecure());
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

suite('a server', () => {
  test('answers health checks without a credential', async () => {
    await using server = await startUserRpcServer({});
    using health = publicClient(server, healthProto, 'grpc.health.v1.Health');
    const { promise, resolve } = Promise.withResolvers<unknown>();
    health.Check?.({ service: '' }, (error: unknown, answer: unknown) => resolve(error ?? answer));
    assert.deepEqual(await promise, { status: 'SERVING' });
  });

  test('describes its services by reflection without a credential', async () => {
    await using server = await startUserRpcServer({});
    using reflection = publicClient(server, reflectionProto, 'grpc.reflection.v1.ServerReflection');
    const call = reflection.ServerReflectionInfo?.();
    const answers = on(call, 'data', { close: ['end'] });
    call.write({ list_services: '' });
    const names = (await answers.next()).value?.[0].list_services_response.service.map(
      ({ name }: { name: string }) => name,
    );
    assert.ok(names.includes('rollcall.directory.v1.UserService'), String(names));

    call.write({ file_containing_symbol: 'rollcall.directory.v1.UserService' });
    const described = (await answers.next()).value?.[0].file_descriptor_response.file_descriptor_proto
      .map((bytes: Buffer) => FileDescriptorProto.decode(bytes))
      .flatMap((descriptor: FileDescriptorProto) => descriptor.service)
      .find(({ name }: { name: string }) => name === 'UserService');
    assert.ok(described.method.some(({ name }: { name: string }) => name === 'GetUser'));
    call.end();
    await once(call, 'end');
  });

  test('that cannot listen says where', async () => {
    await using server = await startUserRpcServer({});
    await assert.rejects(startUserRpcServer({}, { port: server.port }), {
      name: 'ConfigError',
      message: `gRPC cannot listen on ${server.address}: another process has the port, or this machine has not the address.`,
    });
  });
});

suite('a stopping server', () => {
  test('reports NOT_SERVING, takes no new call and finishes those in flight', async () => {
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const server = await startUserRpcServer({
      getUser: async ({ id }) => {
        entered.resolve();
        await release.promise;
        return GetUserResponse.fromPartial({ user: { id } });
      },
    });
    using health = publicClient(server, healthProto, 'grpc.health.v1.Health');
    using users = connectUserClient(server);
    const watch = health.Watch?.({ service: '' });
    watch.on('error', () => undefined);
    const statuses = on(watch, 'data');
    assert.deepEqual((await statuses.next()).value, [{ status: 'SERVING' }]);
    const inFlight = users.getUser(request);
    await entered.promise;

    const stopped = server[Symbol.asyncDispose]();
    assert.deepEqual((await statuses.next()).value, [{ status: 'NOT_SERVING' }]);
    watch.cancel();
    using late = connectUserClient(server);
    await assert.rejects(late.getUser(request), { code: status.UNAVAILABLE });
    release.resolve();
    assert.equal((await inFlight).user?.id, 'a');
    await stopped;
    assert.deepEqual(server.logged, []);
  });

  test('cuts off calls that outlast the grace', async () => {
    const entered = Promise.withResolvers<CallContext>();
    const server = await startUserRpcServer(
      {
        getUser: async (_request, call) => {
          entered.resolve(call);
          await once(call.signal, 'abort');
          throw call.signal.reason;
        },
      },
      { graceMs: 10 },
    );
    using users = connectUserClient(server);
    const call = users.getUser(request);
    const { signal } = await entered.promise;
    await Promise.all([
      assert.rejects(call, { name: 'RpcError', code: status.UNAVAILABLE }),
      once(signal, 'abort'),
      server[Symbol.asyncDispose](),
    ]);
    assert.equal(signal.reason.reason, ErrorReason.DEADLINE_EXCEEDED);
    assert.match(String(server.logged[0]?.msg), /cut off/);
  });
});
