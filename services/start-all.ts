import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConnectionServiceService,
  ConnectionStatus,
  CreateConnectionRequest,
  CreateTokenRequest,
  ListConnectionsRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { createRpcClient } from '#rpc/rpc-client.ts';
import { readConfig } from '#runtime/config.ts';
import { openDatabase } from '#runtime/embedded-mongodb.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics, serveMetrics } from '#runtime/metrics.ts';
import { runProcess } from '#runtime/run-process.ts';
import { loadSecretKeys, writeCallerTokens } from '#runtime/secret-keys.ts';
import { gatewayConfig } from '../gateway/config.ts';
import { startGateway } from '../gateway/start-gateway.ts';
import { accessConfig } from './access/config.ts';
import { startAccess } from './access/start-access.ts';
import { directoryConfig } from './directory/config.ts';
import { startDirectory } from './directory/start-directory.ts';

const demoName = 'demo';
const callTimeoutMs = 10_000;

/** Every service in one process, with the same gRPC between them as between three, for `npm start`. */
const config = directoryConfig.extend(accessConfig.shape).extend(gatewayConfig.shape);
const logger = createLogger({ level: 'info', name: 'rollcall' });

await runProcess(
  async () => {
    const env = readConfig(config, process.env);
    logger.level = env.ROLLCALL_LOG_LEVEL;
    const dataDir = env.ROLLCALL_DATA_DIR;
    await using stack = new AsyncDisposableStack();
    const secretKeys = await loadSecretKeys({ secretKey: env.ROLLCALL_SECRET_KEY, dataDir });
    await writeCallerTokens(dataDir, secretKeys[0]);
    const metrics = createMetrics();
    const database = stack.use(
      await openDatabase({
        uri: env.ROLLCALL_MONGODB_URI,
        dataDir,
        logger,
        progress: (line) => process.stderr.write(`${line}\n`),
      }),
    );
    const directory = stack.use(await startDirectory(env, { database, secretKeys, logger, metrics }));
    // Of this directory, whatever the environment says of another one.
    const local = {
      ...env,
      ROLLCALL_DIRECTORY_ADDRESS: directory.address,
      ROLLCALL_DIRECTORY_TOKEN: undefined,
    };
    const access = stack.use(await startAccess(local, { logger, metrics }));
    const gateway = stack.use(await startGateway(local, { logger, metrics }));
    const served = stack.use(
      await serveMetrics(metrics, { host: env.ROLLCALL_GATEWAY_HOST, port: env.ROLLCALL_METRICS_PORT }),
    );
    const demo = await demoConnection(local);
    const publicUrl = env.ROLLCALL_PUBLIC_URL ?? gateway.address;
    const addresses = {
      publicUrl,
      access: access.address,
      directory: directory.address,
      metrics: served.address,
    };
    // What was logged before stands above it. That a pipe cannot be forced to a disk, which is tried too, is no matter.
    await new Promise<void>((resolve) => logger.flush(() => resolve()));
    process.stdout.write(`${welcome(demo, addresses)}\n`);
    return stack.move();
  },
  { logger, deadlineMs: 20_000 },
);

interface Demo {
  readonly id: string;
  readonly token: string;
}

/**
 * The connection `demo` with a token that works: made on the first run, its token kept in the data folder. Undefined
 * when someone has deleted it since.
 */
async function demoConnection(env: Parameters<typeof openDirectoryChannel>[0]): Promise<Demo | undefined> {
  using channel = await openDirectoryChannel(env, 'admin', { timeoutMs: callTimeoutMs });
  const connections = createRpcClient(ConnectionServiceService, channel);
  const tokenFile = join(env.ROLLCALL_DATA_DIR, 'demo.token');
  const kept = (await readFile(tokenFile, 'utf8').catch(() => '')).trim();
  let known: string | undefined;
  for await (const { connection } of connections.listConnections(ListConnectionsRequest.fromPartial({}))) {
    if (connection?.name !== demoName || connection.status === ConnectionStatus.DELETING) continue;
    const { id } = connection;
    if (kept.startsWith(`${id} `)) return { id, token: kept.slice(id.length + 1) };
    known ??= id;
  }
  if (kept && known === undefined) return undefined;
  const demo = known === undefined ? await createDemo() : await createDemoToken(known);
  await writeFile(tokenFile, `${demo.id} ${demo.token}\n`, { mode: 0o600 });
  return demo;

  async function createDemo(): Promise<Demo> {
    const request = CreateConnectionRequest.fromPartial({ name: demoName });
    const { connection, token } = await connections.createConnection(request);
    return { id: connection?.id ?? '', token };
  }

  async function createDemoToken(id: string): Promise<Demo> {
    const request = CreateTokenRequest.fromPartial({ connectionId: id, label: 'made at start' });
    const { secret } = await connections.createToken(request);
    return { id, token: secret };
  }
}

function welcome(
  demo: Demo | undefined,
  at: Readonly<Record<'publicUrl' | 'access' | 'directory' | 'metrics', string>>,
): string {
  const baseUrl = `${at.publicUrl}/scim/${demo?.id ?? '<connection>'}/v2`;
  const token = demo?.token ?? '<token>';
  const user = '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.com"}';
  return `
Rollcall is running.

  SCIM base URL   ${baseUrl}
  bearer token    ${token}
  access (tRPC)   ${at.access}
  directory       ${at.directory}
  metrics         http://${at.metrics}/metrics

Try it:

  curl ${baseUrl}/Users -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/scim+json' -d '${user}'
  curl ${baseUrl}/Users -H 'Authorization: Bearer ${token}'
`;
}
