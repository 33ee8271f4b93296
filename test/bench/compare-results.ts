import type { BenchResult, JudgedResult } from './bench-result.ts';

/**
 * What is other than in an earlier run: the operations per second of each scenario, and its ratio to its first limit,
 * which tells a change of the product from one of the machine.
 */
export function compareResults(before: BenchResult, after: BenchResult): string {
  const known = new Map(before.results.map((result) => [result.name, result]));
  const width = Math.max(0, ...after.results.map(({ name }) => name.length));
  const lines = after.results.map((result) => {
    const old = known.get(result.name);
    return `  ${result.name.padEnd(width)}  ${old ? difference(old, result) : 'new'}`;
  });
  const names = new Set(after.results.map(({ name }) => name));
  const gone = before.results.filter(({ name }) => !names.has(name)).map(({ name }) => `  ${name}  not run`);
  const caution =
    before.scale.name === after.scale.name
      ? []
      : [`The earlier run is ${before.scale.name}, this one ${after.scale.name}: they cannot be compared.`];
  return [`Since ${before.time}, ${before.machine.commit}:`, ...caution, ...lines, ...gone].join('\n');
}

function difference(old: JudgedResult, now: JudgedResult): string {
  const speeds = `${shown(old.summary.perSecond)} -> ${shown(now.summary.perSecond)} ops/s`;
  const change = (now.summary.perSecond / old.summary.perSecond - 1) * 100;
  const percent = Number.isFinite(change) ? ` (${change >= 0 ? '+' : ''}${change.toFixed(0)} %)` : '';
  const times = `p50 ${shown(old.summary.p50)} -> ${shown(now.summary.p50)} ms`;
  const [limit] = Object.keys(now.limits) as (keyof typeof now.limits)[];
  const [before, after] = [old, now].map(({ summary, limits }) => {
    const beside = limit === undefined ? undefined : limits[limit]?.perSecond;
    return beside === undefined ? undefined : summary.perSecond / beside;
  });
  const ratios =
    before === undefined || after === undefined
      ? ''
      : `, ${shown(before)} -> ${shown(after)} of the ${limit}`;
  return `${speeds}${percent}, ${times}${ratios}`;
}

function shown(value: number | null): string {
  // JSON has no NaN: what was not measured is null in a file.
  return value === null || Number.isNaN(value) ? '?' : String(Number(value.toPrecision(3)));
}
