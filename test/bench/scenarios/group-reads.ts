import type { Bench } from '../bench.ts';
import type { Scenario } from '../scenario.ts';
import { expectSame, idOf, objectsOf } from '../scim-connection.ts';
import { nth } from './turns.ts';

async function largeGroup(bench: Bench) {
  const population = await bench.population(bench.scale.manyUsers);
  const group = await bench.group(population, bench.scale.largeGroup);
  return { scim: population.scim, group };
}

/** What identity providers ask of a group that is too large to be read whole. */
export const groupReads: readonly Scenario[] = [
  {
    name: 'group-without-members',
    about: 'a large group without its members',
    inFlight: 1,
    needs: 'scim',
    async prepare(bench) {
      const { scim, group } = await largeGroup(bench);
      return {
        async run() {
          const { json } = await scim.send('GET', `/Groups/${group.id}?excludedAttributes=members`, [200]);
          expectSame('the id', idOf(json), group.id);
          if (objectsOf(json, 'members').length > 0) throw new Error('the group came with members');
          return undefined;
        },
      };
    },
    limits: [],
    targets: [],
  },
  {
    name: 'membership-check',
    about: 'whether a user is in a large group, as Entra ID asks: by a filter on id and members',
    inFlight: 1,
    needs: 'scim',
    async prepare(bench) {
      const { scim, group } = await largeGroup(bench);
      return {
        async run(turn) {
          const filter = `id eq "${group.id}" and members eq "${nth(group.members, turn)}"`;
          const query = `/Groups?excludedAttributes=members&filter=${encodeURIComponent(filter)}`;
          const { json } = await scim.send('GET', query, [200]);
          expectSame('totalResults', json.totalResults, 1);
          return undefined;
        },
      };
    },
    limits: [],
    targets: [],
  },
];
