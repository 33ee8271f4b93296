import type { RoleReason, UserRoles } from '#proto/rollcall/directory/v1/role_service.ts';
import { printFilter } from '#scim/filter-printer.ts';

/** Why somebody has a role. */
export interface RoleReasonAnswer {
  /** The id of the mapping that gives it. */
  mapping: string;
  /** The version of the mappings that was in force. */
  version: number;
  /** What made the mapping apply. */
  cause: 'membership' | 'filter' | 'everyone';
  /** For a membership: the shortest chain from the user's own group up to the one that the mapping names. */
  path?: string[];
  /** For a condition on the user: the SCIM filter that matched. */
  filter?: string;
}

/** A role of a user. */
export interface RoleOfUser {
  /** Its name. */
  role: string;
  /** Every mapping that gives it, by id; at least one. */
  because: RoleReasonAnswer[];
}

/** What is said of a user's roles. */
export interface RolesOfUser {
  /** The user's id. */
  user: string;
  /** Whether there is such a user; false also for one that was deleted and is not kept. */
  known: boolean;
  /** Whether the user is active. An inactive one has no roles. */
  active: boolean;
  /** The roles, by name. */
  roles: RoleOfUser[];
  /** For products that want one role only: that of the mapping with the highest precedence; absent when none has any. */
  primaryRole?: string;
  /** When a validity date alters this answer next, if nothing else does, in RFC 3339 form; absent for never. */
  validUntil?: string;
}

/** Renders why somebody has a role. */
export function reasonAnswer({ mappingId, mappingsVersion, cause }: RoleReason): RoleReasonAnswer {
  const reason = { mapping: mappingId, version: mappingsVersion };
  switch (cause?.$case) {
    case 'membership':
      return { ...reason, cause: 'membership', path: cause.value.path };
    case 'userFilter':
      return { ...reason, cause: 'filter', filter: printFilter(cause.value) };
    case 'everyone':
      return { ...reason, cause: 'everyone' };
    case undefined:
      throw new Error('The directory answered a role without its cause');
  }
}

/** Renders the roles of a user. */
export function rolesAnswer(user: UserRoles | undefined): RolesOfUser {
  if (user === undefined) throw new Error('The directory answered without the roles');
  const { userId, known, active, roles, primaryRole, validUntil } = user;
  return {
    user: userId,
    known,
    active,
    roles: roles.map(({ role, because }) => ({ role, because: because.map(reasonAnswer) })),
    ...(primaryRole !== '' && { primaryRole }),
    ...untilAnswer(validUntil),
  };
}

/** When an answer ends, where it does. */
export function untilAnswer(validUntil: Date | undefined): { validUntil?: string } {
  return validUntil ? { validUntil: validUntil.toISOString() } : {};
}
