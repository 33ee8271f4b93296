import type { Operation, Sample } from './scenario.ts';
import { largest, type Round } from './statistics.ts';

// What fails so often says nothing more by failing again.
const maxErrors = 100;

/** Measures one operation over and over. */
export interface Loop {
  /** Keeps so many operations in flight for so many milliseconds. */
  forMs(inFlight: number, ms: number): Promise<Round>;
  /** Does one operation. */
  once(): Promise<Round>;
}

/** Makes a loop, which counts the turns of its operation. */
export function createLoop(run: Operation): Loop {
  let turn = 0;

  async function measure(inFlight: number, goesOn: () => boolean): Promise<Round> {
    const latencies: number[] = [];
    const errors: string[] = [];
    const samples: Sample[] = [];
    async function work() {
      do {
        const begin = performance.now();
        try {
          const sample = await run(turn++);
          latencies.push(sample?.ms ?? performance.now() - begin);
          if (sample?.figures) samples.push(sample);
        } catch (error) {
          errors.push(error instanceof Error ? error.message : String(error));
        }
      } while (goesOn() && errors.length < maxErrors);
    }
    const begin = performance.now();
    await Promise.all(Array.from({ length: inFlight }, work));
    const seconds = (performance.now() - begin) / 1_000;
    return { latencies, seconds, errors, figures: largest(samples.map(({ figures = {} }) => figures)) };
  }

  return {
    forMs(inFlight, ms) {
      const end = performance.now() + ms;
      return measure(inFlight, () => performance.now() < end);
    },
    once: () => measure(1, () => false),
  };
}
