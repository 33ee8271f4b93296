import { readConfig } from '#runtime/config.ts';
import { openDatabase } from '#runtime/embedded-mongodb.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics, serveMetrics } from '#runtime/metrics.ts';
import { runProcess } from '#runtime/run-process.ts';
import { loadSecretKeys, writeCallerTokens } from '#runtime/secret-keys.ts';
import { directoryConfig } from './config.ts';
import { startDirectory } from './start-directory.ts';

const logger = createLogger({ level: 'info', name: 'directory' });
await runProcess(
  async () => {
    const env = readConfig(directoryConfig, process.env);
    logger.level = env.ROLLCALL_LOG_LEVEL;
    const dataDir = env.ROLLCALL_DATA_DIR;
    const secretKeys = await loadSecretKeys({ secretKey: env.ROLLCALL_SECRET_KEY, dataDir });
    await writeCallerTokens(dataDir, secretKeys[0]);
    await using stack = new AsyncDisposableStack();
    const metrics = createMetrics();
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    const database = stack.use(
      await openDatabase({ uri: env.ROLLCALL_MONGODB_URI, dataDir, logger, progress }),
    );
    stack.use(await startDirectory(env, { database, secretKeys, logger, metrics }));
    stack.use(
      await serveMetrics(metrics, { host: env.ROLLCALL_DIRECTORY_HOST, port: env.ROLLCALL_METRICS_PORT }),
    );
    return stack.move();
  },
  { logger, deadlineMs: 15_000 },
);
