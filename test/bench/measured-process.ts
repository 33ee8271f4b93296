import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { productEnvironment, projectRoot } from '../support/product-process.ts';

/** A process of the product that has become ready. */
export interface MeasuredProcess<Ready> extends AsyncDisposable {
  /** Its id. */
  readonly pid: number;
  /** What it said about itself when it was ready. */
  readonly ready: Ready;
  /** What it had printed by then. */
  readonly output: string;
  /** Milliseconds from its start until it was ready. */
  readonly readyMs: number;
}

const startMs = 60_000;

/**
 * Starts a program of the product on a data folder and waits until `readReady` finds in its output that it is ready. Its
 * log goes to a file in the folder, as a service's does. It ends with this process.
 */
export async function startMeasuredProcess<Ready>(
  program: string,
  dataDir: string,
  settings: Readonly<Record<string, string>>,
  readReady: (output: string) => Ready | undefined,
): Promise<MeasuredProcess<Ready>> {
  await using stack = new AsyncDisposableStack();
  const logFile = join(dataDir, `${program.replaceAll('/', '-')}.${Date.now()}.log`);
  const log = await open(logFile, 'w');
  const begin = performance.now();
  const env = productEnvironment({
    ROLLCALL_DATA_DIR: dataDir,
    NODE_COMPILE_CACHE: join(projectRoot, 'node_modules', '.cache', 'compile'),
    ...settings,
  });
  const child = spawn(process.execPath, [program], {
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
  const { output, ready } = await waitUntilReady(child, logFile, readReady);
  const readyMs = performance.now() - begin;
  const running = stack.move();
  return { pid: child.pid ?? 0, output, ready, readyMs, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function waitUntilReady<Ready>(
  child: ChildProcess,
  logFile: string,
  readReady: (output: string) => Ready | undefined,
): Promise<{ readonly output: string; readonly ready: Ready }> {
  const deadline = performance.now() + startMs;
  for (;;) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const output = await readFile(logFile, 'utf8');
    const ready = readReady(output);
    if (ready !== undefined) return { output, ready };
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
