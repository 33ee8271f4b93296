import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  startRollcall,
  type TestAccess,
  type TestConnection,
  type TestRollcall,
} from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';

let rollcall: TestRollcall;
let connection: TestConnection;
let scim: ScimClient;
type Access = Awaited<ReturnType<TestRollcall['accessFor']>>;
/** Two that remember answers as they do by default, and one that remembers nothing. */
let remembering: [TestAccess, TestAccess];
let access: Access;
let forgetful: Access;
before(async () => {
  rollcall = await startRollcall();
  connection = await rollcall.connect();
  scim = scimOf(connection);
  const settings = { ROLLCALL_MAX_STALENESS: '250' };
  remembering = [await rollcall.startAccess(settings), await rollcall.startAccess(settings)];
  access = await remembering[0].clientFor(connection);
  forgetful = await rollcall.accessFor(connection);
});
after(async () => {
  for (const started of remembering) await started[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});

const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
const patch = (...operations: unknown[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: operations,
});

/** Each way to ask; all of them must show a write that was answered before. */
const ways: Readonly<
  Record<string, [(position: number) => { fresh?: true; atLeast?: number }, asked: () => Access]>
> = {
  'with fresh': [() => ({ fresh: true }), () => access],
  'with atLeast and the Rollcall-Position of the answer': [
    (position) => ({ atLeast: position }),
    () => access,
  ],
  'without either, where nothing is remembered': [() => ({}), () => forgetful],
};

for (const [way, [freshness, asked]] of Object.entries(ways)) {
  test(`the next query shows what SCIM has answered, ${way}`, async () => {
    const suffix = way.replaceAll(' ', '-');
    const user = await scim('POST', '/Users', { schemas, userName: `ada-${suffix}` });
    const group = await scim('POST', '/Groups', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: `team-${suffix}`,
    });
    const question = { connection: connection.id, user: user.body.id, group: group.body.id };

    async function check(
      write: Promise<{ status: number; headers: Headers }>,
      member: boolean,
      active: boolean,
    ) {
      const { status, headers } = await write;
      assert.ok(status === 200 || status === 204, String(status));
      const position = Number(headers.get('rollcall-position'));
      assert.ok(Number.isInteger(position) && position > 0);
      const answer = await asked().memberships.check.query({ ...question, ...freshness(position) });
      assert.deepEqual([answer.member, answer.active], [member, active]);
      assert.ok(answer.asOf >= position);
      const found = await asked().users.get.query({
        connection: connection.id,
        id: user.body.id,
        withGroups: true,
        ...freshness(position),
      });
      assert.equal(found.user.active, active);
    }

    const groupPath = `/Groups/${group.body.id}`;
    const userPath = `/Users/${user.body.id}`;
    const value = [{ value: user.body.id }];
    for (let round = 0; round < 5; round++) {
      await check(scim('PATCH', groupPath, patch({ op: 'add', path: 'members', value })), true, true);
      await check(
        scim('PATCH', userPath, patch({ op: 'replace', path: 'active', value: false })),
        false,
        false,
      );
      await check(scim('PATCH', userPath, patch({ op: 'replace', path: 'active', value: true })), true, true);
      const path = `members[value eq "${user.body.id}"]`;
      await check(scim('PATCH', groupPath, patch({ op: 'remove', path })), false, true);
    }
  });
}

test('whatever several write at random, an answer to atLeast is never older, whoever gives it', async () => {
  const written = await rollcall.connect();
  const send = scimOf(written);
  const clients = await Promise.all(remembering.map((each) => each.clientFor(written)));

  async function createGroup(displayName: string, member: string) {
    const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName };
    const { status, body, headers } = await send('POST', '/Groups', {
      ...group,
      members: [{ value: member }],
    });
    assert.equal(status, 201);
    return { id: body.id, position: Number(headers.get('rollcall-position')) };
  }

  /** Renames a group above a user, or switches the user on or off, while it is asked what the last write made of it. */
  async function writeAndAsk(userName: string): Promise<void> {
    const { body } = await send('POST', '/Users', { schemas, userName });
    const inner = await createGroup(`team of ${userName}`, body.id);
    const outer = await createGroup(`${userName} 0`, inner.id);
    let last = { position: outer.position, active: true, name: `${userName} 0` };
    const states = [last];
    const asking: Promise<{ bound: number; active: boolean; name: string | undefined }>[] = [];
    const ask = async (client: Access) => {
      const question = { connection: written.id, user: body.id, atLeast: last.position };
      const { active, groups, asOf } = await client.access.snapshot.query(question);
      const name = groups.find(({ id }) => id === outer.id)?.displayName;
      return { bound: Math.max(asOf, question.atLeast), active, name };
    };
    for (let round = 1; round <= 30; round++) {
      const renames = randomInt(3) > 0;
      const next = renames ? { ...last, name: `${userName} ${round}` } : { ...last, active: !last.active };
      const { headers } = renames
        ? await send(
            'PATCH',
            `/Groups/${outer.id}`,
            patch({ op: 'replace', path: 'displayName', value: next.name }),
          )
        : await send(
            'PATCH',
            `/Users/${body.id}`,
            patch({ op: 'replace', path: 'active', value: next.active }),
          );
      last = { ...next, position: Number(headers.get('rollcall-position')) };
      states.push(last);
      asking.push(...clients.map(ask), ...clients.map(ask));
    }
    const answers = await Promise.all(asking);
    for (const { bound, active, name } of answers) {
      const possible = states.filter((_, index) => (states[index + 1]?.position ?? Infinity) > bound);
      assert.ok(
        possible.some((state) => state.active === active && (!active || state.name === name)),
        `at ${bound} or later it was never ${active} and ${name}`,
      );
    }
  }

  await Promise.all(['ada', 'bob', 'eve'].map(writeAndAsk));
  for (const { metrics } of remembering) {
    const answered = await metrics.getSingleMetric('rollcall_access_cache_answers_total')?.get();
    assert.ok(answered?.values.some(({ labels, value }) => labels.outcome === 'hit' && value > 0));
  }
});
