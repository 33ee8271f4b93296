import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateConnectionRequest,
  CreateServiceTokenRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { type DirectoryClients, directoryClients } from '../support/directory.ts';
import {
  databaseUri,
  newDataFolder,
  projectRoot,
  readWelcome,
  serverPid,
  type Welcome,
} from '../support/product-process.ts';
import { startMeasuredProcess } from './measured-process.ts';
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

const callTimeoutMs = 60_000;

/** Starts Rollcall on a data folder and waits until it is ready. Its log goes to a file in the folder, as a service's does. */
export async function startMeasuredProduct(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<MeasuredProduct> {
  await using stack = new AsyncDisposableStack();
  const started = stack.use(
    await startMeasuredProcess('services/start-all.ts', dataDir, settings, readWelcome),
  );
  const { ready: welcome, output, readyMs } = started;
  const channel = await openDirectoryChannel(
    { ROLLCALL_DATA_DIR: dataDir, ROLLCALL_DIRECTORY_ADDRESS: welcome.directoryAddress },
    'admin',
    { timeoutMs: callTimeoutMs },
  );
  stack.use(channel);
  const directory = directoryClients(channel);
  const gateway = welcome.baseUrl.replace(/\/scim\/.*$/, '');
  const processes = { rollcall: started.pid, database: await serverPid(dataDir) };
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

/** A gateway in a process of its own, before the directory of a product. */
export interface MeasuredGateway extends AsyncDisposable {
  /** Its process. */
  readonly pid: number;
  /** Its `http://host:port`. */
  readonly address: string;
}

/** Starts a gateway beside a product, as `npm run start:gateway` does, without a rate limit. */
export async function startMeasuredGateway({
  dataDir,
  directoryAddress,
}: MeasuredProduct): Promise<MeasuredGateway> {
  const settings = { ROLLCALL_DIRECTORY_ADDRESS: directoryAddress, ROLLCALL_RATE_LIMIT: '0' };
  const gateway = await startMeasuredProcess(
    'gateway/main.ts',
    dataDir,
    settings,
    (output) => /"address":"(http:[^"]+)"[^\n]*"gateway listening"/.exec(output)?.[1],
  );
  const { pid, ready: address, [Symbol.asyncDispose]: dispose } = gateway;
  return { pid, address, [Symbol.asyncDispose]: dispose };
}
