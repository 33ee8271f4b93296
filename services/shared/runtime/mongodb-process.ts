import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import type { Logger } from './logger.ts';
import { awaitEarlierServer, folderInUse, pidFileOf } from './mongodb-pid-file.ts';

/** How to start a database server and how to see that it is ready. */
export interface ServerCommand {
  /** Absolute path of the program. */
  program: string;
  args: string[];
  /** Matches the line of its output that says it accepts connections; the first group is the port. */
  ready: RegExp;
}

const stopMs = 10_000;
const startMs = 60_000;

/*
 * The shell notes its process id (refusing to overwrite another's), leaves a watcher behind and becomes the server. The
 * watcher reads a pipe whose other end only our process holds: a line means that the server has been seen to end; end
 * of file means that we died, however that happened.
 */
const superviseScript = `
set -C; echo "$$ $PPID" > "$1" || exit 75; shift
(
  read -r ended <&3 && exit
  kill -TERM $$
  for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1 && kill -0 $$ || exit; done
  kill -KILL $$
) &
exec "$@" 3<&-`;
const pidFileTaken = 75;

/**
 * Starts a database server on a data folder and returns when it accepts connections on the returned port of 127.0.0.1.
 * Its output goes to `<dataDir>/mongodb.log` (the run before is kept as `mongodb.log.1`). The server ends with this
 * process, also when that is killed, but does not keep it running. Disposing stops it and waits until it has closed.
 *
 * Rejects with `EmbeddedDatabaseError` when the folder is in use or the server ends while starting.
 */
export async function startServer(
  command: ServerCommand,
  options: { dataDir: string; logger: Logger },
): Promise<{ port: number } & AsyncDisposable> {
  const { dataDir, logger } = options;
  await awaitEarlierServer(dataDir, stopMs);
  const logFile = join(dataDir, 'mongodb.log');
  await rename(logFile, `${logFile}.1`).catch(() => {});
  const log = await open(logFile, 'a');
  // Own process group: Ctrl-C in a terminal reaches us first, and the server only when we are done with it.
  const child = spawn(
    '/bin/sh',
    ['-c', superviseScript, 'sh', pidFileOf(dataDir), command.program, ...command.args],
    {
      cwd: dataDir,
      // A nearly empty environment, so that no setting or configuration file of the user changes what the server does.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      detached: true,
      stdio: ['ignore', log.fd, log.fd, 'pipe'],
    },
  );
  // From here on, for a server that ends at once may be gone before anything else is awaited.
  const exited = Promise.withResolvers<void>();
  child.once('exit', () => exited.resolve());
  await once(child, 'spawn').finally(() => log.close());
  const watcherPipe = child.stdio[3] as Writable & { unref(): void };
  watcherPipe.on('error', () => {});
  watcherPipe.unref();
  child.unref();
  const ended = exited.promise.then(() => {
    watcherPipe.end('ended\n');
    return child.exitCode === pidFileTaken ? undefined : rm(pidFileOf(dataDir), { force: true });
  });

  let port: number;
  try {
    port = await waitUntilReady(child, command.ready, logFile, dataDir);
  } catch (error) {
    await stopChild(child, ended);
    throw error;
  }
  let stopping = false;
  void ended.then(() => {
    if (!stopping)
      logger.fatal(
        { logFile, code: child.exitCode, signal: child.signalCode },
        'the database ended; restart',
      );
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      stopping = true;
      await stopChild(child, ended);
    },
  };
}

async function waitUntilReady(
  child: ChildProcess,
  ready: RegExp,
  logFile: string,
  dataDir: string,
): Promise<number> {
  const deadline = performance.now() + startMs;
  for (;;) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const output = await readFile(logFile, 'utf8').catch(() => '');
    // The log rather than a trial connection: whoever accepts on a port need not be the server started here.
    const port = ready.exec(output)?.[1];
    if (port !== undefined && !hasEnded) return Number(port);
    if (
      child.exitCode === pidFileTaken ||
      /already being managed by another process|DBPathInUse/.test(output)
    ) {
      throw folderInUse(dataDir);
    }
    if (hasEnded || performance.now() > deadline) {
      const how = hasEnded ? 'ended while starting' : `was not ready within ${startMs / 1000} s`;
      const lines = output.trim().split('\n').slice(-8).join('\n  ');
      throw new EmbeddedDatabaseError(
        `The embedded database ${how}. Its log, ${logFile}, ends with:\n  ${lines}`,
      );
    }
    await delay(10);
  }
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  // Both would not keep the process running, and the end has to be seen.
  child.ref();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(timer);
}
