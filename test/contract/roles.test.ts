import { after } from 'node:test';
import { testMappingsCommand } from './roles/mappings-command.ts';
import { testRoleCosts } from './roles/role-costs.ts';
import { testRoleHolders } from './roles/role-holders.ts';
import { testRoleMappings } from './roles/role-mappings.ts';
import { startRolesFixture } from './roles/roles-fixture.ts';
import { testRolesForServices } from './roles/roles-for-services.ts';
import { testRolesOfUsers } from './roles/roles-of-users.ts';

const fixture = await startRolesFixture();
after(() => fixture[Symbol.asyncDispose]());

testRoleMappings(fixture);
testRolesOfUsers(fixture);
testRoleHolders(fixture);
testRolesForServices(fixture);
testMappingsCommand(fixture);
testRoleCosts(fixture);
