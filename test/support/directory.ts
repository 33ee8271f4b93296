import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ExchangeServiceService } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { RoleServiceService } from '#proto/rollcall/directory/v1/role_service.ts';
import { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { createRpcClient, type RpcChannel } from '#rpc/rpc-client.ts';
import { readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';
import { loadSecretKeys, type SecretKeys, writeCallerTokens } from '#runtime/secret-keys.ts';
import { directoryConfig } from '../../services/directory/config.ts';
import { type DirectoryResources, startDirectory } from '../../services/directory/start-directory.ts';
import { sharedDatabase, uniqueDatabaseName } from './database.ts';

/** How long a call of a test may take: long enough for a busy machine, short enough to say which one hangs. */
const callTimeoutMs = 30_000;

/** The directory's services as an operator calls them. */
export function directoryClients(channel: RpcChannel) {
  return {
    users: createRpcClient(UserServiceService, channel),
    groups: createRpcClient(GroupServiceService, channel),
    search: createRpcClient(SearchServiceService, channel),
    memberships: createRpcClient(MembershipServiceService, channel),
    roles: createRpcClient(RoleServiceService, channel),
    connections: createRpcClient(ConnectionServiceService, channel),
    changes: createRpcClient(ChangeServiceService, channel),
    exchanges: createRpcClient(ExchangeServiceService, channel),
  };
}

/** The directory's services as an operator calls them. */
export type DirectoryClients = ReturnType<typeof directoryClients>;

/**
 * A directory alone, on a database of its own unless one is given; `onCommand` hears every command that it sends to the
 * database, and `clock` is what it reads the time from.
 */
export async function startTestDirectory(
  uri?: string,
  secretKeys?: SecretKeys,
  onCommand?: DirectoryResources['onCommand'],
  clock?: DirectoryResources['clock'],
): Promise<
  AsyncDisposable & {
    readonly address: string;
    readonly uri: string;
    readonly dataDir: string;
    readonly metrics: Registry;
    readonly clients: DirectoryClients;
  }
> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-test-data-'));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const keys = secretKeys ?? (await loadSecretKeys({ dataDir, secretKey: randomBytes(32).toString('hex') }));
  await writeCallerTokens(dataDir, keys[0]);
  const databaseUri = uri ?? (await ownDatabase());
  const database = { uri: databaseUri };
  const env = readConfig(directoryConfig, { ROLLCALL_DIRECTORY_PORT: '0', ROLLCALL_DATA_DIR: dataDir });
  const metrics = new Registry();
  const directory = stack.use(
    await startDirectory(env, {
      database,
      secretKeys: keys,
      logger: testLogger('directory'),
      metrics,
      onCommand,
      clock,
    }),
  );
  const channel = stack.use(
    await openDirectoryChannel(
      { ROLLCALL_DATA_DIR: dataDir, ROLLCALL_DIRECTORY_ADDRESS: directory.address },
      'admin',
      { timeoutMs: callTimeoutMs },
    ),
  );
  const running = stack.move();
  return {
    address: directory.address,
    uri: databaseUri,
    dataDir,
    metrics,
    clients: directoryClients(channel),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A URI that names a database of the shared server that nobody else uses. */
export async function ownDatabase(): Promise<string> {
  const uri = new URL(await sharedDatabase());
  uri.pathname = `/${uniqueDatabaseName()}`;
  return uri.href;
}

/** A logger that says only what a test should not cause. */
export function testLogger(name: string) {
  return createLogger({ level: 'warn', name });
}
