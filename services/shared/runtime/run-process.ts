import { ConfigError } from './config.ts';
import type { Logger } from './logger.ts';

/** npm hands a Ctrl-C on to a process that already got it from the terminal: two signals so close are one. */
const sameSignalMs = 500;

/**
 * Runs a service as this process: `start`, then wait for SIGINT or SIGTERM, then dispose what it returned and exit.
 * Never returns to anything but the event loop; the exit code is
 * - 0 after a signal and a clean stop,
 * - 1 when starting or stopping fails, stopping takes more than `deadlineMs` milliseconds, or a second signal comes,
 * - 2 when `start` throws a `ConfigError`.
 *
 * The signal given to `start` aborts when the process is asked to stop while it is starting. A failed start prints its
 * message on standard error.
 */
export async function runProcess(
  start: (signal: AbortSignal) => Promise<AsyncDisposable>,
  options: { logger: Logger; deadlineMs: number },
): Promise<void> {
  const { logger, deadlineMs } = options;
  const abort = new AbortController();
  const asked = Promise.withResolvers<void>();
  let askedAt: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    if (askedAt === undefined) {
      askedAt = performance.now();
      logger.info({ signal: name }, 'stopping');
      setTimeout(() => {
        logger.error({ deadlineMs }, 'not stopped in time');
        process.exit(1);
      }, deadlineMs);
      abort.abort();
      asked.resolve();
    } else if (performance.now() - askedAt > sameSignalMs) {
      process.exit(1);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  let running: AsyncDisposable;
  try {
    running = await start(abort.signal);
  } catch (error) {
    if (abort.signal.aborted) process.exit(0);
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(2);
    }
    logger.fatal({ err: error }, 'could not start');
    process.stderr.write(`Could not start: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
  // What runs need not hold the event loop open (a service that only waits for its database), the process must.
  const stayAlive = setInterval(() => {}, 2 ** 30);
  await asked.promise;
  clearInterval(stayAlive);
  try {
    await running[Symbol.asyncDispose]();
  } catch (error) {
    logger.error({ err: error }, 'could not stop cleanly');
    process.exit(1);
  }
  logger.info('stopped');
  process.exit(0);
}
