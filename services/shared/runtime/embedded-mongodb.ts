import { execFile } from 'node:child_process';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import type { Logger } from './logger.ts';
import { startServer } from './mongodb-process.ts';
import { installSecantusDb, secantusDbVersion } from './secantusdb-install.ts';

/** What `openDatabase` needs to find or start a MongoDB. */
export interface DatabaseOptions {
  /** A MongoDB that already runs; nothing is started then. */
  uri?: string | undefined;
  /** Folder of the embedded database: its data, log, pid file and engine file. Made when missing. */
  dataDir: string;
  /** Folder that SecantusDB is installed into; give several data folders the same one to install once. Default `dataDir`. */
  installDir?: string | undefined;
  /** Hears where the database runs, and that it ended without being asked to. */
  logger: Logger;
  /** Called with lines for people while something takes long (installing). */
  progress?: ((line: string) => void) | undefined;
}

/** A MongoDB to connect to. Disposing stops the server if it was started here, and waits until its files are closed. */
export interface OpenDatabase extends AsyncDisposable {
  /** Connection string with every parameter the engine needs. */
  uri: string;
  engine: 'external' | 'mongod' | 'secantusdb';
  /**
   * Present for `mongod`: whoever connects sends it as `replSetInitiate` to the database `admin`, takes the error
   * AlreadyInitialized (code 23) as success, and waits until `hello` answers `isWritablePrimary: true`.
   */
  replicaSet?: { _id: string; members: { _id: number; host: string }[] };
}

/** What `<dataDir>/engine` holds; mongod keeps its port, for a replica set knows its members by address. */
interface EngineFile {
  engine: 'mongod' | 'secantusdb';
  version: string;
  port?: number;
}

const run = promisify(execFile);

/**
 * Finds or starts the database, in this order: `uri`; a `mongod` on the PATH, as a one-node replica set in `dataDir`;
 * SecantusDB, installed by pip on first use. A server started here ends with this process, even when that is killed.
 *
 * Rejects with `EmbeddedDatabaseError` when there is nothing to start, when the folder is in use, or when another
 * engine's data lies in it.
 */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  if (options.uri !== undefined) {
    return { uri: options.uri, engine: 'external', async [Symbol.asyncDispose]() {} };
  }
  await mkdir(options.dataDir, { recursive: true });
  // The real path is what tells this folder's server apart in the list of processes.
  const resolved = { ...options, dataDir: await realpath(options.dataDir) };
  const mongod = await findMongod();
  return mongod === undefined ? openSecantusDb(resolved) : openMongod(mongod, resolved);
}

async function openSecantusDb(options: DatabaseOptions): Promise<OpenDatabase> {
  const { dataDir, logger } = options;
  const { version } = await claimEngine(dataDir, { engine: 'secantusdb', version: secantusDbVersion });
  if (version !== secantusDbVersion) {
    throw new EmbeddedDatabaseError(
      `The data folder ${dataDir} was made by SecantusDB ${version} and this is ${secantusDbVersion}: set ROLLCALL_DATA_DIR to another folder.`,
    );
  }
  const program = await installSecantusDb(options.installDir ?? dataDir, options.progress);
  const args = ['--host', '127.0.0.1', '--port', '0', '--storage-path', join(dataDir, 'secantusdb')];
  args.push(
    '--sync-on-commit',
    '--oplog-nonlogged',
    '--oplog-max-entries',
    '2000',
    '--log-file-max',
    '128MB',
  );
  const server = await startServer({ program, args, ready: /listening on 127\.0\.0\.1:(\d+)\n/ }, options);
  logger.info({ engine: 'secantusdb', version, port: server.port, dataDir }, 'embedded database started');
  return {
    // It knows a retried write from a new one only inside transactions, so the driver must not repeat plain writes.
    uri: `mongodb://127.0.0.1:${server.port}/?directConnection=true&retryWrites=false`,
    engine: 'secantusdb',
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function openMongod(program: string, options: DatabaseOptions): Promise<OpenDatabase> {
  const { dataDir, logger } = options;
  const { stdout } = await run(program, ['--version']);
  const version = /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? 'unknown';
  const { port = 0 } = await claimEngine(dataDir, { engine: 'mongod', version, port: await freePort() });
  const dbPath = join(dataDir, 'mongod');
  await mkdir(dbPath, { recursive: true });
  const args = [
    '--bind_ip',
    '127.0.0.1',
    '--port',
    String(port),
    '--dbpath',
    dbPath,
    '--replSet',
    'rollcall',
  ];
  args.push('--nounixsocket', '--setParameter', 'transactionLifetimeLimitSeconds=10');
  const ready = /Waiting for connections.*"port":(\d+)/;
  const server = await startServer({ program, args, ready }, options);
  logger.info({ engine: 'mongod', version, port, dataDir }, 'embedded database started');
  return {
    uri: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    engine: 'mongod',
    replicaSet: { _id: 'rollcall', members: [{ _id: 0, host: `127.0.0.1:${port}` }] },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Notes the engine of a new data folder; answers what an old one notes, and refuses it to another engine. */
async function claimEngine(dataDir: string, mine: EngineFile): Promise<EngineFile> {
  const file = join(dataDir, 'engine');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    await writeFile(file, `${JSON.stringify(mine)}\n`);
    return mine;
  }
  let noted: Partial<EngineFile>;
  try {
    noted = JSON.parse(text) as Partial<EngineFile>;
  } catch {
    noted = {};
  }
  if (noted.engine !== mine.engine || noted.version === undefined) {
    throw new EmbeddedDatabaseError(
      `The data folder ${dataDir} belongs to ${noted.engine ?? 'an unknown engine'} and ${mine.engine} cannot read it: ` +
        'set ROLLCALL_DATA_DIR to another folder, or ROLLCALL_MONGODB_URI to the database to use' +
        `${mine.engine === 'mongod' ? ', or take mongod off the PATH' : ''}.`,
    );
  }
  return { ...mine, ...noted, engine: mine.engine, version: noted.version };
}

/** The absolute path of the mongod on the PATH. */
function findMongod(): Promise<string | undefined> {
  return run('/bin/sh', ['-c', 'command -v mongod']).then(
    ({ stdout }) => stdout.trim() || undefined,
    () => undefined,
  );
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
