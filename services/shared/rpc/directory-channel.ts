import { z } from 'zod';
import { readCallerToken } from '#runtime/secret-keys.ts';
import type { CallerRole } from './caller.ts';
import { createRpcChannel, type RpcChannel, type RpcChannelOptions } from './rpc-client.ts';
import { clientCredentials } from './tls.ts';

/** Where the services of one machine find each other's credentials. */
export const dataDirSetting = {
  ROLLCALL_DATA_DIR: z
    .string()
    .default('.rollcall')
    .describe('the folder for the database, the secret key and the credentials of the services'),
};

/** The files for mutual TLS over gRPC, on both sides of it. */
export const tlsSettings = {
  ROLLCALL_TLS_CERT: z
    .string()
    .optional()
    .describe('PEM file of the certificate this process shows over gRPC; needed off loopback'),
  ROLLCALL_TLS_KEY: z.string().optional().describe('PEM file of the key of ROLLCALL_TLS_CERT'),
  ROLLCALL_TLS_CLIENT_CA: z
    .string()
    .optional()
    .describe('PEM file of the authority that signs the certificates of the other services'),
};

/** The settings of everything that calls the directory; part of the schema that `readConfig` gets. */
export const directoryChannelSettings = {
  ...dataDirSetting,
  ROLLCALL_DIRECTORY_ADDRESS: z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/, 'not an address')
    .default('127.0.0.1:50051')
    .describe('where the directory listens, as host:port'),
  ROLLCALL_DIRECTORY_TOKEN: z
    .string()
    .optional()
    .describe('the credential of the caller for the directory; read from the data folder when not set'),
  ...tlsSettings,
};

/** The values of `directoryChannelSettings`. */
export type DirectoryChannelConfig = z.output<z.ZodObject<typeof directoryChannelSettings>>;

/**
 * Opens a channel to the directory with the credential of a role: `ROLLCALL_DIRECTORY_TOKEN`, or else the one that the
 * directory left in the data folder. Throws ConfigError when there is neither, and for wrong TLS settings.
 */
export async function openDirectoryChannel(
  config: DirectoryChannelConfig,
  role: Exclude<CallerRole, 'service'>,
  options: Pick<RpcChannelOptions, 'timeoutMs' | 'retry'>,
): Promise<RpcChannel> {
  return createRpcChannel({
    ...options,
    address: config.ROLLCALL_DIRECTORY_ADDRESS,
    credentials: await clientCredentials(config.ROLLCALL_DIRECTORY_ADDRESS, {
      cert: config.ROLLCALL_TLS_CERT,
      key: config.ROLLCALL_TLS_KEY,
      clientCa: config.ROLLCALL_TLS_CLIENT_CA,
    }),
    token: config.ROLLCALL_DIRECTORY_TOKEN ?? (await readCallerToken(config.ROLLCALL_DATA_DIR, role)),
  });
}
