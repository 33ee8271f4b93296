import type { BenchResult, JudgedResult } from './bench-result.ts';

/** The heading of the table of a run: what was measured where. */
export function heading({ time, machine, scale, against }: BenchResult): string {
  const { cpu, cores, memoryGb, system, node, commit, database } = machine;
  const what = against ?? `Rollcall ${commit}, database ${database}, sync log and request log on`;
  return [
    `${what}`,
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node.js ${node}, ${time}`,
    `${scale.name}: ${scale.rounds} rounds of ${scale.roundMs} ms; ops/s are medians of the rounds. The rate limit is off, but for the neighbours.`,
    ...(scale.name === 'quick' ? ['Quick runs are rough: believe a full one.'] : []),
  ].join('\n');
}

const columns = ['scenario', 'in flight', 'ops/s', 'p50 ms', 'p95 ms', 'p99 ms', 'errors'] as const;

/** The table of the results, a line each, and below each what is to be said of its limits and targets. */
export function resultTable(results: readonly JudgedResult[]): string {
  const processes = [...new Set(results.flatMap(({ usage }) => Object.keys(usage)))];
  const head = [...columns, ...processes.flatMap((name) => [`${name} cpu`, 'MB'])];
  const rows = results.map((result) => cellsOf(result, processes));
  const widths = head.map((title, index) =>
    Math.max(title.length, ...rows.map((cells) => cells[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
  const lines = results.flatMap((result, index) => [line(rows[index] ?? []), ...notesOf(result)]);
  return [line(head), ...lines].join('\n');
}

function cellsOf(
  { name, inFlight, summary, usage }: JudgedResult,
  processes: readonly string[],
): readonly string[] {
  const { perSecond, p50, p95, p99, errors } = summary;
  const used = processes.flatMap((process) => {
    const { cpuPercent, memoryMb } = usage[process] ?? {};
    return [cpuPercent === undefined ? '' : `${Math.round(cpuPercent)} %`, rounded(memoryMb)];
  });
  return [name, String(inFlight), rounded(perSecond), ...[p50, p95, p99].map(ms), String(errors), ...used];
}

function notesOf({ summary, limits, verdicts }: JudgedResult): readonly string[] {
  const beside = Object.entries(limits).map(
    ([name, limit]) =>
      `${ratio(summary.perSecond / limit.perSecond)} of the ${name} (${rounded(limit.perSecond)}/s)`,
  );
  const figures = Object.entries(summary.figures).map(([name, value]) => `${name}: ${ratio(value)}`);
  const errors = Object.entries(limits).filter(([, limit]) => limit.errors > 0);
  return [
    ...[...beside, ...figures].map((text) => `    ${text}`),
    ...(summary.firstError === undefined ? [] : [`    ERROR ${summary.firstError}`]),
    ...errors.map(([name, limit]) => `    ERROR in the ${name}: ${limit.firstError}`),
    ...verdicts.map(({ met, text }) => `    ${met === undefined ? 'open' : met ? 'met' : 'MISSED'}: ${text}`),
  ];
}

/** What is to be seen first: how many targets are met, those that are not, and what answered wrongly. */
export function verdictSummary(results: readonly JudgedResult[]): string {
  const all = results.flatMap(({ name, verdicts }) => verdicts.map((verdict) => ({ name, ...verdict })));
  const count = (met: boolean | undefined) => all.filter((verdict) => verdict.met === met).length;
  const missed = all.filter(({ met }) => met === false).map(({ name, text }) => `  ${name}: ${text}`);
  const wrong = results.filter(({ summary }) => summary.errors > 0).map(({ name }) => `  ${name}`);
  return [
    `Targets: ${count(true)} met, ${count(false)} missed, ${count(undefined)} open`,
    ...missed,
    ...(wrong.length === 0 ? ['No answer was wrong.'] : ['Wrong answers, or none:', ...wrong]),
  ].join('\n');
}

function rounded(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '';
  return value < 10 ? value.toPrecision(2) : Math.round(value).toLocaleString('en');
}

function ms(value: number): string {
  return Number.isNaN(value) ? '' : value < 10 ? value.toFixed(2) : value.toFixed(1);
}

function ratio(value: number): string {
  return String(Number(value.toPrecision(3)));
}
