import type { LimitDatabases } from './limits/limit-databases.ts';
import type { MeasuredProduct } from './measured-product.ts';
import type { Scale } from './scale.ts';
import { openScimConnection, type ScimConnection } from './scim-connection.ts';
import {
  type BenchGroup,
  type BenchUser,
  createGroup,
  createManyUsers,
  createUsers,
} from './scim-resources.ts';

/** A connection with users in it. */
export interface Population {
  /** The connection. */
  readonly scim: ScimConnection;
  /** Its users, in the order of their creation. */
  readonly users: readonly BenchUser[];
}

/** The programs in `limits/` that do less than the product. */
export type LimitName = 'bare-koa' | 'bare-grpc' | 'bare-path' | 'empty-trpc';

/** What only the product has around its SCIM surface, and what it is compared with. */
export interface RollcallBench {
  /** The product. */
  readonly product: MeasuredProduct;
  /** Its database, and that of the limits on the same server. */
  readonly databases: LimitDatabases;
  /** The port on which a program that does less listens; it is started when it is first asked for. */
  limit(name: LimitName, ...args: readonly string[]): Promise<number>;
}

/** What scenarios work on. */
export interface Bench {
  /** How much of everything. */
  readonly scale: Scale;
  /** Opens an empty connection; on another server it is the one that there is. */
  connect(name: string): Promise<ScimConnection>;
  /** The connection with so many users, loaded when it is first asked for. */
  population(users: number): Promise<Population>;
  /** The group of a population with so many of its first users, made when it is first asked for. */
  group(population: Population, members: number): Promise<BenchGroup>;
  /** See RollcallBench. Throws when another server is measured. */
  readonly rollcall: RollcallBench;
  /** Says what is being done. */
  progress(text: string): void;
}

/** What is measured: a Rollcall of one's own, or any SCIM server by its base URL. */
export type Measured = RollcallBench | { readonly baseUrl: string; readonly token: string };

/** Makes what scenarios work on; the connections that they open are closed with the stack. */
export function createBench(
  measured: Measured,
  { scale, progress, stack }: { scale: Scale; progress: (text: string) => void; stack: AsyncDisposableStack },
): Bench {
  const populations = new Map<number, Promise<Population>>();
  const groups = new Map<string, Promise<BenchGroup>>();
  // What an earlier run left on another server must not be in the way.
  const run = Date.now().toString(36);

  async function connect(name: string): Promise<ScimConnection> {
    const scim =
      'product' in measured
        ? await measured.product.connect(name)
        : openScimConnection({ id: '', ...measured });
    return stack.use(scim);
  }

  async function populate(count: number): Promise<Population> {
    progress(`loading ${count} users`);
    const scim = await connect(`bench, ${count} users`);
    // Another server may know no bulk requests.
    const create = 'product' in measured ? createManyUsers : createUsers;
    return { scim, users: await create(scim, `${run}-of-${count}`, count) };
  }

  return {
    scale,
    connect,
    progress,
    population: (users) => remembered(populations, users, () => populate(users)),
    group: (population, members) =>
      remembered(groups, `${population.users.length}/${members}`, async () => {
        progress(`filling a group of ${members}`);
        const ids = population.users.slice(0, members).map(({ id }) => id);
        return createGroup(population.scim, `${run} group of ${members}`, ids);
      }),
    get rollcall() {
      if ('product' in measured) return measured;
      throw new Error('this needs a Rollcall of our own');
    },
  };
}

/** What is made once for each key. */
export function remembered<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
