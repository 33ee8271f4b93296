import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateConnectionRequest,
  CreateServiceTokenRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { type DirectoryClients, directoryClients } from '../support/directory.ts';
import {
  databaseUri,
  newDataFolder,
  productEnvironment,
  projectRoot,
  readWelcome,
  serverPid,
  type Welcome,
} from '../support/product-process.ts';
import { openScimConnection, type ScimConnection } from './scim-connection.ts';

/** Where databases of the bench lie: beside the project, because a temporary folder may be in memory, where nothing is durable. */
export const benchDataDir: string = join(projectRoot, '.rollcall', 'bench');

/** A Rollcall that runs as `npm start` runs it, its database beside it. */
export interface MeasuredProduct extends Welcome, AsyncDisposable {
  /** Milliseconds from its start until it said that it is ready. */
  readonly readyMs: number;
  /** Its data folder. */
  readonly dataDir: string;
  /** The connection string of its database. */
  readonly databaseUri: string;
  /** Its processes, by what they are. */
  readonly processes: Readonly<Record<'rollcall' | 'database', number>>;
  /** The directory's services with the operator's credential. */
  readonly directory: DirectoryClients;
  /** Creates a connection and opens it. */
  connect(name: string): Promise<ScimConnection>;
  /** Makes a token for the access service that opens a connection. */
  serviceToken(connection: string): Promise<string>;
}

/** A data folder for a product; it is removed also when the run is given up. */
export async function newBenchFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  await mkdir(benchDataDir, { recursive: true });
  const { path, [Symbol.asyncDispose]: dispose } = await newDataFolder(benchDataDir);
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.once('exit', remove);
  return {
    path,
    async [Symbol.asyncDispose]() {
      process.off('exit', remove);
      await dispose();
    },
  };
}

const startMs = 60_000;
const callTimeoutMs = 60_000;

/** Starts Rollcall on a data folder and waits until it is ready. Its log goes to a file in the folder, as a service's does. */
export async function startMeasuredProduct(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<MeasuredProduct> {
  await using stack = new AsyncDisposableStack();
  const logFile = join(dataDir, 'rollcall.log');
  const log = await open(logFile, 'w');
  const begin = performance.now();
  const env = productEnvironment({
    ROLLCALL_DATA_DIR: dataDir,
    NODE_COMPILE_CACHE: join(projectRoot, 'node_modules', '.cache', 'compile'),
    ...settings,
  });
  const child = spawn(process.execPath, ['services/start-all.ts'], {
    cwd: projectRoot,
    stdio: ['ignore', log.fd, log.fd],
    env,
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  stack.defer(async () => {
    await stop(child);
    process.off('exit', kill);
  });
  await once(child, 'spawn').finally(() => log.close());
  const { output, welcome } = await waitUntilReady(child, logFile);
  const readyMs = performance.now() - begin;
  const channel = await openDirectoryChannel(
    { ROLLCALL_DATA_DIR: dataDir, ROLLCALL_DIRECTORY_ADDRESS: welcome.directoryAddress },
    'admin',
    { timeoutMs: callTimeoutMs },
  );
  stack.use(channel);
  const directory = directoryClients(channel);
  const gateway = welcome.baseUrl.replace(/\/scim\/.*$/, '');
  const processes = { rollcall: child.pid ?? 0, database: await serverPid(dataDir) };
  const running = stack.move();
  return {
    ...welcome,
    readyMs,
    dataDir,
    databaseUri: databaseUri({ output: () => output }),
    processes,
    directory,
    async connect(name) {
      const request = CreateConnectionRequest.fromPartial({ name });
      const { connection, token } = await directory.connections.createConnection(request);
      const id = connection?.id ?? '';
      return openScimConnection({ id, token, baseUrl: `${gateway}/scim/${id}/v2` });
    },
    async serviceToken(connection) {
      const request = CreateServiceTokenRequest.fromPartial({ label: 'bench', connectionIds: [connection] });
      return (await directory.connections.createServiceToken(request)).secret;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function waitUntilReady(
  child: ChildProcess,
  logFile: string,
): Promise<{ readonly output: string; readonly welcome: Welcome }> {
  const deadline = performance.now() + startMs;
  for (;;) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const output = await readFile(logFile, 'utf8');
    const welcome = readWelcome(output);
    if (welcome) return { output, welcome };
    if (hasEnded || performance.now() > deadline)
      throw new Error(`Rollcall did not start:\n${output.slice(-2_000)}`);
    await delay(5);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  await ended;
}
