import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CheckUserRoleRequest, ListUserRolesRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import { checkTenants } from '../../support/tenant-commands.ts';
import { byId, byName, type Roles, type RolesFixture } from './roles-fixture.ts';

/** What questions about roles ask of the database. The last, since it looks at all that was sent. */
export function testRoleCosts({ rollcall, sent, createRoles }: RolesFixture): void {
  suite('what roles cost at the database', () => {
    /** The commands about a connection that a call makes. */
    const reads = async ({ connectionId }: Roles, call: () => Promise<unknown>) => {
      const before = sent.length;
      await call();
      return sent
        .slice(before)
        .filter(({ command }) => JSON.stringify(command).includes(connectionId))
        .map(({ commandName, command }) => `${commandName} ${command[commandName]}`);
    };

    test('does not grow with what the question is not about', async () => {
      const costs: unknown[] = [];
      for (const [others, mappingCount] of [
        [5, 3],
        [300, 120],
      ] as const) {
        const acme = await createRoles();
        const { connectionId } = acme;
        const crowd = await acme.createUsers(Array.from({ length: others }, (_, index) => `user ${index}`));
        const [ada = ''] = crowd;
        const everybody = await acme.groupOf('Everybody', crowd);
        const mappings = Array.from({ length: mappingCount }, (_, index) => ({
          id: `m${index}`,
          subject: byName(index === 0 ? 'Everybody' : `Group ${index}`),
          roles: ['r'],
        }));
        await acme.set(mappings);
        const { roles } = rollcall.directory;
        const question = { connectionId, userId: ada };
        // Once, so that the mappings are known.
        await acme.rolesOf(ada);
        costs.push([
          await reads(acme, () => roles.listUserRoles(ListUserRolesRequest.fromPartial(question))),
          await reads(acme, () =>
            roles.checkUserRole(CheckUserRoleRequest.fromPartial({ ...question, role: 'r' })),
          ),
          await reads(acme, () =>
            Array.fromAsync(roles.getAccess(ListUserRolesRequest.fromPartial(question))),
          ),
          await reads(acme, () => acme.check(ada, everybody)),
        ]);
      }
      assert.deepEqual(costs[1], costs[0]);
      const [[ofUser] = []] = costs as string[][][];
      assert.deepEqual(ofUser, [
        'find users',
        'find groups',
        'find memberships',
        'find memberships',
        'find heads',
      ]);
    });

    test('is one query for each level of groups above, whatever stands on it', async () => {
      const acme = await createRoles();
      const [ada = ''] = await acme.createUsers(['ada']);
      let below = [ada];
      for (let depth = 1; depth <= 10; depth++) {
        const level = await Promise.all([1, 2, 3].map((each) => acme.groupOf(`${depth} ${each}`, below)));
        below = level;
      }
      await acme.set([{ id: 'top', subject: byId(below[0] ?? ''), roles: ['top'] }]);
      await acme.rolesOf(ada);
      const commands = await reads(acme, () => acme.rolesOf(ada));
      assert.equal(commands.filter((text) => text === 'find memberships').length, 11);
      assert.equal((await acme.why(ada, 'top'))[0]?.split(' < ').length, 10);
      assert.deepEqual(await acme.holders('top'), [ada]);
    });

    test('and every command names the tenant', () => {
      assert.ok(checkTenants(sent) > 1_000);
    });
  });
}
