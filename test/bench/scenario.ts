import type { Bench } from './bench.ts';
import type { Scale } from './scale.ts';

/** What an operation says beyond having succeeded. */
export interface Sample {
  /** What is measured, in milliseconds, where that is not the whole operation. */
  readonly ms?: number;
  /** Other figures, each with its unit in its name. */
  readonly figures?: Readonly<Record<string, number>>;
}

/**
 * Does one operation and checks its answer: rejects when that is wrong. `turn` counts the operations from 0 and is never
 * the same twice; operations run beside each other when several are in flight.
 */
export type Operation = (turn: number) => Promise<Sample | undefined>;

/** What can be measured: a scenario of the product, or a limit that it is compared with. */
export interface Prepared {
  /** See Operation. */
  readonly run: Operation;
  /** Looks, after the last round, whether what was written is there; rejects when it is not. */
  readonly verify?: () => Promise<void>;
  /** The ids of the processes that do the work, by name, where these are not those of the run. */
  readonly processes?: Readonly<Record<string, number>>;
}

/**
 * Makes ready what a subject needs, which is not measured. What has to be ended after it goes on the stack.
 */
export type Prepare = (bench: Bench, stack: AsyncDisposableStack) => Promise<Prepared>;

/** What the same machine does with less. */
export interface Limit {
  /** Which: a scenario has one of each. */
  readonly name: 'bare path' | 'driver' | 'koa' | 'grpc-js' | 'empty tRPC';
  /** See Prepare. */
  readonly prepare: Prepare;
}

/** Where a scenario must stand. */
export type Target =
  /** Its operations per second, in those of one of its limits. */
  | { readonly kind: 'limit'; readonly limit: Limit['name']; readonly atLeast: number }
  /** Its milliseconds, in those of another scenario. */
  | {
      readonly kind: 'scenario';
      readonly scenario: string;
      readonly measure: 'p50' | 'p95';
      readonly atMost: number;
    }
  /** Its milliseconds. */
  | { readonly kind: 'time'; readonly measure: 'p50' | 'p99'; readonly below: number }
  /** One of its other figures. */
  | { readonly kind: 'figure'; readonly figure: string; readonly below: number };

/** One line of the result. */
export interface Scenario {
  /** Names it for `--only`, for other scenarios and from run to run: kebab-case, with the number in flight at the end when there are several. */
  readonly name: string;
  /** What one operation is, for people. */
  readonly about: string;
  /** How many operations are on their way at any time. */
  readonly inFlight: number;
  /** `scim` needs nothing but a SCIM server, so that it can be run against any; `rollcall` needs the product around it. */
  readonly needs: 'scim' | 'rollcall';
  /** See Prepare. */
  readonly prepare: Prepare;
  /** What it is compared with, measured in turns with it. */
  readonly limits: readonly Limit[];
  /** Where it must stand; none for what is only shown. */
  readonly targets: readonly Target[];
  /** Set for what is one long operation: it is done so many times, and not to warm up. */
  readonly repeat?: number;
  /** How many things one operation does, 1 when absent. */
  readonly units?: (scale: Scale) => number;
}
