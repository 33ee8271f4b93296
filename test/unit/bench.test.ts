import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readBenchOptions } from '../bench/bench-options.ts';
import { judgeAll } from '../bench/bench-result.ts';
import { compareResults } from '../bench/compare-results.ts';
import { createLoop } from '../bench/measure.ts';
import { resultTable, verdictSummary } from '../bench/report.ts';
import type { ScenarioResult } from '../bench/run-scenario.ts';
import { quickScale } from '../bench/scale.ts';
import type { Scenario, Target } from '../bench/scenario.ts';
import { scenarios } from '../bench/scenarios.ts';
import { median, percentile, type Round, summarise } from '../bench/statistics.ts';

const round = (latencies: readonly number[], seconds: number, errors: readonly string[] = []): Round => ({
  latencies,
  seconds,
  errors,
  figures: {},
});

const result = (name: string, perSecond: number, limit: number, p50 = 1): ScenarioResult => ({
  name,
  about: name,
  inFlight: 1,
  summary: { ...summarise([round([p50], 1)]), perSecond, figures: { size: 3 } },
  usage: { rollcall: { cpuPercent: 50, memoryMb: 100 } },
  limits: { 'bare path': { ...summarise([round([p50], 1)]), perSecond: limit } },
});

const scenario = (name: string, ...targets: Target[]): Scenario => ({
  name,
  about: name,
  inFlight: 1,
  needs: 'scim',
  prepare: () => assert.fail(),
  limits: [],
  targets,
});

describe('the figures of the bench', () => {
  test('percentiles are values that were measured, the median lies in the middle', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(
      [0.5, 0.95, 0.99, 1].map((fraction) => percentile(values, fraction)),
      [50, 95, 99, 100],
    );
    assert.equal(percentile([7], 0.01), 7);
    assert.ok(Number.isNaN(percentile([], 0.5)));
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
    assert.ok(Number.isNaN(median([])));
  });

  test('a summary takes the median of the rounds, and failed operations are no speed', () => {
    const rounds = [round([1, 1], 1), round([2, 2, 2, 2], 1, ['wrong']), round([3, 3, 3], 1)];
    const { perSecond, range, p50, operations, errors, firstError } = summarise(rounds, 10);
    assert.deepEqual(
      { perSecond, range, p50, operations, errors, firstError },
      { perSecond: 30, range: [20, 40], p50: 2, operations: 9, errors: 1, firstError: 'wrong' },
    );
  });

  test('a loop counts its turns once, keeps what was wrong, and takes the time that an operation names', async () => {
    const turns: number[] = [];
    const loop = createLoop(async (turn) => {
      turns.push(turn);
      if (turn === 1) throw new Error('wrong');
      return { ms: 5, figures: { size: turn } };
    });
    const rounds = [await loop.once(), await loop.once(), await loop.once()];
    assert.deepEqual(turns, [0, 1, 2]);
    const { p99, operations, errors, figures } = summarise(rounds);
    assert.deepEqual(
      { p99, operations, errors, figures },
      { p99: 5, operations: 2, errors: 1, figures: { size: 2 } },
    );
  });

  test('so many operations are in flight, and what always fails ends', async () => {
    let inFlight = 0;
    let most = 0;
    const busy = createLoop(async () => {
      most = Math.max(most, ++inFlight);
      await new Promise(setImmediate);
      inFlight--;
      return undefined;
    });
    const { errors } = await busy.forMs(7, 0);
    assert.deepEqual({ most, errors }, { most: 7, errors: [] });
    const failing = await createLoop(() => Promise.reject(new Error('wrong'))).forMs(1, 60_000);
    assert.equal(failing.errors.length, 100);
  });
});

describe('the verdicts of the bench', () => {
  const targets: readonly Target[] = [
    { kind: 'limit', limit: 'bare path', atLeast: 0.5 },
    { kind: 'limit', limit: 'bare path', atLeast: 0.6 },
    { kind: 'scenario', scenario: 'first', measure: 'p50', atMost: 2 },
    { kind: 'scenario', scenario: 'first', measure: 'p50', atMost: 1.9 },
    { kind: 'time', measure: 'p99', below: 5 },
    { kind: 'time', measure: 'p99', below: 4 },
    { kind: 'figure', figure: 'size', below: 4 },
    { kind: 'figure', figure: 'size', below: 3 },
    { kind: 'figure', figure: 'other', below: 3 },
    { kind: 'scenario', scenario: 'not run', measure: 'p50', atMost: 1 },
    { kind: 'limit', limit: 'driver', atLeast: 1 },
  ];
  const judged = judgeAll(
    [result('first', 10, 20, 2), result('second', 10, 20, 4)],
    [scenario('first'), scenario('second', ...targets)],
  );

  test('a target is met, missed, or open when there is nothing to judge it by', () => {
    assert.deepEqual(
      judged.map(({ verdicts }) => verdicts.map(({ met }) => met)),
      [[], [true, false, true, false, true, false, true, false, undefined, undefined, undefined]],
    );
  });

  test('a missed target stands in the table and is counted', () => {
    const table = resultTable(judged);
    assert.match(table, /^second +1 +10 +4\.00/m);
    assert.match(table, /0\.5 of the bare path \(20\/s\)/);
    assert.match(table, /MISSED: p99 is 4 ms, below 4/);
    assert.match(
      verdictSummary(judged),
      /^Targets: 4 met, 4 missed, 3 open\n {2}second: 0\.5 of the bare path/,
    );
  });

  test('a comparison names speed and ratio of both runs', () => {
    const run = (...results: ScenarioResult[]) => ({
      time: '2030-01-01T00:00:00.000Z',
      machine: { cpu: '', cores: 1, memoryGb: 1, system: '', node: '', libraries: {}, commit: 'abc' },
      scale: quickScale,
      results: judgeAll(results, []),
    });
    const text = compareResults(
      run(result('a', 10, 20), result('gone', 1, 1)),
      run(result('a', 15, 20), result('b', 1, 1)),
    );
    assert.match(text, /a +10 -> 15 ops\/s \(\+50 %\), p50 1 -> 1 ms, 0\.5 -> 0\.75 of the bare path/);
    assert.match(text, /b +new/);
    assert.match(text, /gone +not run/);
  });

  test('every scenario has a name of its own, and compares itself with what comes before it', () => {
    const names = scenarios.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const [index, { name, targets: own, limits }] of scenarios.entries()) {
      assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      for (const target of own) {
        if (target.kind === 'scenario') assert.ok(names.slice(0, index).includes(target.scenario), name);
        if (target.kind === 'limit')
          assert.ok(
            limits.some((limit) => limit.name === target.limit),
            name,
          );
      }
    }
  });
});

test('the options of the bench choose scenarios and refuse what makes no sense', () => {
  const named = (...args: string[]) => readBenchOptions(args, scenarios).scenarios.map(({ name }) => name);
  assert.equal(named().length, scenarios.length);
  assert.deepEqual(named('--only', 'get-user', '--only', 'warm'), ['get-user', 'get-user-64', 'warm-start']);
  assert.ok(!named('--against', 'http://127.0.0.1:1/v2', '--token', 't').includes('warm-start'));
  for (const args of [
    ['--only', 'nothing'],
    ['--against', 'http://127.0.0.1:1/v2'],
    ['--against', 'no url', '--token', 't'],
    ['--against', 'http://127.0.0.1:1/v2', '--token', 't', '--only', 'warm'],
    ['--fast'],
  ])
    assert.throws(() => readBenchOptions(args, scenarios), { name: 'BenchOptionsError' }, args.join(' '));
});
