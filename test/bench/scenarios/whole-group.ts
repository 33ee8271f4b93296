import { readUsage } from '../process-usage.ts';
import type { Scenario } from '../scenario.ts';
import { objectsOf } from '../scim-connection.ts';

/** A large group with all its members in one answer. */
export const wholeGroup: Scenario = {
  name: 'whole-group',
  about: 'a large group with all its members',
  inFlight: 1,
  needs: 'scim',
  async prepare(bench) {
    const population = await bench.population(bench.scale.manyUsers);
    const group = await bench.group(population, bench.scale.largeGroup);
    return {
      async run() {
        const { json, firstByteMs } = await population.scim.send('GET', `/Groups/${group.id}`, [200]);
        const there = objectsOf(json, 'members').length;
        if (there !== group.members.length)
          throw new Error(`the group has ${there} members, not ${group.members.length}`);
        return { figures: { 'first byte ms': firstByteMs } };
      },
    };
  },
  limits: [],
  targets: [],
};

/** How much memory the product takes for it, after a first one that loads code. */
export const wholeGroupMemory: Scenario = {
  name: 'whole-group-memory',
  about: 'the same, 4 at a time: how much the memory of the product grows',
  inFlight: 4,
  needs: 'rollcall',
  async prepare(bench, stack) {
    const { run } = await wholeGroup.prepare(bench, stack);
    const { rollcall: pid } = bench.rollcall.product.processes;
    let before: number | undefined;
    return {
      async run(turn) {
        await run(turn);
        const { memoryMb = Number.NaN } = (await readUsage(pid)) ?? {};
        before ??= memoryMb;
        return { figures: { 'memory growth MB': memoryMb - before } };
      },
    };
  },
  limits: [],
  targets: [{ kind: 'figure', figure: 'memory growth MB', below: 50 }],
};
