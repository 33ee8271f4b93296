import { Histogram, type Registry } from 'prom-client';

/** Counts a query: its procedure, how it ended (`ok`, or the tRPC code of its error) and how long it took. */
export type QueryRecorder = (procedure: string, outcome: string, seconds: number) => void;

/** Makes a recorder that keeps `rollcall_access_query_duration_seconds` in the registry; without one it keeps nothing. */
export function createQueryRecorder(metrics: Registry | undefined): QueryRecorder {
  if (metrics === undefined) return () => undefined;
  const durations = new Histogram({
    name: 'rollcall_access_query_duration_seconds',
    help: 'How long queries of internal services took, by procedure and outcome.',
    labelNames: ['procedure', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [metrics],
  });
  return (procedure, outcome, seconds) => durations.observe({ procedure, outcome }, seconds);
}
