import { z } from 'zod';
import { ConfigError, readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';
import { runProcess } from '#runtime/run-process.ts';

/* A process under runProcess; its argument says how it starts and stops. It prints `ready` when the signal can come. */
const behaviour = process.argv[2];
const logger = createLogger({ level: 'info', name: 'fixture' });

await runProcess(
  async (signal) => {
    if (behaviour === 'bad-config') {
      readConfig(z.object({ ROLLCALL_GATEWAY_PORT: z.coerce.number().int().max(65_535) }), process.env);
      throw new ConfigError('unreachable');
    }
    if (behaviour === 'start-fails') throw new Error('the port is taken');
    if (behaviour === 'slow-start') {
      process.stdout.write('ready\n');
      const hold = setInterval(() => {}, 1000);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      clearInterval(hold);
      throw signal.reason;
    }
    process.stdout.write('ready\n');
    return {
      async [Symbol.asyncDispose]() {
        if (behaviour === 'stop-hangs') await new Promise(() => {});
        if (behaviour === 'stop-fails') throw new Error('cannot close');
        process.stdout.write('disposed\n');
      },
    };
  },
  { logger, deadlineMs: Number(process.argv[3] ?? 60_000) },
);
