import { v7 as newUuid } from 'uuid';
import { createLimitConnection } from '../limits/limit-connection.ts';
import { databaseLimits } from '../limits/limits.ts';
import type { Scale } from '../scale.ts';
import type { Limit, Scenario } from '../scenario.ts';
import { objectsOf } from '../scim-connection.ts';
import { addMembers, removeMember } from '../scim-resources.ts';
import { alone, fewInFlight, type InFlight, manyInFlight } from './turns.ts';

/** One member that comes or goes. */
interface MemberChange {
  readonly add: boolean;
  readonly member: string;
  /** Called once the change is acknowledged. */
  done(): void;
}

/** Turn by turn a member to add or to remove, each only after the change of it before was acknowledged. */
function memberChanges(outside: readonly string[]): { next(): MemberChange; added(): readonly string[] } {
  const free = [...outside];
  const added: string[] = [];
  let adds = false;
  return {
    next() {
      adds = (!adds && free.length > 0) || added.length === 0;
      const [from, to] = adds ? [free, added] : [added, free];
      const member = from.shift();
      if (member === undefined) throw new Error('there is nobody left to add');
      return { add: adds, member, done: () => to.push(member) };
    },
    added: () => added,
  };
}

// More than are in flight, twice.
const outsiders = 200;

function limits(members: (scale: Scale) => number): readonly Limit[] {
  return databaseLimits(async ({ scale, rollcall: { databases } }) => {
    const { id, group } = await createLimitConnection(databases.limits, { members: members(scale) });
    const changes = memberChanges(Array.from({ length: outsiders }, () => newUuid()));
    return () => {
      const { add, member, done } = changes.next();
      return { call: { do: add ? 'add-member' : 'remove-member', connection: id, group, member }, done };
    };
  });
}

function memberScenario(
  size: string,
  members: (scale: Scale) => number,
  { inFlight, suffix, isAlone }: InFlight,
): Scenario {
  const grows = size !== 'small' && isAlone;
  return {
    name: `change-member-${size}${suffix}`,
    about: `one member added to or removed from a ${size} group`,
    inFlight,
    needs: 'scim',
    async prepare(bench) {
      const population = await bench.population(bench.scale.manyUsers);
      const group = await bench.group(population, members(bench.scale));
      const { scim, users } = population;
      const outside = users.slice(group.members.length).slice(0, outsiders);
      const changes = memberChanges(outside.map(({ id }) => id));
      return {
        async run() {
          const { add, member, done } = changes.next();
          const patch = add ? addMembers([member]) : removeMember(member);
          await scim.send('PATCH', `/Groups/${group.id}`, [200, 204], patch);
          done();
          return undefined;
        },
        async verify() {
          const { json } = await scim.send('GET', `/Groups/${group.id}`, [200]);
          const there = new Set(objectsOf(json, 'members').map(({ value }) => value));
          const expected = new Set([...group.members, ...changes.added()]);
          if (there.size !== expected.size || expected.difference(there).size > 0)
            throw new Error(`the group has ${there.size} members, not the ${expected.size} that it should`);
          // The next scenario begins with the group as it was.
          for (const member of changes.added())
            await scim.send('PATCH', `/Groups/${group.id}`, [200, 204], removeMember(member));
        },
      };
    },
    limits: limits(members),
    targets: [
      ...(inFlight === fewInFlight.inFlight
        ? []
        : [{ kind: 'limit', limit: 'bare path', atLeast: isAlone ? 0.8 : 2.5 } as const]),
      ...(grows
        ? [{ kind: 'scenario', scenario: 'change-member-small', measure: 'p50', atMost: 1.2 } as const]
        : []),
    ],
  };
}

/** Members that come and go, in groups of three sizes. */
export const memberWrites: readonly Scenario[] = [
  memberScenario('small', ({ smallGroup }) => smallGroup, alone),
  memberScenario('small', ({ smallGroup }) => smallGroup, fewInFlight),
  memberScenario('medium', ({ mediumGroup }) => mediumGroup, alone),
  memberScenario('medium', ({ mediumGroup }) => mediumGroup, fewInFlight),
  memberScenario('large', ({ largeGroup }) => largeGroup, alone),
  memberScenario('large', ({ largeGroup }) => largeGroup, fewInFlight),
  memberScenario('large', ({ largeGroup }) => largeGroup, manyInFlight),
];
