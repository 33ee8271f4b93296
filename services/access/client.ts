import { createTRPCClient, httpLink, type TRPCClient, TRPCClientError } from '@trpc/client';
import type { AccessRouter } from './router.ts';
import type { AccessErrorShape } from './trpc-errors.ts';

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
export type { GroupAnswer, IdentityAnswer, UserAnswer } from './resource-answer.ts';
export type { RoleOfUser, RoleReasonAnswer, RolesOfUser } from './role-answer.ts';
export type {
  RoleCheckAnswer,
  RoleHolderAnswer,
  RoleHoldersAnswer,
  RolesOfUserAnswer,
  RolesOfUsersAnswer,
} from './roles-router.ts';
export type { AccessErrorShape } from './trpc-errors.ts';

/** Asks Rollcall, with types: `await rollcall.memberships.check.query({ connection, user, group })`. */
export type RollcallClient = TRPCClient<AccessRouter>;

/** Where Rollcall is and who asks. */
export interface RollcallClientOptions {
  /** The base URL of the access service, such as `http://127.0.0.1:8081`. */
  readonly url: string;
  /** A service token, as `rollcall service-tokens create` prints it. */
  readonly token: string;
}

/**
 * Makes a client. Its queries travel by POST; they reject with TRPCClientError, of which `rollcallError` tells the reason.
 */
export function createRollcallClient(options: RollcallClientOptions): RollcallClient {
  return createTRPCClient<AccessRouter>({
    links: [
      httpLink({
        url: `${options.url.replace(/\/+$/, '')}/trpc`,
        methodOverride: 'POST',
        headers: { authorization: `Bearer ${options.token}` },
      }),
    ],
  });
}

/** What Rollcall said of a query that rejected; undefined when the error is another (no answer, a proxy's answer). */
export function rollcallError(error: unknown): AccessErrorShape['data'] | undefined {
  if (!(error instanceof TRPCClientError)) return undefined;
  const data: unknown = error.data;
  return isErrorData(data) ? data : undefined;
}

function isErrorData(data: unknown): data is AccessErrorShape['data'] {
  return typeof data === 'object' && data !== null && 'reason' in data && 'metadata' in data;
}
