import type { Bench } from '../bench.ts';
import { databaseLimits } from '../limits/limits.ts';
import type { Scale } from '../scale.ts';
import type { Limit, Scenario } from '../scenario.ts';
import { objectsOf, type ScimAnswer } from '../scim-connection.ts';

const pageSize = 100;

/** The populations whose pages are read. */
const sizes = [
  { size: 'few', users: ({ users }: Scale) => users },
  { size: 'some', users: ({ load }: Scale) => load.users },
  { size: 'many', users: ({ manyUsers }: Scale) => manyUsers },
] as const;

/** Where in a walk a page lies: the index of its first user, from 1. */
const places = [
  { place: 'first', startIndex: (_users: number) => 1 },
  { place: 'middle', startIndex: (users: number) => Math.floor(users / 2 / pageSize) * pageSize + 1 },
  { place: 'last', startIndex: (users: number) => users - pageSize + 1 },
] as const;

function checkPage({ json }: ScimAnswer, users: number): void {
  const found = objectsOf(json, 'Resources').length;
  // Another server may have users of its own.
  if (found !== pageSize || Number(json.totalResults) < users)
    throw new Error(`a page has ${found} of ${json.totalResults} users, not ${pageSize} of ${users}`);
}

function pageLimits(users: (scale: Scale) => number): readonly Limit[] {
  return databaseLimits(async (bench) => {
    const { scim, users: all } = await bench.population(users(bench.scale));
    const ids = all.slice(0, pageSize).map(({ id }) => id);
    return () => ({ call: { do: 'read-users', connection: scim.id, ids } });
  });
}

const pageTarget = { kind: 'limit', limit: 'bare path', atLeast: 0.6 } as const;

/** A page of a walk by index: the page before it is read once, as a walk does, and the page over and over. */
const walkPages = sizes.flatMap(({ size, users }) =>
  places.map(({ place, startIndex }): Scenario => {
    const isFirst = size === 'few' && place === 'first';
    const firstPage = { kind: 'scenario', scenario: 'page-few-first', measure: 'p50', atMost: 1.5 } as const;
    return {
      name: `page-${size}-${place}`,
      about: `the ${place} page of 100 of a walk by index over ${size} users`,
      inFlight: 1,
      needs: 'scim',
      async prepare(bench) {
        const { scim, users: all } = await bench.population(users(bench.scale));
        const at = startIndex(all.length);
        const read = (from: number) => scim.send('GET', `/Users?startIndex=${from}&count=${pageSize}`, [200]);
        if (at > pageSize) await read(at - pageSize);
        return {
          async run() {
            checkPage(await read(at), all.length);
            return undefined;
          },
        };
      },
      limits: pageLimits(users),
      targets: isFirst ? [pageTarget] : [pageTarget, firstPage],
    };
  }),
);

/** A page out of nowhere, which no walk came to: shown, without a target. */
const coldJump: Scenario = {
  name: 'page-many-jump',
  about: 'a page of 100 by index that no walk came to, over many users',
  inFlight: 1,
  needs: 'scim',
  async prepare(bench) {
    const { scim, users } = await bench.population(bench.scale.manyUsers);
    return {
      async run(turn) {
        // A step that meets no page twice before it has met very many.
        const at = 1 + ((turn * 7_919) % (users.length - pageSize));
        checkPage(await scim.send('GET', `/Users?startIndex=${at}&count=${pageSize}`, [200]), users.length);
        return undefined;
      },
    };
  },
  limits: [],
  targets: [],
};

async function prepareCursorWalk(bench: Bench) {
  const { scim, users } = await bench.population(bench.scale.manyUsers);
  let cursor = '';
  return {
    async run() {
      const query = `/Users?cursor=${encodeURIComponent(cursor)}&count=${pageSize}`;
      const answer = await scim.send('GET', query, [200]);
      const { nextCursor } = answer.json;
      // The last page may be short.
      if (nextCursor !== undefined) checkPage(answer, users.length);
      cursor = typeof nextCursor === 'string' ? nextCursor : '';
      return undefined;
    },
  };
}

const cursorWalk: Scenario = {
  name: 'page-many-cursor',
  about: 'the next page of 100 of a walk by cursor over many users',
  inFlight: 1,
  needs: 'scim',
  prepare: prepareCursorWalk,
  limits: pageLimits(({ manyUsers }) => manyUsers),
  targets: [pageTarget],
};

/** Pages of 100 users. */
export const pages: readonly Scenario[] = [...walkPages, coldJump, cursorWalk];
