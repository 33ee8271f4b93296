import { z } from 'zod';
import { directoryChannelSettings } from '#rpc/directory-channel.ts';
import { processSettings } from '#runtime/process-settings.ts';

/** The environment of the access service, for `readConfig`. */
export const accessConfig = z.object({
  ...directoryChannelSettings,
  ROLLCALL_ACCESS_HOST: z
    .string()
    .default('127.0.0.1')
    .describe(
      'address on which the access service listens; it speaks plain HTTP, so keep it in a private network',
    ),
  ROLLCALL_ACCESS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8081)
    .describe('port of the access service, 0 picks a free one'),
  ROLLCALL_MAX_STALENESS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(250)
    .describe(
      'milliseconds by which an answer about the access of a user may lag that asks for nothing newer; 0 remembers no answers',
    ),
  ...processSettings,
});

/** What `startAccess` needs to know. */
export type AccessConfig = z.output<typeof accessConfig>;
