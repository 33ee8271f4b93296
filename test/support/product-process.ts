import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installSecantusDb, secantusDbVersion } from '#runtime/secantusdb-install.ts';
import { testInstallDir } from './database.ts';

/** The project's root. */
export const projectRoot: string = join(import.meta.dirname, '..', '..');

/** Rollcall's own settings of this process must not reach the processes that tests start. */
const cleanEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('ROLLCALL_')),
);

/** A process of the product and what it prints. */
export interface ProductProcess extends AsyncDisposable {
  /** The process. */
  readonly child: ChildProcess;
  /** Everything it has printed so far, on both streams. */
  output(): string;
  /** Resolves with the first match in what it prints; fails when it ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal and resolves with the exit code, null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** The environment for a process of the product: this one's, with the given settings in place of Rollcall's own, and every port a free one. */
export function productEnvironment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const ports = { GATEWAY: '0', ACCESS: '0', DIRECTORY: '0', METRICS: '0' };
  return {
    ...cleanEnvironment,
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [`ROLLCALL_${name}_PORT`, port])),
    ...settings,
  };
}

/** Starts a command in the project's root with the given settings, every port a free one. */
export function startProcess(
  command: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): ProductProcess {
  const child = spawn(command, args, {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that what npm has started ends with npm.
    detached: true,
    env: productEnvironment(settings),
  });
  let text = '';
  const ended = once(child, 'close');
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      child.emit('printed');
    });
  }
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const [code] = await ended;
    return code as number | null;
  };
  return {
    child,
    output: () => text,
    end,
    async printed(pattern) {
      for (;;) {
        const match = pattern.exec(text);
        if (match) return match;
        const event = await Promise.race([once(child, 'printed'), ended.then(() => 'ended')]);
        if (event === 'ended' && !pattern.test(text)) assert.fail(`it ended without ${pattern}:\n${text}`);
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}

/** What a product prints about itself once it is ready. */
export interface Welcome {
  /** The connection `demo`. */
  readonly connectionId: string;
  /** Its SCIM base URL. */
  readonly baseUrl: string;
  /** Its token. */
  readonly token: string;
  /** `http://host:port` of the access service. */
  readonly accessUrl: string;
  /** `host:port` of the directory. */
  readonly directoryAddress: string;
}

/** A running product. */
export interface Product extends ProductProcess, Welcome {}

/** Reads what a product printed; undefined while it has not said that it is ready. */
export function readWelcome(output: string): Welcome | undefined {
  if (!/Try it:\n\n.*\n.*\n/.test(output)) return undefined;
  const value = (pattern: RegExp) => pattern.exec(output)?.[1] ?? '';
  const baseUrl = value(/^ +SCIM base URL +(\S+)$/m);
  return {
    baseUrl,
    connectionId: /\/scim\/([^/]+)\//.exec(baseUrl)?.[1] ?? '',
    token: value(/^ +bearer token +(\S+)$/m),
    accessUrl: value(/^ +access \(tRPC\) +(\S+)$/m),
    directoryAddress: value(/^ +directory +(\S+)$/m),
  };
}

/** Starts the whole product on a data folder and waits until it is ready. */
export async function startProduct(
  dataDir: string,
  [command, ...args]: readonly [string, ...string[]] = [process.execPath, 'services/start-all.ts'],
  settings: Readonly<Record<string, string>> = {},
): Promise<Product> {
  // Tests send more than a customer.
  const unlimited = { ROLLCALL_RATE_LIMIT: '0' };
  const running = startProcess(command, args, { ROLLCALL_DATA_DIR: dataDir, ...unlimited, ...settings });
  await running.printed(/Try it:\n\n.*\n.*\n/);
  const welcome = readWelcome(running.output());
  assert.ok(welcome, 'it says where it listens');
  return { ...running, ...welcome };
}

/** A data folder below `parent` that is empty but for the embedded server's program, which needs no second installation. */
export async function newDataFolder(
  parent: string = tmpdir(),
): Promise<{ readonly path: string } & AsyncDisposable> {
  await installSecantusDb(testInstallDir);
  const path = await mkdtemp(join(parent, 'rollcall-test-product-'));
  const program = `secantusdb-${secantusDbVersion}`;
  await symlink(join(testInstallDir, program), join(path, program));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }),
  };
}

/** The process id of the embedded server on a data folder. */
export async function serverPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'mongodb.pid'), 'utf8')).split(' ')[0]);
}

/** The connection string of a product's embedded server. */
export function databaseUri(product: Pick<ProductProcess, 'output'>): string {
  const [, port] = /"port":(\d+),[^\n]*"embedded database started"/.exec(product.output()) ?? [];
  assert.ok(port, 'it says where its database listens');
  return `mongodb://127.0.0.1:${port}/?directConnection=true`;
}
