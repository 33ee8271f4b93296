import { Gauge, Histogram, type Registry } from 'prom-client';
import type { AcknowledgementRecorder } from './consumers.ts';

/** Reads how long each consumer lags, in milliseconds, by its name. */
export type ReadLags = () => Promise<ReadonlyMap<string, number>>;

/**
 * Keeps `rollcall_directory_consumer_lag_seconds` in the registry, read when it is asked for, and answers a recorder that
 * keeps `rollcall_directory_deprovisioning_seconds` there; without a registry nothing is kept.
 */
export function createConsumerMetrics(
  metrics: Registry | undefined,
  readLags: ReadLags,
): AcknowledgementRecorder {
  if (metrics === undefined) return () => undefined;
  new Gauge({
    name: 'rollcall_directory_consumer_lag_seconds',
    help: 'How long the oldest change waits that a consumer has not acknowledged, in the connection where it waits longest.',
    labelNames: ['consumer'],
    registers: [metrics],
    async collect() {
      this.reset();
      // Without the database the other metrics are still worth showing.
      const lags = await readLags().catch(() => new Map<string, number>());
      for (const [consumer, lag] of lags) this.set({ consumer }, lag / 1_000);
    },
  });
  const seconds = new Histogram({
    name: 'rollcall_directory_deprovisioning_seconds',
    help: 'From the request that deactivated or deleted a user to the acknowledgement of each consumer.',
    labelNames: ['consumer'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600, 86_400],
    registers: [metrics],
  });
  return (consumer, value) => seconds.observe({ consumer }, value);
}
