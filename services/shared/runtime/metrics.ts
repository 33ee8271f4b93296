import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';

/** A registry of its own, with the metrics of the Node process in it; services register theirs there. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/**
 * Serves a registry to Prometheus as `GET /metrics`; anything else is 404. Port 0 takes a free one. `address` is
 * `host:port` as bound. Rejects with an `Error` that names the variable to change when the port is taken.
 */
export async function serveMetrics(
  registry: Registry,
  options: { host: string; port: number },
): Promise<{ address: string } & AsyncDisposable> {
  const { host, port } = options;
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    try {
      const text = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType }).end(text);
    } catch {
      response.writeHead(500).end();
    }
  });
  await once(server.listen(port, host), 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(
      `The metrics port ${host}:${port} is taken: set ROLLCALL_METRICS_PORT to another one, or 0 for any.`,
    );
  });
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
