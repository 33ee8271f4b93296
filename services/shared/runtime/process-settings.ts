import { z } from 'zod';

/** The settings every process has; part of the schema that `readConfig` gets. */
export const processSettings = {
  ROLLCALL_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('how much is logged: trace, debug, info, warn, error, fatal or silent'),
  ROLLCALL_METRICS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(9464)
    .describe('port of the Prometheus metrics, 0 picks a free one; processes on one machine need one each'),
};
