import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { ConfigError } from '#runtime/config.ts';
import type { Logger } from '#runtime/logger.ts';
import { createApp } from './app.ts';
import type { GatewayConfig } from './config.ts';
import { createDirectoryClient, isRefused, repeatableMethods } from './directory/directory-client.ts';
import { answerBrokenRequest } from './http/broken-request.ts';
import { createClientAddress } from './http/client-address.ts';
import { createExchangeRecorder } from './http/exchange-recorder.ts';
import { createPublicUrl } from './http/public-url.ts';
import { limits } from './limits.ts';

/** How long one call to the directory may take, in milliseconds; identity providers wait for a minute. */
const directoryTimeoutMs = 30_000;
/** How long requests in flight may go on once the gateway is disposed, in milliseconds. */
const graceMs = 5_000;

/**
 * Starts the SCIM gateway: `/scim/{connection}/v2`, `/healthz` (it runs) and `/readyz` (the directory serves). `address`
 * is its URL. Disposing stops accepting and finishes the requests in flight. Throws ConfigError when it cannot listen or
 * has no credential for the directory.
 */
export async function startGateway(
  config: GatewayConfig,
  { logger, metrics = new Registry() }: { readonly logger: Logger; readonly metrics?: Registry | undefined },
): Promise<{ readonly address: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const channel = await openDirectoryChannel(config, 'gateway', {
    timeoutMs: directoryTimeoutMs,
    retry: repeatableMethods,
  });
  stack.use(channel);
  const directory = createDirectoryClient(channel);
  const recorder = createExchangeRecorder({
    send: directory.recordExchanges,
    isHopeless: isRefused,
    logger,
    metrics,
  });
  stack.use(recorder);
  const stopping = new AbortController();
  const app = createApp({
    directory,
    recorder,
    publicUrl: createPublicUrl(config.ROLLCALL_PUBLIC_URL, config.ROLLCALL_TRUSTED_PROXIES),
    clientAddress: createClientAddress(config.ROLLCALL_TRUSTED_PROXIES),
    rateLimit: config.ROLLCALL_RATE_LIMIT,
    logger,
    metrics,
    stopping: stopping.signal,
  });
  const handle = app.callback();
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: 20_000,
      requestTimeout: 60_000,
      // Longer than the idle time of common load balancers, so that it is they who close a connection.
      keepAliveTimeout: 65_000,
    },
    (request, response) => {
      // A connection that is kept open would hold up the stop.
      if (stopping.signal.aborted) response.setHeader('Connection', 'close');
      void handle(request, response);
    },
  );
  server.on('clientError', answerBrokenRequest);
  const { ROLLCALL_GATEWAY_HOST: host, ROLLCALL_GATEWAY_PORT: port } = config;
  await once(server.listen(port, host), 'listening').catch((error: unknown) => {
    const message = `The gateway cannot listen on ${host}:${port}: set ROLLCALL_GATEWAY_HOST and ROLLCALL_GATEWAY_PORT to an address of this machine and a free port, or 0 for any.`;
    throw new ConfigError(message, { cause: error });
  });
  stack.defer(async () => {
    stopping.abort();
    const idle = setInterval(() => server.closeIdleConnections(), 100);
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await new Promise((resolve) => server.close(resolve));
    clearTimeout(timer);
    clearInterval(idle);
  });
  const bound = server.address() as AddressInfo;
  const address = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
  logger.info({ address }, 'gateway listening');
  const running = stack.move();
  return { address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
