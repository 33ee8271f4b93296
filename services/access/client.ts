import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink, type TRPCClient } from '@trpc/client';
import { EventSource } from 'eventsource';
import type { WatchAnswer } from './changes-router.ts';
import { type WatchOptions, watchChanges } from './client-watch.ts';
import { type RememberedAccess, type RememberOptions, rememberAccess } from './remembered-access.ts';
import type { AccessRouter } from './router.ts';

export type { AccessSnapshot } from './access-cache.ts';
export type {
  AccessChange,
  ChangeAnswer,
  ChangeFacts,
  ChangeName,
  GroupChange,
  GroupChangeName,
  MappingsChange,
  MembersChange,
  RoleUnheld,
  UserChange,
  UserChangeName,
} from './change-answer.ts';
export type { ChangesAnswer, ExportAnswer, WatchAnswer } from './changes-router.ts';
export type { WatchOptions } from './client-watch.ts';
export type { ConnectionAnswer } from './connections-router.ts';
export type { ConsumerAnswer } from './consumers-router.ts';
export type { GroupOfUser } from './group-of-user.ts';
export type { PageAnswer } from './list-answer.ts';
export type { MappingAnswer, MappingsAnswer } from './mappings-answer.ts';
export type {
  GroupsOfUserAnswer,
  MemberOfGroup,
  MembershipAnswer,
  MembersOfGroupAnswer,
} from './memberships-router.ts';
export type { RememberedAccess, RememberOptions } from './remembered-access.ts';
export type { GroupAnswer, IdentityAnswer, UserAnswer } from './resource-answer.ts';
export type { RoleOfUser, RoleReasonAnswer, RolesOfUser } from './role-answer.ts';
export type {
  RoleCheckAnswer,
  RoleHolderAnswer,
  RoleHoldersAnswer,
  RolesOfUserAnswer,
  RolesOfUsersAnswer,
} from './roles-router.ts';
export { rollcallError } from './rollcall-error.ts';
export type { AccessErrorShape } from './trpc-errors.ts';

type Client = TRPCClient<AccessRouter>;
type Procedures = { readonly [Group in keyof AccessRouter['_def']['record']]: Client[Group] };

/** Asks Rollcall, with types: `await rollcall.memberships.check.query({ connection, user, group })`. */
export interface Rollcall extends Procedures {
  /**
   * The changes of a connection after a position, and then those that come, each once and in order; without changes a
   * message is a heartbeat. It connects again by itself, from where it was. Throws when the token is refused, the connection
   * is gone, or the position is no longer kept (POSITION_PURGED).
   *
   * @example
   * for await (const { changes, position } of rollcall.watch({ connection, after })) {
   *   await apply(changes);
   *   await remember(position); // begins here when it is started again
   * }
   */
  watch(options: WatchOptions): AsyncIterable<WatchAnswer>;
  /**
   * Keeps the access of the users that are asked about in this process, right by watching the changes, and says when it
   * changes. Dispose it to end that.
   *
   * @example
   * await using access = rollcall.remember({ connection, onChange: ({ user, active }) => active || endSessions(user) });
   * const { roles } = await access.of(user);
   */
  remember(options: RememberOptions): RememberedAccess;
}

/** Where Rollcall is and who asks. */
export interface RollcallOptions {
  /** The base URL of the access service, such as `http://127.0.0.1:8081`. */
  readonly url: string;
  /** A service token, as `rollcall service-tokens create` prints it. */
  readonly token: string;
}

/**
 * Makes a client. Its queries travel by POST; they reject with TRPCClientError, of which `rollcallError` tells the reason.
 */
export function createRollcall(options: RollcallOptions): Rollcall {
  const url = `${options.url.replace(/\/+$/, '')}/trpc`;
  const authorization = `Bearer ${options.token}`;
  const client = createTRPCClient<AccessRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({
          url,
          EventSource,
          eventSourceOptions: {
            fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
          },
        }),
        false: httpLink({ url, methodOverride: 'POST', headers: { authorization } }),
      }),
    ],
  });
  const watch = (wanted: WatchOptions) => watchChanges(client, wanted);
  const { users, groups, memberships, roles, access, connections, changes, consumers } = client;
  return {
    users,
    groups,
    memberships,
    roles,
    access,
    connections,
    changes,
    consumers,
    watch,
    remember: (wanted) =>
      rememberAccess({ ask: (question) => access.snapshot.query(question), watch }, wanted),
  };
}
