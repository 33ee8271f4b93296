import { atOnce } from '../at-once.ts';
import type { Scenario } from '../scenario.ts';
import { expectSame, objectsOf } from '../scim-connection.ts';
import { createUsers, createUsersInBulk, patchOf, userResource, usersPerBulk } from '../scim-resources.ts';

const matchesAtOnce = 8;
const everyChanged = 100;

const bulkCreate: Scenario = {
  name: 'bulk-create',
  about: '100 new users in one bulk request, counted one by one',
  inFlight: 1,
  needs: 'scim',
  units: () => usersPerBulk,
  async prepare(bench) {
    const scim = await bench.connect('bench, bulk');
    const name = `bulk-${Date.now().toString(36)}`;
    return {
      async run(turn) {
        const names = Array.from({ length: usersPerBulk }, (_, index) => `${name}-${turn}-${index}`);
        await createUsersInBulk(scim, names);
        return undefined;
      },
    };
  },
  limits: [],
  targets: [],
};

const nightlyCycle: Scenario = {
  name: 'nightly-cycle',
  about: 'every user matched by externalId, 8 at a time, and one in a hundred changed; counted by users',
  inFlight: 1,
  needs: 'scim',
  repeat: 1,
  units: ({ load }) => load.users,
  async prepare(bench) {
    const { scim, users } = await bench.population(bench.scale.load.users);
    return {
      async run(turn) {
        await atOnce(matchesAtOnce, users, async ({ id, externalId }, index) => {
          const filter = encodeURIComponent(`externalId eq "${externalId}"`);
          const { json } = await scim.send('GET', `/Users?filter=${filter}`, [200]);
          const [found] = objectsOf(json, 'Resources');
          expectSame('the user matched', found?.id, id);
          if (index % everyChanged !== 0) return;
          const patch = patchOf({ op: 'replace', path: 'title', value: `Manager ${turn}` });
          await scim.send('PATCH', `/Users/${id}`, [200, 204], patch);
        });
        return undefined;
      },
    };
  },
  limits: [],
  targets: [],
};

const replaceUser: Scenario = {
  name: 'replace-user',
  about: 'one user replaced, another title each time',
  inFlight: 1,
  needs: 'scim',
  async prepare(bench) {
    const scim = await bench.connect('bench, replacing');
    const name = `replaced-${Date.now().toString(36)}`;
    const [user] = await createUsers(scim, name, 1);
    const resource = userResource(`${name}-0`);
    return {
      async run(turn) {
        const title = `Engineer ${turn}`;
        const { json } = await scim.send('PUT', `/Users/${user?.id}`, [200], { ...resource, title });
        expectSame('title', json.title, title);
        return undefined;
      },
    };
  },
  limits: [],
  targets: [],
};

/** What identity providers do in one go, and over and over. */
export const cycles: readonly Scenario[] = [replaceUser, bulkCreate, nightlyCycle];
