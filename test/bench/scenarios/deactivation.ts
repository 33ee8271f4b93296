import { isJsonObject, type JsonValue, toJsonValue } from '#scim/json.ts';
import { openEventStream } from '../../support/event-stream.ts';
import type { Bench } from '../bench.ts';
import type { Scenario } from '../scenario.ts';
import { createUsers, patchOf } from '../scim-resources.ts';
import { startFlood } from './start-flood.ts';
import { nth } from './turns.ts';

const watchedUsers = 20;
const writersOfLoad = 64;

/** From the answer to `active: false` until the watch of a service has it; the user is active again afterwards. */
async function prepare(bench: Bench, stack: AsyncDisposableStack, writers: number) {
  const scim = await bench.connect('bench, deactivation');
  const users = await createUsers(scim, 'watched', watchedUsers);
  const delivered = await watchDeactivations(bench, scim.id, stack);
  if (writers > 0) stack.use(await startFlood(scim, writers, [201]));
  const setActive = (id: string, active: boolean) =>
    scim.send('PATCH', `/Users/${id}`, [200], patchOf({ op: 'replace', path: 'active', value: active }));
  return {
    async run(turn: number) {
      const { id } = nth(users, turn);
      const delivery = delivered(id);
      const sentAt = performance.now();
      await setActive(id, false);
      const answeredAt = performance.now();
      // Delivered before it was answered is no delay.
      const deliveredAt = await delivery;
      await setActive(id, true);
      const figures = { 'sent to delivered, at most, ms': deliveredAt - sentAt };
      return { ms: Math.max(0, deliveredAt - answeredAt), figures };
    },
  };
}

/** Watches deactivations as a service does; what it returns resolves with the time when that of a user came. */
async function watchDeactivations(
  bench: Bench,
  connection: string,
  stack: AsyncDisposableStack,
): Promise<(user: string) => Promise<number>> {
  const { product } = bench.rollcall;
  const url = new URL('/trpc/changes.watch', product.accessUrl);
  url.searchParams.set('input', JSON.stringify({ connection, types: ['user-deactivated'] }));
  const events = openEventStream(url, { token: await product.serviceToken(connection) });
  // The watch begins with what comes after its first message.
  await events.next();
  const waiting = new Map<string, (at: number) => void>();
  let ended = false;
  const reading = readAll();
  stack.defer(() => {
    ended = true;
    return reading;
  });
  return (user) => new Promise((resolve) => waiting.set(user, resolve));

  async function readAll(): Promise<void> {
    for await (const { data } of events) {
      const at = performance.now();
      for (const user of usersIn(toJsonValue(data ?? null))) waiting.get(user)?.(at);
      // A heartbeat comes soon, when nothing else does.
      if (ended) return;
    }
    throw new Error('the watch ended');
  }
}

function usersIn(answer: JsonValue): readonly string[] {
  const message = isJsonObject(answer) ? answer : {};
  const changes = Array.isArray(message.changes) ? message.changes.filter(isJsonObject) : [];
  return changes.flatMap(({ userId }) => (typeof userId === 'string' ? [userId] : []));
}

function deactivation(name: string, about: string, writers: number, below: number): Scenario {
  return {
    name,
    about,
    inFlight: 1,
    needs: 'rollcall',
    prepare: (bench, stack) => prepare(bench, stack, writers),
    limits: [],
    targets: [{ kind: 'time', measure: 'p99', below }],
  };
}

/** How long after the identity provider was answered a service hears that a user is inactive. */
export const deactivations: readonly Scenario[] = [
  deactivation(
    'deactivation-to-watch',
    'from active:false answered until changes.watch delivered it',
    0,
    100,
  ),
  deactivation(
    'deactivation-to-watch-loaded',
    'the same while the connection creates users, 64 in flight',
    writersOfLoad,
    500,
  ),
];
