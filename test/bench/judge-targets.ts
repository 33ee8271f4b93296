import type { ScenarioResult } from './run-scenario.ts';
import type { Target } from './scenario.ts';

/** Whether a target was met, and the words for it. */
export interface Verdict {
  /** What was asked and what was found, in one line. */
  readonly text: string;
  /** Undefined when it cannot be told, such as when the other scenario was not run. */
  readonly met: boolean | undefined;
}

/** Judges a result; `others` are the results of the same run by name. */
export function judgeTarget(
  target: Target,
  result: ScenarioResult,
  others: ReadonlyMap<string, ScenarioResult>,
): Verdict {
  switch (target.kind) {
    case 'limit': {
      const limit = result.limits[target.limit]?.perSecond;
      const ratio = limit === undefined ? Number.NaN : result.summary.perSecond / limit;
      return verdict(
        `${shown(ratio)} of the ${target.limit}, at least ${target.atLeast}`,
        ratio,
        (value) => value >= target.atLeast,
      );
    }
    case 'scenario': {
      const other = others.get(target.scenario)?.summary[target.measure] ?? Number.NaN;
      const ratio = result.summary[target.measure] / other;
      const text = `${target.measure} is ${shown(ratio)} times that of ${target.scenario}, at most ${target.atMost}`;
      return verdict(text, ratio, (value) => value <= target.atMost);
    }
    case 'time': {
      const ms = result.summary[target.measure];
      return verdict(
        `${target.measure} is ${shown(ms)} ms, below ${target.below}`,
        ms,
        (value) => value < target.below,
      );
    }
    case 'figure': {
      const value = result.summary.figures[target.figure] ?? Number.NaN;
      return verdict(
        `${target.figure} is ${shown(value)}, below ${target.below}`,
        value,
        (found) => found < target.below,
      );
    }
    default:
      return target satisfies never;
  }
}

function verdict(text: string, value: number, isMet: (value: number) => boolean): Verdict {
  return { text, met: Number.isNaN(value) ? undefined : isMet(value) };
}

function shown(value: number): string {
  return Number.isNaN(value) ? '?' : String(Number(value.toPrecision(3)));
}
