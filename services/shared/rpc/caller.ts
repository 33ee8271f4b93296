import { createHash, hkdfSync, timingSafeEqual } from 'node:crypto';
import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { ExchangeServiceService } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { RoleServiceService } from '#proto/rollcall/directory/v1/role_service.ts';
import { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import type { SecretKeys } from '#runtime/secret-keys.ts';
import { RpcError } from './rpc-error.ts';

/** What a caller of the directory is: it decides which methods it may call. */
export type CallerRole = 'gateway' | 'access' | 'service' | 'admin';

/** Who makes a call. */
export interface Caller {
  /** Its role. */
  readonly role: CallerRole;
}

/** Says who calls, or throws CALLER_UNKNOWN or CALLER_FORBIDDEN. `method` is the full path (`/package.Service/Method`). */
export type CallerCheck = (token: string | undefined, method: string) => Caller;

const reads = [
  UserServiceService.getUser,
  UserServiceService.listUsers,
  GroupServiceService.getGroup,
  GroupServiceService.listGroups,
  SearchServiceService.lookUpResources,
  MembershipServiceService.listMembers,
  MembershipServiceService.listUserGroups,
  MembershipServiceService.checkMembership,
  MembershipServiceService.batchCheckMemberships,
  RoleServiceService.listUserRoles,
  RoleServiceService.batchListUserRoles,
  RoleServiceService.checkUserRole,
  RoleServiceService.listRoleHolders,
  RoleServiceService.getAccess,
  RoleServiceService.batchGetAccess,
  ChangeServiceService.listChanges,
  ChangeServiceService.watchChanges,
  ChangeServiceService.export,
];

/** Who follows the log says how far it is. */
const consumerCalls = [ChangeServiceService.registerConsumer, ChangeServiceService.acknowledge];

/** Which methods each role may call; a role with `undefined` may call all. */
const allowedMethods: Readonly<Record<CallerRole, ReadonlySet<string> | undefined>> = {
  gateway: paths([
    ...Object.values(UserServiceService),
    ...Object.values(GroupServiceService),
    ...Object.values(SearchServiceService),
    ConnectionServiceService.authenticate,
    ConnectionServiceService.issueAccessToken,
    ConnectionServiceService.getTrustedIssuer,
    ExchangeServiceService.recordExchanges,
  ]),
  access: paths([
    ...reads,
    ...consumerCalls,
    ConnectionServiceService.getConnection,
    ConnectionServiceService.authenticateService,
  ]),
  service: paths([...reads, ...consumerCalls]),
  admin: undefined,
};
/** All roles. */
export const callerRoles = ['gateway', 'access', 'service', 'admin'] as const satisfies readonly CallerRole[];

/**
 * The credential of a role. It follows from the secret key alone, so every directory with the same key accepts it; a
 * new key makes a new one.
 */
export function callerToken(secretKey: Buffer, role: CallerRole): string {
  const bytes = hkdfSync('sha256', secretKey, '', `rollcall caller ${role}`, 32);
  return `rollcall_${role}_${Buffer.from(bytes).toString('base64url')}`;
}

/** Accepts the credentials made from any of the keys, so that callers go on while a key is being replaced. */
export function createCallerCheck(secretKeys: SecretKeys): CallerCheck {
  const known = secretKeys.flatMap((key) =>
    callerRoles.map((role) => ({ role, digest: sha256(callerToken(key, role)) })),
  );
  return (token, method) => {
    const digest = sha256(token ?? '');
    let role: CallerRole | undefined;
    // Every entry is compared, whichever fits, so that time tells nothing.
    for (const entry of known) if (timingSafeEqual(entry.digest, digest)) role = entry.role;
    if (role === undefined) {
      throw new RpcError(
        ErrorReason.CALLER_UNKNOWN,
        'Send a caller credential of this directory as metadata `authorization: Bearer <token>`.',
      );
    }
    if (allowedMethods[role]?.has(method) === false) {
      throw new RpcError(ErrorReason.CALLER_FORBIDDEN, `The role ${role} may not call ${method}.`, {
        role,
        method,
      });
    }
    return { role };
  };
}

function paths(methods: readonly { readonly path: string }[]): ReadonlySet<string> {
  return new Set(methods.map((method) => method.path));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
