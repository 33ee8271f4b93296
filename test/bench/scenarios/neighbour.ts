import { atOnce } from '../at-once.ts';
import type { Bench } from '../bench.ts';
import { newBenchFolder, startMeasuredProduct } from '../measured-product.ts';
import type { Scenario } from '../scenario.ts';
import { createUsers } from '../scim-resources.ts';
import { startFlood } from './start-flood.ts';
import { nth } from './turns.ts';

const usersOfQuiet = 50;
const flooders = 64;
// A quiet customer asks a few times a second.
const pauseMs = 5;
// A process that has just started is slow by itself, and the flood would be what makes it fast.
const warmAtOnce = 16;

/** Reads of a connection in a Rollcall of its own, whose rate limit is what it is by default. */
async function prepare(bench: Bench, stack: AsyncDisposableStack, flooded: boolean) {
  bench.progress('starting a Rollcall with its rate limit');
  const folder = stack.use(await newBenchFolder());
  const product = stack.use(await startMeasuredProduct(folder.path, {}));
  const quiet = stack.use(await product.connect('bench, quiet'));
  const loud = stack.use(await product.connect('bench, loud'));
  const users = await createUsers(quiet, 'quiet', usersOfQuiet);
  const read = (turn: number) => quiet.send('GET', `/Users/${nth(users, turn).id}`, [200]);
  await atOnce(warmAtOnce, Array.from({ length: bench.scale.users }), (_, turn) => read(turn));
  if (flooded) stack.use(await startFlood(loud, flooders, [201, 429]));
  return {
    processes: { ...product.processes, client: process.pid },
    async run(turn: number) {
      const begin = performance.now();
      await read(turn);
      const ms = performance.now() - begin;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      return { ms };
    },
  };
}

/** What a customer feels of another one. */
export const neighbours: readonly Scenario[] = [
  {
    name: 'quiet-neighbour',
    about: 'one user by id, of a connection beside one that does nothing',
    inFlight: 1,
    needs: 'rollcall',
    prepare: (bench, stack) => prepare(bench, stack, false),
    limits: [],
    targets: [],
  },
  {
    name: 'flooded-neighbour',
    about: 'the same beside one that sends all it can, 64 in flight, into its rate limit',
    inFlight: 1,
    needs: 'rollcall',
    prepare: (bench, stack) => prepare(bench, stack, true),
    limits: [],
    targets: [{ kind: 'scenario', scenario: 'quiet-neighbour', measure: 'p95', atMost: 2 }],
  },
];
