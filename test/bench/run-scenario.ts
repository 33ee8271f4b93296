import type { Bench } from './bench.ts';
import { createLoop, type Loop } from './measure.ts';
import { readUsage, type UsageBetween, usageBetween } from './process-usage.ts';
import type { Limit, Prepare, Prepared, Scenario } from './scenario.ts';
import { median, type Round, type Summary, summarise } from './statistics.ts';

/** What came of a scenario. */
export interface ScenarioResult {
  /** See Scenario.name. */
  readonly name: string;
  /** See Scenario.about. */
  readonly about: string;
  /** See Scenario.inFlight. */
  readonly inFlight: number;
  /** Its figures. */
  readonly summary: Summary;
  /** What each process used while it ran: the median of the rounds. */
  readonly usage: Readonly<Record<string, UsageBetween>>;
  /** What its limits did in the same minute. */
  readonly limits: Partial<Readonly<Record<Limit['name'], Summary>>>;
}

/** A scenario or a limit on its way. */
interface Subject extends Prepared {
  readonly limit: Limit['name'] | undefined;
  readonly loop: Loop;
  readonly rounds: Round[];
}

/**
 * Runs a scenario and its limits: all of them warm, then round by round in turns, so that what else the machine does
 * meets all alike. Never rejects: what could not be made ready is an error in the result.
 * @param processes the ids of the processes whose use is of interest, by name.
 */
export async function runScenario(
  scenario: Scenario,
  bench: Bench,
  { processes, withLimits }: { processes: Readonly<Record<string, number>>; withLimits: boolean },
): Promise<ScenarioResult> {
  const { name, about, inFlight, repeat, units } = scenario;
  const { rounds, roundMs, warmMs } = bench.scale;
  const unitCount = units?.(bench.scale) ?? 1;
  const usages: Readonly<Record<string, UsageBetween>>[] = [];
  const subjects: Subject[] = [];
  const failures: Round[] = [];
  try {
    await using stack = new AsyncDisposableStack();
    const prepare = async (limit: Limit['name'] | undefined, make: Prepare) => {
      const prepared = await make(bench, stack);
      subjects.push({ ...prepared, limit, loop: createLoop(prepared.run), rounds: [] });
    };
    await prepare(undefined, scenario.prepare);
    if (withLimits) for (const limit of scenario.limits) await prepare(limit.name, limit.prepare);
    bench.progress(name);
    if (repeat === undefined) for (const { loop } of subjects) await loop.forMs(inFlight, warmMs);
    for (let round = 0; round < (repeat ?? rounds); round++) {
      for (const { limit, loop, rounds: done, processes: own } of subjects) {
        const watched = own ?? processes;
        const before = await usageOf(watched);
        const result = await (repeat === undefined ? loop.forMs(inFlight, roundMs) : loop.once());
        done.push(result);
        if (limit === undefined) usages.push(between(before, await usageOf(watched), result.seconds));
      }
    }
    for (const { verify } of subjects) await verify?.();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    failures.push({ latencies: [], seconds: 1, errors: [text], figures: {} });
  }
  const own = subjects.find(({ limit }) => limit === undefined);
  const summaries = subjects.flatMap(({ limit, rounds: done }) =>
    limit === undefined ? [] : [[limit, summarise(done, unitCount)]],
  );
  return {
    name,
    about,
    inFlight,
    summary: withErrors(summarise(own?.rounds ?? [], unitCount), failures),
    usage: medians(usages),
    limits: Object.fromEntries(summaries),
  };
}

function withErrors(summary: Summary, failures: readonly Round[]): Summary {
  const [failure] = failures;
  if (!failure) return summary;
  const [firstError = ''] = failure.errors;
  return { ...summary, errors: summary.errors + 1, firstError: summary.firstError ?? firstError };
}

async function usageOf(processes: Readonly<Record<string, number>>) {
  const entries = Object.entries(processes).map(async ([name, pid]) => [name, await readUsage(pid)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

function between(
  before: Awaited<ReturnType<typeof usageOf>>,
  after: Awaited<ReturnType<typeof usageOf>>,
  seconds: number,
): Readonly<Record<string, UsageBetween>> {
  const entries = Object.entries(before).flatMap(([name, usage]) => {
    const later = after[name];
    return usage && later ? [[name, usageBetween(usage, later, seconds)]] : [];
  });
  return Object.fromEntries(entries);
}

function medians(
  usages: readonly Readonly<Record<string, UsageBetween>>[],
): Readonly<Record<string, UsageBetween>> {
  const entries = Object.keys(usages[0] ?? {}).map((name) => {
    const of = usages.flatMap((usage) => usage[name] ?? []);
    const cpuPercent = median(of.map((each) => each.cpuPercent));
    return [name, { cpuPercent, memoryMb: Math.max(...of.map((each) => each.memoryMb)) }];
  });
  return Object.fromEntries(entries);
}
