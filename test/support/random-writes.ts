import { randomInt } from 'node:crypto';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { type ConnectionDriver, idOf, members, operation, resourceTypes } from './connection-driver.ts';

/** The ids that writers have made, deleted ones included. */
export interface KnownIds {
  /** Of users. */
  readonly users: string[];
  /** Of groups. */
  readonly groups: string[];
}

// What another writer may have done first.
const races: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.RESOURCE_NOT_FOUND,
  ErrorReason.MEMBER_NOT_FOUND,
]);

/** Writes to a connection at random, one call after another: users, groups, nesting, activation. Several may at once. */
export async function writeAtRandom(
  connection: ConnectionDriver,
  known: KnownIds,
  writes: number,
): Promise<void> {
  for (let write = 0; write < writes; write++) {
    try {
      await writeOnce(connection, known);
    } catch (error) {
      if (!(error instanceof RpcError && races.has(error.reason))) throw error;
    }
  }
}

async function writeOnce(connection: ConnectionDriver, { users, groups }: KnownIds): Promise<void> {
  const user = oneOf(users);
  const group = oneOf(groups);
  const member = randomInt(4) === 0 ? oneOf(groups) : user;
  const { user: userType, group: groupType } = resourceTypes;
  switch (randomInt(10)) {
    case 0:
    case 1:
      users.push(idOf((await connection.createUser(`user ${crypto.randomUUID()}`)).user));
      return;
    case 2:
      groups.push(await connection.groupOf(`group ${crypto.randomUUID()}`, []));
      return;
    case 3:
      await connection.patchUser(user, [operation(userType, 'REPLACE', 'active', randomInt(2) === 0)]);
      return;
    case 4:
      await connection.patchUser(user, [operation(userType, 'REPLACE', 'title', `title ${randomInt(100)}`)]);
      return;
    case 5:
      await connection.patchGroup(
        group,
        [operation(groupType, 'REPLACE', 'externalId', `id ${randomInt(100)}`)],
        [members.remove(member)],
      );
      return;
    case 6:
      await (randomInt(3) === 0 ? connection.deleteGroup(group) : connection.deleteUser(user));
      return;
    case 7:
      await connection.changeMembers(group, [members.remove(member)]);
      return;
    default:
      await connection.changeMembers(group, [members.add(member)]);
  }
}

/** One of the ids; one of nothing when there are none yet. */
function oneOf(ids: readonly string[]): string {
  return ids[randomInt(Math.max(1, ids.length))] ?? crypto.randomUUID();
}
