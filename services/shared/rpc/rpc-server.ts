import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { ConfigError } from '#runtime/config.ts';
import type { Logger } from '#runtime/logger.ts';
import { keepalive, maximumRequestBytes, maximumResponseBytes } from './transport-limits.ts';

/** What a server needs. */
export interface RpcServerOptions {
  /** The address to listen on, without brackets. */
  readonly host: string;
  /** The port to listen on; 0 picks a free one. */
  readonly port: number;
  /** How connections are secured. */
  readonly credentials: ServerCredentials;
  /** Adds the services; called once, before the server listens. */
  readonly bind: (server: Server) => void;
  /** A serialized `google.protobuf.FileDescriptorSet` of the services, answered by server reflection. */
  readonly descriptors: Buffer;
  /** How long calls in flight may go on once the server is disposed, in milliseconds; 5,000 when absent. */
  readonly graceMs?: number;
  /** Told when calls had to be cut off. */
  readonly logger: Logger;
}

/**
 * A listening server. Disposing it answers NOT_SERVING to health checks, takes no new calls, waits for those in flight
 * and then cuts off what is left.
 */
export interface RpcServer extends AsyncDisposable {
  /** `host:port`, as a client's address. */
  readonly address: string;
  /** The port it listens on. */
  readonly port: number;
}

/** Starts a gRPC server with its services, `grpc.health.v1` and server reflection. Throws ConfigError when it cannot listen. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  // Without channelz, which nobody asks, grpc-js does not know its connections, and forceShutdown cuts off none.
  const server = new Server({
    'grpc.max_receive_message_length': maximumRequestBytes,
    'grpc.max_send_message_length': maximumResponseBytes,
    ...keepalive,
  });
  const health = new HealthImplementation({ '': 'SERVING' });
  options.bind(server);
  health.addToServer(server);
  createReflection(options.descriptors).addToServer(server);

  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const port = await listen(server, `${host}:${options.port}`, options.credentials);
  return {
    address: `${host}:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      health.setStatus('', 'NOT_SERVING');
      await stop(server, options);
    },
  };
}

/**
 * Makes server reflection. It reads all files of every type that it is given, so it is given one type with all of them:
 * with each type a start takes twice as long, and a hundred megabytes.
 */
function createReflection(descriptors: Buffer): ReflectionService {
  const { file: files } = fromBinary(FileDescriptorSetSchema, descriptors);
  const fileDescriptorProtos = files.map(({ sourceCodeInfo: _comments, ...file }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file)),
  );
  const format = 'Protocol Buffer 3 EnumDescriptorProto';
  return new ReflectionService({ any: { format, type: {}, fileDescriptorProtos } });
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(address, credentials, (error, port) => {
    if (error === null) resolve(port);
    else {
      const message = `gRPC cannot listen on ${address}: another process has the port, or this machine has not the address.`;
      reject(new ConfigError(message, { cause: error }));
    }
  });
  return promise;
}

async function stop(server: Server, { graceMs = 5_000, logger }: RpcServerOptions): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    logger.warn({ graceMs }, 'Calls were still in flight when the time to stop was over; they are cut off');
    server.forceShutdown();
  }, graceMs);
  server.tryShutdown(() => resolve());
  await promise;
  clearTimeout(timer);
}
