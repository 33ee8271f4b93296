import type { Scenario } from '../scenario.ts';
import { objectsOf } from '../scim-connection.ts';
import { type BenchGroup, createGroup } from '../scim-resources.ts';

/** A group as identity providers send one: without members first, which then come in batches of 100. */
export const groupFilling: Scenario = {
  name: 'fill-group',
  about: 'a group created and filled in batches of 100 members, counted by members',
  inFlight: 1,
  needs: 'scim',
  units: ({ mediumGroup }) => mediumGroup,
  async prepare(bench) {
    const { scim, users } = await bench.population(bench.scale.manyUsers);
    const members = users.slice(0, bench.scale.mediumGroup).map(({ id }) => id);
    const name = `filled ${Date.now().toString(36)}`;
    const groups: BenchGroup[] = [];
    return {
      async run(turn) {
        groups.push(await createGroup(scim, `${name} ${turn}`, members));
        return undefined;
      },
      async verify() {
        for (const { id } of groups) {
          const { json } = await scim.send('GET', `/Groups/${id}`, [200]);
          const there = new Set(objectsOf(json, 'members').map(({ value }) => value));
          const lacking = new Set(members).difference(there).size;
          if (lacking > 0 || there.size !== members.length)
            throw new Error(`a group has ${there.size} members, ${lacking} of its ${members.length} not`);
          // Of no concern to the scenarios that follow.
          await scim.send('DELETE', `/Groups/${id}`, [204]);
        }
      },
    };
  },
  limits: [],
  targets: [],
};
