import { readFile } from 'node:fs/promises';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { callerToken, createCallerCheck } from '#rpc/caller.ts';
import {
  createRpcChannel,
  createRpcClient,
  type RpcChannelOptions,
  type RpcClient,
} from '#rpc/rpc-client.ts';
import type { RpcError } from '#rpc/rpc-error.ts';
import { bindService, type ServiceHandlers } from '#rpc/rpc-handlers.ts';
import { type RpcServer, startRpcServer } from '#rpc/rpc-server.ts';

const secretKey = Buffer.alloc(32, 'k');

/** The handlers of a test; the others of the service answer INTERNAL. */
export type UserHandlers = Partial<ServiceHandlers<typeof UserServiceService>>;

/** A real gRPC server of UserService with a test's own handlers, and what it logged. */
export interface UserRpcServer extends RpcServer {
  /** The lines logged so far. */
  readonly logged: readonly Record<string, unknown>[];
}

/** Starts one on loopback with insecure credentials unless others are given. */
export async function startUserRpcServer(
  handlers: UserHandlers,
  options: {
    readonly toRpcError?: (error: unknown) => RpcError | undefined;
    readonly credentials?: ServerCredentials;
    readonly graceMs?: number;
    readonly port?: number;
  } = {},
): Promise<UserRpcServer> {
  const logged: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  const missing = () => {
    throw new Error('this test has no such handler');
  };
  const all: ServiceHandlers<typeof UserServiceService> = {
    createUser: missing,
    getUser: missing,
    listUsers: missing,
    replaceUser: missing,
    patchUser: missing,
    deleteUser: missing,
    ...handlers,
  };
  const server = await startRpcServer({
    host: '127.0.0.1',
    port: options.port ?? 0,
    credentials: options.credentials ?? ServerCredentials.createInsecure(),
    descriptors: await readFile(new URL('../../proto/gen/rollcall.binpb', import.meta.url)),
    logger,
    ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
    bind: (grpcServer) =>
      bindService(grpcServer, UserServiceService, all, {
        authorize: createCallerCheck([secretKey]),
        toRpcError: options.toRpcError ?? (() => undefined),
        logger,
      }),
  });
  return { ...server, logged };
}

/** A client of such a server, with the credential of the gateway unless another is given. */
export function connectUserClient(
  server: RpcServer,
  options: Partial<RpcChannelOptions> = {},
): RpcClient<typeof UserServiceService> & Disposable {
  const channel = createRpcChannel({
    address: server.address,
    credentials: ChannelCredentials.createInsecure(),
    token: callerToken(secretKey, 'gateway'),
    timeoutMs: 20_000,
    ...options,
  });
  return { ...createRpcClient(UserServiceService, channel), [Symbol.dispose]: channel[Symbol.dispose] };
}

/** The credential that such a server accepts for a role. */
export function userRpcToken(role: Parameters<typeof callerToken>[1]): string {
  return callerToken(secretKey, role);
}
