import { createLimitConnection } from '../limits/limit-connection.ts';
import { databaseLimits, koaLimit } from '../limits/limits.ts';
import type { Limit, Scenario } from '../scenario.ts';
import { expectSame } from '../scim-connection.ts';
import { createUser, createUsers, patchOf, userResource } from '../scim-resources.ts';
import { alone, type InFlight, manyInFlight, nth } from './turns.ts';

const patchedUsers = 200;

/** Whether turn by turn a user becomes inactive: all do, then all become active again. */
function activeIn(turn: number, users: number): boolean {
  return Math.floor(turn / users) % 2 === 1;
}

const createLimits: readonly Limit[] = [
  ...databaseLimits(async (bench) => {
    const { id } = await createLimitConnection(bench.rollcall.databases.limits, {});
    return (turn) => ({
      call: { do: 'create-user', connection: id, resource: userResource(`limit-${turn}`) },
    });
  }),
  koaLimit(async () => {
    const body = JSON.stringify(userResource('koa'));
    return { method: 'POST', body, answerBytes: body.length + 350 };
  }),
];

const patchLimits: readonly Limit[] = databaseLimits(async (bench) => {
  const { limits } = bench.rollcall.databases;
  const { id, users } = await createLimitConnection(limits, { users: patchedUsers });
  return (turn) => {
    const active = activeIn(turn, users.length);
    return { call: { do: 'patch-user', connection: id, id: nth(users, turn), active } };
  };
});

function targets({ isAlone }: InFlight): Scenario['targets'] {
  return [{ kind: 'limit', limit: 'bare path', atLeast: isAlone ? 0.8 : 2.5 }];
}

function createScenario(flight: InFlight): Scenario {
  return {
    name: `create-user${flight.suffix}`,
    about: 'a new user',
    inFlight: flight.inFlight,
    needs: 'scim',
    async prepare(bench) {
      const scim = await bench.connect('bench, creating');
      const name = `new-${flight.inFlight}-${Date.now().toString(36)}`;
      return {
        async run(turn) {
          await createUser(scim, `${name}-${turn}`);
          return undefined;
        },
      };
    },
    limits: createLimits,
    targets: targets(flight),
  };
}

function patchScenario(flight: InFlight): Scenario {
  return {
    name: `patch-active${flight.suffix}`,
    about: 'one user made inactive or active again',
    inFlight: flight.inFlight,
    needs: 'scim',
    async prepare(bench) {
      const scim = await bench.connect('bench, patching');
      const name = `patched-${flight.inFlight}-${Date.now().toString(36)}`;
      const users = await createUsers(scim, name, patchedUsers);
      return {
        async run(turn) {
          const active = activeIn(turn, users.length);
          const { id } = nth(users, turn);
          const patch = patchOf({ op: 'replace', path: 'active', value: active });
          const { status, json } = await scim.send('PATCH', `/Users/${id}`, [200, 204], patch);
          if (status === 200) expectSame('active', json.active, active);
          return undefined;
        },
      };
    },
    limits: patchLimits,
    targets: targets(flight),
  };
}

/** Users created, deactivated and activated. */
export const userWrites: readonly Scenario[] = [createScenario, patchScenario].flatMap((make) => [
  make(alone),
  make(manyInFlight),
]);
