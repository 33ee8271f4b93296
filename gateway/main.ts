import { readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics, serveMetrics } from '#runtime/metrics.ts';
import { runProcess } from '#runtime/run-process.ts';
import { gatewayConfig } from './config.ts';
import { startGateway } from './start-gateway.ts';

const logger = createLogger({ level: 'info', name: 'gateway' });

await runProcess(
  async () => {
    const config = readConfig(gatewayConfig, process.env);
    logger.level = config.ROLLCALL_LOG_LEVEL;
    const { ROLLCALL_GATEWAY_HOST: host, ROLLCALL_METRICS_PORT: port } = config;
    await using stack = new AsyncDisposableStack();
    const metrics = createMetrics();
    stack.use(await startGateway(config, { logger, metrics }));
    stack.use(await serveMetrics(metrics, { host, port }));
    return stack.move();
  },
  { logger, deadlineMs: 10_000 },
);
