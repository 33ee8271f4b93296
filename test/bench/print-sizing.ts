/**
 * `node test/bench/print-sizing.ts RESULT`: what the traffic that docs/sizing.md assumes needs of processors, by the
 * figures of a run of the bench, as the table for that page.
 */
import { readFile } from 'node:fs/promises';
import type { BenchResult } from './bench-result.ts';

/** What is asked at the busiest time, of all connections together. */
interface Traffic {
  /** What it is, for people. */
  readonly what: string;
  /** How often per second. */
  readonly perSecond: number;
  /** The scenario that measures one of it. */
  readonly scenario: string;
}

const users = 1_000_000;
const memberships = 50_000_000;
/** Nightly cycles fall into the same hours. */
const nightSeconds = 4 * 3_600;
const signedIn = 100_000;
const secondsBetweenChecks = 30;
const remembered = 0.9;
const checks = signedIn / secondsBetweenChecks;

const traffic: readonly Traffic[] = [
  { what: 'matches by externalId', perSecond: users / nightSeconds, scenario: 'find-by-external-id-64' },
  { what: 'users changed', perSecond: (0.01 * users) / nightSeconds, scenario: 'patch-active-64' },
  {
    what: 'memberships changed',
    perSecond: (0.005 * memberships) / nightSeconds,
    scenario: 'change-member-large-4',
  },
  { what: 'pages of 100', perSecond: users / 100 / nightSeconds, scenario: 'page-many-first' },
  { what: 'users created, 2 first loads', perSecond: 2 * 250, scenario: 'create-user-64' },
  { what: 'checks, remembered', perSecond: remembered * checks, scenario: 'access-snapshot-cached-64' },
  { what: 'checks, asked anew', perSecond: (1 - remembered) * checks, scenario: 'access-snapshot-cold' },
];
/** What of a core may be in use, so that answers do not wait for each other. */
const shareInUse = 0.5;

const { results, machine, time }: BenchResult = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8'));
const rows = traffic.map(({ what, perSecond, scenario }) => {
  const found = results.find(({ name }) => name === scenario);
  const cpu = found?.usage.rollcall?.cpuPercent;
  if (!found || cpu === undefined) throw new Error(`the result has no processor time of ${scenario}`);
  // Percent of a core are hundredths of a second per second.
  const cpuMs = (cpu * 10) / found.summary.perSecond;
  return { what, perSecond, scenario, cpuMs, cores: (perSecond * cpuMs) / 1_000 };
});
const cores = rows.reduce((sum, row) => sum + row.cores, 0);
const processes = Math.ceil(cores / shareInUse);
const lines = rows.map(
  (row) =>
    `| ${row.what} | ${row.perSecond.toFixed(1)} | \`${row.scenario}\` | ${row.cpuMs.toFixed(2)} | ${row.cores.toFixed(2)} |`,
);
console.log(
  [
    '| what | per second | measured by | CPU ms each | cores |',
    '| --- | ---: | --- | ---: | ---: |',
    ...lines,
    `| together | | | | **${cores.toFixed(1)}** |`,
    '',
    `So ${processes} processes at half a core each, and one more to lose: ${processes + 1}. (${machine.cpu}, ${time})`,
  ].join('\n'),
);
