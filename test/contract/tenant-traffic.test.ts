import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { readConfig } from '#runtime/config.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { filtered, groupUrn, patchBody, userUrn } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

const lines: string[] = [];
const gateway = await startGateway(
  readConfig(gatewayConfig, {
    ROLLCALL_DATA_DIR: rollcall.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
    ROLLCALL_GATEWAY_PORT: '0',
    ROLLCALL_RATE_LIMIT: '0',
  }),
  {
    logger: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    metrics: new Registry(),
  },
);
after(() => gateway[Symbol.asyncDispose]());

/** One customer: every value it sends has its word in it, which no answer to another may have. */
interface Tenant {
  readonly word: string;
  readonly id: string;
  readonly scim: ScimClient;
  readonly users: string[];
  readonly groups: string[];
  readonly cursors: string[];
  /** Everything it was answered. */
  readonly heard: string[];
}

async function tenant(word: string): Promise<Tenant> {
  const connection = await rollcall.connect({ name: word });
  const baseUrl = `${gateway.address}/scim/${connection.id}/v2`;
  const own = { word, id: connection.id, users: [], groups: [], cursors: [], heard: [] as string[] };
  const client = scimOf({ ...connection, baseUrl });
  return {
    ...own,
    async scim(...request) {
      const answer = await client(...request);
      own.heard.push(JSON.stringify([answer.body ?? null, [...answer.headers]]));
      return answer;
    },
  };
}

const actions = [
  'createUser',
  'createGroup',
  'addMember',
  'addForeignMember',
  'deactivate',
  'patchForeign',
  'readForeign',
  'deleteForeign',
  'list',
  'walk',
  'walkForeign',
  'filter',
  'search',
  'deleteUser',
  'bulk',
] as const;
type Action = (typeof actions)[number];

function pick(list: readonly string[], seed: number): string | undefined {
  return list[seed % Math.max(list.length, 1)];
}

/** Does one thing as a tenant; what it names of the other's must be as if it were not there. */
async function act(own: Tenant, other: Tenant, action: Action, seed: number): Promise<void> {
  const { scim, word, users, groups } = own;
  const user = {
    schemas: [userUrn],
    userName: `user-${seed % 7}`,
    title: word,
    externalId: `${word}-${seed}`,
  };
  const group = { schemas: [groupUrn], displayName: `group-${seed % 5}`, externalId: word };
  const foreign = pick(other.users, seed) ?? pick(other.groups, seed) ?? 'nobody';
  const path = other.users.includes(foreign) ? `/Users/${foreign}` : `/Groups/${foreign}`;
  const add = (value: string) => patchBody({ op: 'add', path: 'members', value: [{ value }] });
  switch (action) {
    case 'createUser': {
      // The names of one tenant are free in the other.
      const { status, body } = await scim('POST', '/Users', user);
      if (status === 201) users.push(body.id);
      else assert.equal(status, 409);
      return;
    }
    case 'createGroup': {
      const { status, body } = await scim('POST', '/Groups', group);
      if (status === 201) groups.push(body.id);
      else assert.equal(status, 409);
      return;
    }
    case 'addMember':
      await scim('PATCH', `/Groups/${pick(groups, seed)}`, add(pick(users, seed) ?? 'nobody'));
      return;
    case 'addForeignMember':
      assert.ok(
        [400, 404].includes((await scim('PATCH', `/Groups/${pick(groups, seed)}`, add(foreign))).status),
      );
      return;
    case 'deactivate':
      await scim(
        'PATCH',
        `/Users/${pick(users, seed)}`,
        patchBody({ op: 'replace', path: 'active', value: false }),
      );
      return;
    case 'patchForeign':
      assert.equal(
        (await scim('PATCH', path, patchBody({ op: 'add', path: 'externalId', value: word }))).status,
        404,
      );
      return;
    case 'readForeign':
      assert.equal((await scim('GET', path)).status, 404);
      return;
    case 'deleteForeign':
      assert.equal((await scim('DELETE', path)).status, 404);
      return;
    case 'list':
      assert.equal((await scim('GET', '/Users?count=0')).body.totalResults, users.length);
      assert.equal((await scim('GET', '/Groups')).body.totalResults, groups.length);
      return;
    case 'walk': {
      const { nextCursor } = (await scim('GET', '/Users?cursor&count=1')).body;
      if (nextCursor !== undefined) own.cursors.push(nextCursor);
      return;
    }
    case 'walkForeign': {
      const cursor = pick(other.cursors, seed);
      if (cursor === undefined) return;
      const { status, body } = await scim('GET', `/Users?cursor=${cursor}&count=1`);
      assert.deepEqual([status, body.scimType], [400, 'invalidCursor']);
      return;
    }
    case 'filter':
      for (const filter of [`title eq "${other.word}"`, `id eq "${foreign}"`, `groups.value eq "${foreign}"`])
        assert.equal((await scim('GET', `/Users?${filtered(filter)}`)).body.totalResults, 0);
      return;
    case 'search':
      assert.equal((await scim('GET', '?sortBy=externalId')).body.totalResults, users.length + groups.length);
      return;
    case 'deleteUser': {
      const id = users.pop();
      if (id !== undefined) assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204);
      return;
    }
    case 'bulk': {
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
      const Operations = [{ method: 'DELETE', path }];
      const { body } = await scim('POST', '/Bulk', { schemas, Operations });
      assert.equal(body.Operations[0].status, '404');
    }
  }
}

suite('two connections with traffic of every kind', () => {
  test('never see each other, in answers, totals, cursors or logs (SEC-06, SEC-07)', async () => {
    const step = fc.tuple(fc.constantFrom(...actions), fc.nat(1_000));
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(step, { maxLength: 40 }),
        async (first, second) => {
          const acme = await tenant('acme-word');
          const globex = await tenant('globex-word');
          const run = async (own: Tenant, other: Tenant, steps: typeof first) => {
            for (const [action, seed] of [...seeds, ...steps]) await act(own, other, action, seed);
          };
          await Promise.all([run(acme, globex, first), run(globex, acme, second)]);
          for (const [own, other] of [
            [acme, globex],
            [globex, acme],
          ] as const) {
            const heard = own.heard.join('\n');
            assert.ok(!heard.includes(other.word), 'a value of the other');
            assert.ok(!heard.includes(other.id), 'the id of the other connection');
            const ownLines = lines.filter((line) => line.includes(own.id));
            assert.notEqual(ownLines.length, 0);
            for (const line of ownLines)
              assert.ok(!line.includes(other.id) && !/(acme|globex)-word/.test(line), line);
          }
        },
      ),
      { numRuns: 5, interruptAfterTimeLimit: 30_000 },
    );
  });
});

/** What every tenant begins with, so that there is something of the other's to ask for. */
const seeds: readonly [Action, number][] = [
  ['createUser', 1],
  ['createUser', 2],
  ['createGroup', 1],
  ['addMember', 1],
  ['walk', 0],
];
