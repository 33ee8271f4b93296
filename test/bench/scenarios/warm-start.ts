import { newBenchFolder, startMeasuredProduct } from '../measured-product.ts';
import { readUsage } from '../process-usage.ts';
import type { Scenario } from '../scenario.ts';

/** The start of an installation that has run before. */
export const warmStart: Scenario = {
  name: 'warm-start',
  about: 'from the start of an installation that has run before until it serves',
  inFlight: 1,
  needs: 'rollcall',
  repeat: 3,
  async prepare(bench, stack) {
    bench.progress('installing another Rollcall');
    const folder = stack.use(await newBenchFolder());
    await (await startMeasuredProduct(folder.path, {}))[Symbol.asyncDispose]();
    return {
      // The one that is measured is gone with its operation.
      processes: {},
      async run() {
        await using product = await startMeasuredProduct(folder.path, {});
        const usage = await readUsage(product.processes.rollcall);
        return {
          ms: product.readyMs,
          ...(usage && { figures: { 'idle memory MB': usage.memoryMb } }),
        };
      },
    };
  },
  limits: [],
  targets: [
    { kind: 'time', measure: 'p50', below: 3_000 },
    { kind: 'figure', figure: 'idle memory MB', below: 250 },
  ],
};
