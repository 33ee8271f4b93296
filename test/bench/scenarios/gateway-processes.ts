import type { Bench } from '../bench.ts';
import { startMeasuredGateway } from '../measured-product.ts';
import type { Scenario } from '../scenario.ts';
import { expectSame, idOf, openScimConnection } from '../scim-connection.ts';
import { manyInFlight, nth } from './turns.ts';

/** Reads over so many gateways, each a process of its own before the one directory. */
async function prepare(bench: Bench, stack: AsyncDisposableStack, count: number) {
  const { scim, users } = await bench.population(bench.scale.users);
  const { product } = bench.rollcall;
  const processes: Record<string, number> = { ...product.processes, client: process.pid };
  const connections: (typeof scim)[] = [];
  for (let index = 1; index <= count; index++) {
    bench.progress(`starting gateway ${index}`);
    const gateway = stack.use(await startMeasuredGateway(product));
    processes[`gateway ${index}`] = gateway.pid;
    const baseUrl = `${gateway.address}${new URL(scim.baseUrl).pathname}`;
    connections.push(stack.use(openScimConnection({ id: scim.id, token: scim.token, baseUrl })));
  }
  return {
    processes,
    async run(turn: number) {
      const user = nth(users, turn);
      const { json } = await nth(connections, turn).send('GET', `/Users/${user.id}`, [200]);
      expectSame('the id', idOf(json), user.id);
      expectSame('userName', json.userName, user.userName);
      return undefined;
    },
  };
}

/** One gateway, and two, in processes of their own: what more instances bring, where there are cores for them. */
export const gatewayProcesses: readonly Scenario[] = [1, 2].map((count) => ({
  name: `gateway-processes-${count}${manyInFlight.suffix}`,
  about: `one user by id, over ${count === 1 ? 'a gateway' : `${count} gateways`} in a process of its own`,
  inFlight: manyInFlight.inFlight,
  needs: 'rollcall',
  prepare: (bench, stack) => prepare(bench, stack, count),
  limits: [],
  targets: [],
}));
