/** What one round of a subject gave. */
export interface Round {
  /** How long each operation that was answered rightly took, in milliseconds. */
  readonly latencies: readonly number[];
  /** How long the round took, in seconds. */
  readonly seconds: number;
  /** What was wrong, one text for each operation that failed; such operations are in no other figure. */
  readonly errors: readonly string[];
  /** The largest value of each other figure that the operations gave. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The rounds of a subject in a few numbers. */
export interface Summary {
  /** Operations per second: the median of the rounds. */
  readonly perSecond: number;
  /** The least and the most of the rounds. */
  readonly range: readonly [least: number, most: number];
  /** How many milliseconds at most half of all operations took; NaN when none succeeded. */
  readonly p50: number;
  /** The same of 95 in 100. */
  readonly p95: number;
  /** The same of 99 in 100. */
  readonly p99: number;
  /** How many operations were answered rightly. */
  readonly operations: number;
  /** How many failed. */
  readonly errors: number;
  /** What was wrong with the first of them; absent when none failed. */
  readonly firstError?: string;
  /** The largest value of each other figure, by name. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The value below or at which the given fraction of the values lies (nearest rank); NaN of none. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}

/** The value in the middle, the mean of the two there when their number is even; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** The largest of each figure. */
export function largest(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const figures of all) {
    for (const [name, value] of Object.entries(figures))
      found[name] = Math.max(value, found[name] ?? Number.NEGATIVE_INFINITY);
  }
  return found;
}

/** Sums rounds up; `units` is how many things one operation does, of which `perSecond` then speaks. */
export function summarise(rounds: readonly Round[], units = 1): Summary {
  const latencies = rounds.flatMap((round) => round.latencies);
  const rates = rounds.map((round) => (round.latencies.length * units) / round.seconds);
  const errors = rounds.flatMap((round) => round.errors);
  const [firstError] = errors;
  return {
    perSecond: median(rates),
    range: [Math.min(...rates), Math.max(...rates)],
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
    operations: latencies.length,
    errors: errors.length,
    ...(firstError !== undefined && { firstError }),
    figures: largest(rounds.map(({ figures }) => figures)),
  };
}
