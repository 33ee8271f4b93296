import { z } from 'zod';
import { directoryChannelSettings } from '#rpc/directory-channel.ts';
import { processSettings } from '#runtime/process-settings.ts';
import { parseTrustedProxies } from './http/trusted-proxies.ts';

/** The environment of the gateway, for `readConfig`. */
export const gatewayConfig = z.object({
  ...directoryChannelSettings,
  ROLLCALL_GATEWAY_HOST: z
    .string()
    .default('127.0.0.1')
    .describe(
      'address on which the SCIM gateway listens; it speaks plain HTTP, so put a TLS proxy before it',
    ),
  ROLLCALL_GATEWAY_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe('port of the SCIM gateway, 0 picks a free one'),
  ROLLCALL_PUBLIC_URL: z
    .string()
    .regex(/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/, 'not an http or https URL')
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe(
      'where identity providers reach the gateway, such as https://scim.example.com; absent takes the host each request names',
    ),
  ROLLCALL_TRUSTED_PROXIES: z
    .string()
    .default('')
    .refine((text) => parseTrustedProxies(text) !== undefined, 'not a list of addresses')
    .describe(
      'addresses and networks of proxies, separated by commas, whose X-Forwarded-Host, -Proto and -For are believed',
    ),
  ROLLCALL_RATE_LIMIT: z.coerce
    .number()
    .int()
    .min(0)
    .default(250)
    .describe(
      'requests per second that a connection may send to one gateway, bursts of 10 seconds of it included; 0 for any number',
    ),
  ...processSettings,
});

/** What `startGateway` needs to know. */
export type GatewayConfig = z.output<typeof gatewayConfig>;
