import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ExchangeServiceService } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { RoleServiceService } from '#proto/rollcall/directory/v1/role_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { createRpcClient, type RpcChannel, type RpcClient } from '#rpc/rpc-client.ts';
import { readConfig } from '#runtime/config.ts';
import { type CliConfig, cliConfig, connectionBaseUrl, connectionTokenUrl } from './config.ts';

/** What a command works with. */
export interface DirectorySession {
  /** Calls the directory as an operator. */
  readonly connections: RpcClient<typeof ConnectionServiceService>;
  /** Reads the sync log. */
  readonly exchanges: RpcClient<typeof ExchangeServiceService>;
  /** Reads what was changed. */
  readonly changes: RpcClient<typeof ChangeServiceService>;
  /** Reads and edits role mappings. */
  readonly roles: RpcClient<typeof RoleServiceService>;
  /** Reads users. */
  readonly users: RpcClient<typeof UserServiceService>;
  /** The channel to the directory, for other clients. */
  readonly channel: RpcChannel;
  /** The base URL that an identity provider is given for a connection. */
  baseUrl(connectionId: string): string;
  /** Where the OAuth clients of a connection get their tokens. */
  tokenUrl(connectionId: string): string;
}

/** Runs a command with a session that is closed after it. */
export type WithDirectory = (command: (session: DirectorySession) => Promise<void>) => Promise<void>;

const timeoutMs = 10_000;

/** Makes sessions by the environment, which is read when a command runs and not before, so that help needs nothing. */
export function createWithDirectory(env: Record<string, string | undefined>): WithDirectory {
  return async (command) => {
    const config: CliConfig = readConfig(cliConfig, env);
    using channel = await openDirectoryChannel(config, 'admin', { timeoutMs });
    await command({
      connections: createRpcClient(ConnectionServiceService, channel),
      exchanges: createRpcClient(ExchangeServiceService, channel),
      changes: createRpcClient(ChangeServiceService, channel),
      roles: createRpcClient(RoleServiceService, channel),
      users: createRpcClient(UserServiceService, channel),
      channel,
      baseUrl: (connectionId) => connectionBaseUrl(config, connectionId),
      tokenUrl: (connectionId) => connectionTokenUrl(config, connectionId),
    });
  };
}
