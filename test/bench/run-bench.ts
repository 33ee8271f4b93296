/** `npm run bench`: measures Rollcall beside its limits; see docs/performance.md. Exit code 1 when an answer was wrong. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBench, type Measured, type RollcallBench, remembered } from './bench.ts';
import { type BenchOptions, BenchOptionsError, readBenchOptions, usage } from './bench-options.ts';
import { type BenchResult, judgeAll } from './bench-result.ts';
import { type ChildProgram, startChildProgram } from './child-program.ts';
import { compareResults } from './compare-results.ts';
import { openLimitDatabases } from './limits/limit-databases.ts';
import { describeMachine } from './machine.ts';
import { benchDataDir, newBenchFolder, startMeasuredProduct } from './measured-product.ts';
import { createProgressLine } from './progress-line.ts';
import { heading, resultTable, verdictSummary } from './report.ts';
import { runScenario, type ScenarioResult } from './run-scenario.ts';
import { fullScale, quickScale } from './scale.ts';
import { scenarios } from './scenarios.ts';

// What is started has to be stopped, also when the run is given up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  const options = readBenchOptions(process.argv.slice(2), scenarios);
  const before = options.compare === undefined ? undefined : await readResult(options.compare);
  const result = await runBench(options);
  const file = join(benchDataDir, `result-${result.time.replace(/[:.]/g, '-')}.json`);
  await writeFile(file, `${JSON.stringify(result, undefined, 2)}\n`);
  console.log(`${heading(result)}\n\n${resultTable(result.results)}\n\n${verdictSummary(result.results)}\n`);
  if (before) console.log(`${compareResults(before, result)}\n`);
  console.log(`Written to ${file}`);
  process.exitCode = result.results.some(({ summary }) => summary.errors > 0) ? 1 : 0;
} catch (error) {
  if (!(error instanceof BenchOptionsError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}

async function readResult(file: string): Promise<BenchResult> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as BenchResult;
  } catch {
    throw new BenchOptionsError(`--compare ${file} is no result of an earlier run`);
  }
}

async function runBench({ quick, against, scenarios: chosen }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  await mkdir(benchDataDir, { recursive: true });
  const time = new Date().toISOString();
  const scale = quick ? quickScale : fullScale;
  const line = createProgressLine(chosen.length);
  line.show('starting Rollcall');
  const measured: Measured = against ?? (await startRollcallBench(stack));
  const rollcall = 'product' in measured ? measured : undefined;
  const bench = createBench(measured, { scale, progress: line.show, stack });
  const processes = { ...rollcall?.product.processes, client: process.pid };
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    line.step();
    results.push(await runScenario(scenario, bench, { processes, withLimits: rollcall !== undefined }));
  }
  line.end();
  return {
    time,
    machine: await describeMachine(rollcall?.product.dataDir),
    scale,
    ...(against && { against: against.baseUrl }),
    results: judgeAll(results, against ? [] : chosen),
  };
}

/** Starts the product on a database of its own, without a rate limit. */
async function startRollcallBench(stack: AsyncDisposableStack): Promise<RollcallBench> {
  const folder = stack.use(await newBenchFolder());
  const product = stack.use(await startMeasuredProduct(folder.path, { ROLLCALL_RATE_LIMIT: '0' }));
  const databases = stack.use(await openLimitDatabases(product.databaseUri));
  const limits = new Map<string, Promise<ChildProgram>>();
  stack.defer(async () => {
    for (const limit of limits.values()) await (await limit)[Symbol.asyncDispose]();
  });
  return {
    product,
    databases,
    async limit(name, ...args) {
      const program = join(import.meta.dirname, 'limits', `${name}.ts`);
      const { line } = await remembered(limits, [name, ...args].join(' '), () =>
        startChildProgram(program, ...args),
      );
      return Number(line);
    },
  };
}
