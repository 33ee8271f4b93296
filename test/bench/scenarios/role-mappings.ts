import { RoleMappings, SetRoleMappingsRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import { openAccessClient, rolesIn } from '../access-client.ts';
import type { Scenario } from '../scenario.ts';
import { nth } from './turns.ts';

// By then the mapping was in force for seconds.
const mostQuestions = 10_000;

/** Another role for everyone, until the access service answers by it: of a user that it remembers with the role before. */
export const roleMappingChange: Scenario = {
  name: 'role-mapping-change',
  about: 'a role mapping for all of many users set anew, until the access service answers by it',
  inFlight: 1,
  needs: 'rollcall',
  async prepare(bench, stack) {
    const { scim, users } = await bench.population(bench.scale.manyUsers);
    const access = stack.use(await openAccessClient(bench, scim.id));
    const { roles } = bench.rollcall.product.directory;
    return {
      async run(turn) {
        const role = `role-${turn}`;
        const { id } = nth(users, turn);
        const before = rolesIn(await access.ask('roles.ofUser', { user: id }));
        const mappings = RoleMappings.fromPartial({
          mappings: [{ id: 'everyone', subject: { $case: 'everyone', value: {} }, roles: [role] }],
        });
        const begin = performance.now();
        const request = { connectionId: scim.id, mappings, author: 'bench' };
        await roles.setRoleMappings(SetRoleMappingsRequest.fromPartial(request));
        for (let asked = 0; asked < mostQuestions; asked++) {
          const found = rolesIn(await access.ask('roles.ofUser', { user: id }));
          if (found === role) return { ms: performance.now() - begin };
          if (found !== before) throw new Error(`the roles are ${found}, neither ${before} nor ${role}`);
        }
        throw new Error(`the roles are ${before} still, not ${role}`);
      },
    };
  },
  limits: [],
  targets: [],
};
