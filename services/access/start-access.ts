import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { Registry } from 'prom-client';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { isDirectoryServing } from '#rpc/directory-health.ts';
import { ConfigError } from '#runtime/config.ts';
import type { Logger } from '#runtime/logger.ts';
import { type AccessCache, createAccessCache } from './access-cache.ts';
import type { AccessConfig } from './config.ts';
import { createDirectoryClient, type DirectoryClient, repeatableMethods } from './directory-client.ts';
import { createQueryRecorder, type QueryRecorder } from './query-metrics.ts';
import { createAccessRouter } from './router.ts';
import { createServiceTokenCheck } from './service-tokens.ts';

/** How long one call to the directory may take, in milliseconds, a wait for `atLeast` included. */
const directoryTimeoutMs = 10_000;
/** How long requests in flight may go on once the service is disposed, in milliseconds. */
const graceMs = 5_000;
// The longest input that a procedure takes, 1,000 pairs of ids, has some 100 kB.
const maxBodyBytes = 256 * 1024;

/**
 * Starts the access service: tRPC below `/trpc`, `/healthz` (it runs) and `/readyz` (the directory serves). `address` is
 * its URL. Throws ConfigError when it cannot listen or has no credential for the directory.
 */
export async function startAccess(
  config: AccessConfig,
  {
    logger,
    metrics,
    clock = Date.now,
    elapsed = () => performance.now(),
  }: {
    readonly logger: Logger;
    readonly metrics?: Registry | undefined;
    /** Milliseconds since 1970: when validity dates end answers. */
    readonly clock?: () => number;
    /** Milliseconds on a clock that only goes forward: how old answers are. */
    readonly elapsed?: () => number;
  },
): Promise<{ readonly address: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const channel = await openDirectoryChannel(config, 'access', {
    timeoutMs: directoryTimeoutMs,
    retry: repeatableMethods,
  });
  stack.use(channel);
  const directory = createDirectoryClient(channel);
  const stopping = new AbortController();
  const maxStalenessMs = config.ROLLCALL_MAX_STALENESS;
  const cache = stack.use(createAccessCache({ directory, maxStalenessMs, clock, elapsed, metrics }));
  const recordQuery = createQueryRecorder(metrics);
  const answerTrpc = createTrpcHandler(directory, cache, recordQuery, stopping.signal, logger);
  const server = createServer(async (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (path.startsWith('/trpc/')) return answerTrpc(request, response);
    const answerText = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
    if (path === '/healthz') return answerText(200, 'ok');
    if (path !== '/readyz') return answerText(404, 'Not found: procedures are below /trpc/.');
    const ready = await isDirectoryServing(channel);
    return answerText(ready ? 200 : 503, ready ? 'ok' : 'The directory does not serve.');
  });
  const { ROLLCALL_ACCESS_HOST: host, ROLLCALL_ACCESS_PORT: port } = config;
  await once(server.listen(port, host), 'listening').catch((error: unknown) => {
    const message = `The access service cannot listen on ${host}:${port}: set ROLLCALL_ACCESS_HOST and ROLLCALL_ACCESS_PORT to an address of this machine and a free port, or 0 for any.`;
    throw new ConfigError(message, { cause: error });
  });
  stack.defer(async () => {
    stopping.abort();
    const closed = new Promise((resolve) => server.close(resolve));
    // A connection whose last request was in flight is kept open by its client.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(timer);
  });
  const bound = server.address() as AddressInfo;
  const address = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
  logger.info({ address }, 'access service listening');
  const running = stack.move();
  return { address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function createTrpcHandler(
  directory: DirectoryClient,
  cache: AccessCache,
  recordQuery: QueryRecorder,
  stopping: AbortSignal,
  logger: Logger,
): RequestListener {
  const checkServiceToken = createServiceTokenCheck(directory);
  return createHTTPHandler({
    router: createAccessRouter(directory, cache),
    basePath: '/trpc/',
    allowBatching: false,
    allowMethodOverride: true,
    maxBodySize: maxBodyBytes,
    createContext: ({ req, res, info }) => {
      // An EventSource knows no other method; what is watched is named by ids.
      if (req.method !== 'POST' && info.type !== 'subscription') {
        throw new TRPCError({
          code: 'METHOD_NOT_SUPPORTED',
          message:
            'Send queries by POST with their input as the body, so that no personal data stands in a URL.',
        });
      }
      const requestId = requestIdOf(req);
      res.setHeader('x-request-id', requestId);
      const { authorization } = req.headers;
      return { authorization, requestId, checkServiceToken, recordQuery, stopping };
    },
    onError: ({ error, path, ctx }) => {
      const fields = { path, requestId: ctx?.requestId };
      if (error.code === 'INTERNAL_SERVER_ERROR')
        logger.error({ ...fields, err: error.cause ?? error }, 'query failed');
      else logger.debug({ ...fields, code: error.code }, 'query refused');
    },
  });
}

function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
