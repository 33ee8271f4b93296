import type { Parameters } from 'fast-check';

/** Below the time limit of a test, so that a counterexample is told, shrunk as far as it came, before that strikes. */
const mostMs = 90_000;

/**
 * How much a property tries: a number of inputs, or, under `npm run fuzz`, as many as fit in the seconds given there. A
 * failure prints its seed, which `npm run fuzz` takes to try the same inputs again.
 * @param runs how many inputs, for `npm test`
 */
export function fuzzBudget(runs: number): Parameters<unknown> {
  const seconds = Number(process.env.ROLLCALL_FUZZ_SECONDS ?? 0);
  const seed = process.env.ROLLCALL_FUZZ_SEED;
  return {
    numRuns: seconds > 0 ? Number.MAX_SAFE_INTEGER : runs,
    interruptAfterTimeLimit: seconds > 0 ? seconds * 1_000 : mostMs,
    markInterruptAsFailure: false,
    ...(seed !== undefined && { seed: Number(seed) }),
  };
}
