import { judgeTarget, type Verdict } from './judge-targets.ts';
import type { Machine } from './machine.ts';
import type { ScenarioResult } from './run-scenario.ts';
import type { Scale } from './scale.ts';
import type { Scenario } from './scenario.ts';

/** A result with what is to be said of its targets. */
export interface JudgedResult extends ScenarioResult {
  /** One for each target, in their order. */
  readonly verdicts: readonly Verdict[];
}

/** A whole run, as it is written to a file. */
export interface BenchResult {
  /** When it began, in RFC 3339 form. */
  readonly time: string;
  /** Where. */
  readonly machine: Machine;
  /** How much there was, and how long it was measured. */
  readonly scale: Scale;
  /** The base URL of another server, when one was measured. */
  readonly against?: string;
  /** What was measured, in the order of the run. */
  readonly results: readonly JudgedResult[];
}

/** Judges every result of a run by the targets of its scenario. */
export function judgeAll(
  results: readonly ScenarioResult[],
  scenarios: readonly Scenario[],
): readonly JudgedResult[] {
  const byName = new Map(results.map((result) => [result.name, result]));
  const targetsOf = new Map(scenarios.map(({ name, targets }) => [name, targets]));
  return results.map((result) => {
    const targets = targetsOf.get(result.name) ?? [];
    return { ...result, verdicts: targets.map((target) => judgeTarget(target, result, byName)) };
  });
}
