import assert from 'node:assert/strict';
import {
  ListRoleHoldersRequest,
  ListUserRolesRequest,
  type RoleMapping,
  type RoleReason,
  SetRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import {
  type ConnectionDriver,
  driveConnection,
  operation,
  resourceTypes,
} from '../../support/connection-driver.ts';
import { startTestDirectory } from '../../support/directory.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../../support/rollcall.ts';
import type { SentCommand } from '../../support/tenant-commands.ts';

/** When the clock of the fixture begins. */
export const start = Date.UTC(2030, 0, 1);
/** An hour, in milliseconds. */
export const hour = 60 * 60_000;
/** Whom a mapping is about. */
export type Subject = NonNullable<RoleMapping['subject']>;
/** A mapping without what may be left out. */
export type PartialMapping = Partial<RoleMapping> & Pick<RoleMapping, 'id' | 'roles'>;
/** The members of the group with this id. */
export const byId = (value: string): Subject => ({ $case: 'groupId', value });
/** The members of the groups with this externalId. */
export const byExternalId = (value: string): Subject => ({ $case: 'groupExternalId', value });
/** The members of the groups of this name. */
export const byName = (value: string): Subject => ({ $case: 'groupDisplayName', value });
/** Every user. */
export const everyone: Subject = { $case: 'everyone', value: {} };
/** The users that a filter selects. */
export const byFilter = (text: string): Subject => ({
  $case: 'userFilter',
  value: parseFilter(resourceTypes.user, text),
});

/** A connection with what is asked of its roles. */
export interface Roles extends ConnectionDriver {
  /** The connection. */
  readonly connection_: TestConnection;
  /** Sets the mappings. */
  set(
    mappings: readonly PartialMapping[],
    rest?: Omit<Parameters<typeof SetRoleMappingsRequest.fromPartial>[0], 'connectionId' | 'mappings'> & {
      protectedRoles?: string[];
    },
  ): Promise<{ version: number; changed: boolean; position: number }>;
  /** Names of the roles of a user. */
  rolesOf(user: string): Promise<string[]>;
  /** Why a user has a role, as text: the mapping, and the chain of groups or what else applied. */
  why(user: string, role: string): Promise<string[]>;
  /** Ids of the users that have a role, in their order; they come in pages of a size. */
  holders(role: string, pageSize?: number): Promise<string[]>;
}

const reasonText = ({ mappingId, cause }: RoleReason) =>
  `${mappingId}: ${cause?.$case === 'membership' ? cause.value.path.join(' < ') : cause?.$case}`;

async function createRoles(rollcall: TestRollcall, name: string): Promise<Roles> {
  const connection = await rollcall.connect({ name });
  const { id: connectionId } = connection;
  const { roles } = rollcall.directory;
  const listed = async (userId: string) =>
    (await roles.listUserRoles(ListUserRolesRequest.fromPartial({ connectionId, userId }))).user;
  return {
    ...driveConnection(rollcall.directory, connectionId),
    connection_: connection,
    async set(mappings, { protectedRoles = [], ...rest } = {}) {
      const request = { ...rest, connectionId, mappings: { mappings: [...mappings], protectedRoles } };
      const answer = await roles.setRoleMappings(SetRoleMappingsRequest.fromPartial(request));
      return { ...answer, version: answer.version?.version ?? -1 };
    },
    rolesOf: async (user) => (await listed(user))?.roles.map(({ role }) => role) ?? [],
    async why(user, role) {
      const found = (await listed(user))?.roles.find((each) => each.role === role);
      return found?.because.map(reasonText) ?? [];
    },
    async holders(role, pageSize = 0) {
      const found: string[] = [];
      let pageToken = '';
      do {
        const request = ListRoleHoldersRequest.fromPartial({ connectionId, role, pageSize, pageToken });
        const parts = await Array.fromAsync(roles.listRoleHolders(request));
        found.push(...parts.flatMap((part) => part.holders.map(({ userId }) => userId)));
        pageToken = parts.at(-1)?.nextPageToken ?? '';
      } while (pageToken !== '');
      assert.equal(new Set(found).size, found.length, 'each once');
      return found.sort();
    },
  };
}

/** Activates or deactivates a user. */
export const setActive = (acme: ConnectionDriver, user: string, active: boolean) =>
  acme.patchUser(user, [operation(resourceTypes.user, 'REPLACE', 'active', active)]);

/** The changes after a position, once there are so many. */
export async function changesAfter(acme: ConnectionDriver, position: number, count: number) {
  for (;;) {
    const found = await acme.listChanges(position);
    if (found.length >= count) return found;
  }
}

/** What all tests of roles stand on. */
export interface RolesFixture {
  /** A whole Rollcall. */
  readonly rollcall: TestRollcall;
  /** A second directory on the same database and clock. */
  readonly second: Awaited<ReturnType<typeof startTestDirectory>>;
  /** What both directories read the time from; a test may put it forward. */
  readonly clock: { now: number };
  /** The commands that the first directory has sent to the database, without those by which it looks after itself. */
  readonly sent: SentCommand[];
  /** Creates a connection. */
  createRoles(name?: string): Promise<Roles>;
}

/** Starts the fixture. */
export async function startRolesFixture(): Promise<RolesFixture & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const clock = { now: start };
  const sent: SentCommand[] = [];
  const rollcall = stack.use(
    await startRollcall(
      (event) => {
        // What the directory looks after by itself says so in a comment.
        if ('command' in event && event.command.comment === undefined) sent.push(event);
      },
      () => clock.now,
    ),
  );
  const second = stack.use(
    await startTestDirectory(rollcall.database.uri, undefined, undefined, () => clock.now),
  );
  const running = stack.move();
  return {
    rollcall,
    second,
    clock,
    sent,
    createRoles: (name = 'test') => createRoles(rollcall, name),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
