import assert from 'node:assert/strict';
import { isJsonArray, type JsonObject } from '#scim/json.ts';
import type { createRollcall } from '../../services/access/client.ts';
import { at } from './exchange-file.ts';

/**
 * Asserts that another service, which asks over tRPC, sees the same as the identity provider: who is a member of a group,
 * and whether a user is active.
 * @param resource what SCIM answers when the resource is read; undefined when it is gone.
 * @param users the ids of all users there are or were.
 * @param atLeast the `Rollcall-Position` of the write.
 */
export async function assertAccessAgrees(
  access: ReturnType<typeof createRollcall>,
  connection: string,
  { type, id, resource }: { type: string; id: string; resource: JsonObject | undefined },
  users: readonly string[],
  atLeast: number,
): Promise<void> {
  const common = { connection, atLeast, includeInactive: true };
  if (type === 'Users') {
    const found = await access.users.find.query({ connection, atLeast, filter: `id eq "${id}"` });
    const active = found.users.map((user) => user.active);
    assert.deepEqual(active, resource === undefined ? [] : [at(resource, '/active')]);
    return;
  }
  const members = at(resource, '/members');
  const ids = isJsonArray(members) ? members.map((member) => at(member, '/value')) : [];
  for (const user of users) {
    const { member } = await access.memberships.check.query({ ...common, user, group: id });
    assert.equal(member, ids.includes(user), `${user} is ${member ? 'a' : 'no'} member over tRPC`);
  }
}
