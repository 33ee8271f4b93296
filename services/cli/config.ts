import { z } from 'zod';
import { directoryChannelSettings } from '#rpc/directory-channel.ts';

/** The environment of the `rollcall` command, for `readConfig`. */
export const cliConfig = z.object({
  ...directoryChannelSettings,
  ROLLCALL_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('the URL under which identity providers reach the gateway, when it is not its own address'),
  ROLLCALL_GATEWAY_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe('the port of the gateway, 0 to 65535; 0 picks a free one'),
});

/** What the command needs to know. */
export type CliConfig = z.output<typeof cliConfig>;

/** The base URL that an identity provider is given for a connection. */
export function connectionBaseUrl(config: CliConfig, connectionId: string): string {
  return `${connectionUrl(config, connectionId)}/v2`;
}

/** Where the OAuth clients of a connection get their tokens. */
export function connectionTokenUrl(config: CliConfig, connectionId: string): string {
  return `${connectionUrl(config, connectionId)}/oauth/token`;
}

function connectionUrl(config: CliConfig, connectionId: string): string {
  const origin = config.ROLLCALL_PUBLIC_URL ?? `http://127.0.0.1:${config.ROLLCALL_GATEWAY_PORT}`;
  return `${origin.replace(/\/+$/, '')}/scim/${connectionId}`;
}
