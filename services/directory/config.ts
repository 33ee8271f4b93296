import { z } from 'zod';
import { dataDirSetting, tlsSettings } from '#rpc/directory-channel.ts';
import { processSettings } from '#runtime/process-settings.ts';

const port = z.coerce.number().int().min(0).max(65_535);

/** The environment of the directory, for `readConfig`. */
export const directoryConfig = z.object({
  ROLLCALL_MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//)
    .optional()
    .describe('MongoDB connection string of a replica set or sharded cluster; absent starts an embedded one'),
  ...dataDirSetting,
  ROLLCALL_DIRECTORY_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('address on which the directory listens; any other than loopback needs ROLLCALL_TLS_*'),
  ROLLCALL_DIRECTORY_PORT: port.default(50_051).describe('port of the directory, 0 picks a free one'),
  ROLLCALL_SECRET_KEY: z
    .string()
    .optional()
    .describe(
      'base64 or hex of at least 32 bytes, from which credentials and page cursors are made; several separated by commas, the current one first; absent makes one in the data folder',
    ),
  ROLLCALL_CHANGE_RETENTION: z.coerce
    .number()
    .int()
    .min(1)
    .max(36_500)
    .default(30)
    .describe(
      'days for which the change feed keeps a change; who follows it from an older position exports again',
    ),
  ...tlsSettings,
  ...processSettings,
});

/** What `startDirectory` needs to know. */
export type DirectoryConfig = z.output<typeof directoryConfig>;
