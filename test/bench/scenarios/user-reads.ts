import type { JsonObject } from '#scim/json.ts';
import type { Bench, Population } from '../bench.ts';
import { databaseLimits, grpcLimit, koaLimit } from '../limits/limits.ts';
import type { Limit, Scenario } from '../scenario.ts';
import { expectSame, idOf, objectsOf } from '../scim-connection.ts';
import type { BenchUser } from '../scim-resources.ts';
import { alone, manyInFlight, nth } from './turns.ts';

/** A way to read one user. */
interface UserRead {
  readonly name: string;
  readonly about: string;
  path(user: BenchUser): string;
  /** The user in the answer; undefined when there is another number of them than one. */
  found(json: JsonObject): JsonObject | undefined;
  readonly limits: readonly Limit[];
  /** Set for what is only shown. */
  readonly isOnlyShown?: true;
}

function onlyResource(json: JsonObject): JsonObject | undefined {
  const found = objectsOf(json, 'Resources');
  return json.totalResults === 1 && found.length === 1 ? found[0] : undefined;
}

const getPath = ({ id }: BenchUser) => `/Users/${id}`;
const filterPath = (filter: string) => `/Users?filter=${encodeURIComponent(filter)}`;

const reads: readonly UserRead[] = [
  {
    name: 'get-user',
    about: 'one user by id',
    path: getPath,
    found: (json) => json,
    limits: [
      ...databaseLimits(async (bench) => {
        const { scim, users } = await bench.population(bench.scale.users);
        return (turn) => ({ call: { do: 'get-user', connection: scim.id, id: nth(users, turn).id } });
      }),
      koaLimit((bench) => asLong(bench, getPath)),
      grpcLimit,
    ],
  },
  findBy('find-by-user-name', 'userName', 'unique', ({ userName }) => userName),
  findBy('find-by-external-id', 'externalId', 'lookup', ({ externalId }) => externalId),
  {
    ...findBy('find-by-email', 'emails.value', 'lookup', ({ userName }) => userName),
    isOnlyShown: true,
  },
];

function findBy(
  name: string,
  attribute: 'userName' | 'externalId' | 'emails.value',
  index: 'unique' | 'lookup',
  keyOf: (user: BenchUser) => string,
): UserRead {
  const path = (user: BenchUser) => filterPath(`${attribute} eq "${keyOf(user)}"`);
  return {
    name,
    about: `filter by ${attribute}`,
    path,
    found: onlyResource,
    limits: [
      ...databaseLimits(async (bench) => {
        const { scim, users } = await bench.population(bench.scale.users);
        return (turn) => {
          const entry = `${attribute}=${keyOf(nth(users, turn))}`;
          return { call: { do: 'find-user', connection: scim.id, index, entry } };
        };
      }),
      koaLimit((bench) => asLong(bench, path)),
    ],
  };
}

/** A GET with an answer as long as the one to a read. */
async function asLong(bench: Bench, path: (user: BenchUser) => string) {
  const { scim, users } = await bench.population(bench.scale.users);
  const { body } = await scim.send('GET', path(nth(users, 0)), [200]);
  return { method: 'GET', answerBytes: body.length };
}

async function readOne({ scim, users }: Population, read: UserRead, turn: number): Promise<undefined> {
  const user = nth(users, turn);
  const { json } = await scim.send('GET', read.path(user), [200]);
  const found = read.found(json);
  if (!found) throw new Error(`${read.path(user)} answered ${json.totalResults} users, not one`);
  expectSame('the id', idOf(found), user.id);
  expectSame('userName', found.userName, user.userName);
}

/** One user, read by id or by a value that is its own. */
export const userReads: readonly Scenario[] = reads.flatMap((read) =>
  [alone, manyInFlight].map(
    ({ inFlight, suffix, isAlone }): Scenario => ({
      name: `${read.name}${suffix}`,
      about: read.about,
      inFlight,
      needs: 'scim',
      async prepare(bench) {
        const population = await bench.population(bench.scale.users);
        return { run: (turn) => readOne(population, read, turn) };
      },
      limits: read.limits,
      targets: read.isOnlyShown ? [] : [{ kind: 'limit', limit: 'bare path', atLeast: isAlone ? 0.75 : 3 }],
    }),
  ),
);
