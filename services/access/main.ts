import { readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics, serveMetrics } from '#runtime/metrics.ts';
import { runProcess } from '#runtime/run-process.ts';
import { accessConfig } from './config.ts';
import { startAccess } from './start-access.ts';

const logger = createLogger({ level: 'info', name: 'access' });

await runProcess(
  async () => {
    const config = readConfig(accessConfig, process.env);
    logger.level = config.ROLLCALL_LOG_LEVEL;
    const { ROLLCALL_ACCESS_HOST: host, ROLLCALL_METRICS_PORT: port } = config;
    await using stack = new AsyncDisposableStack();
    const metrics = createMetrics();
    stack.use(await startAccess(config, { logger, metrics }));
    stack.use(await serveMetrics(metrics, { host, port }));
    return stack.move();
  },
  { logger, deadlineMs: 10_000 },
);
