import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';

let rollcall: TestRollcall;
let connection: TestConnection;
let scim: ScimClient;
let access: Awaited<ReturnType<TestRollcall['accessFor']>>;
before(async () => {
  rollcall = await startRollcall();
  connection = await rollcall.connect();
  scim = scimOf(connection);
  access = await rollcall.accessFor(connection);
});
after(() => rollcall[Symbol.asyncDispose]());

const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
const patch = (...operations: unknown[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: operations,
});

/** Each way to ask; all of them must show a write that was answered before. */
const ways: Readonly<Record<string, (position: number) => { fresh?: true; atLeast?: number }>> = {
  'with fresh': () => ({ fresh: true }),
  'with atLeast and the Rollcall-Position of the answer': (position) => ({ atLeast: position }),
  'without either': () => ({}),
};

for (const [way, freshness] of Object.entries(ways)) {
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
      const answer = await access.memberships.check.query({ ...question, ...freshness(position) });
      assert.deepEqual([answer.member, answer.active], [member, active]);
      assert.ok(answer.asOf >= position);
      const found = await access.users.get.query({
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
    for (let round = 0; round < 10; round++) {
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
