import type {
  PreviewSummary,
  RoleMappingsVersion as RoleMappingsVersionMessage,
  RoleReason,
  UserAccess as UserAccessMessage,
  UserRoles,
} from '#proto/rollcall/directory/v1/role_service.ts';
import type { RoleMappingsVersion } from '../decision.ts';
import type { RoleMappingsSummary } from '../mongo/role-mappings-store.ts';
import type { Reason } from '../roles/effective-roles.ts';
import type { PreviewTotals } from '../roles/preview-role-mappings.ts';
import type { AskedUser, UserAccess } from '../roles/role-reads.ts';
import { maxPageSize } from './request-checks.ts';

/** Why somebody has a role. `version` is that of the mappings. */
export function reasonMessage({ mapping, path }: Reason, version: number): RoleReason {
  return { mappingId: mapping.id, mappingsVersion: version, cause: causeOf(mapping, path) };
}

function causeOf({ subject }: Reason['mapping'], path: readonly string[] | undefined): RoleReason['cause'] {
  if (subject?.$case === 'userFilter' || subject?.$case === 'everyone') return subject;
  return { $case: 'membership', value: { path: [...(path ?? [])] } };
}

/** The roles of a user. `version` is that of the mappings. */
export function userRolesMessage(
  { id, known, active, roles, primary, validUntil }: AskedUser,
  version: number,
): UserRoles {
  return {
    userId: id,
    known,
    active,
    roles: roles.map(({ role, because }) => ({
      role,
      because: because.map((reason) => reasonMessage(reason, version)),
    })),
    primaryRole: primary ?? '',
    validUntil,
  };
}

/** What a session needs of a user, its groups in parts of at most 1,000. `version` is that of the mappings. */
export function accessMessages({ groups, ...user }: UserAccess, version: number): UserAccessMessage[] {
  const messages: UserAccessMessage[] = [];
  for (let start = 0; start === 0 || start < groups.length; start += maxPageSize) {
    messages.push({
      user: start === 0 ? userRolesMessage(user, version) : undefined,
      groups: groups.slice(start, start + maxPageSize).map((group) => ({ ...group, path: [...group.path] })),
    });
  }
  return messages;
}

/** When mappings were set, and by whom. */
export function versionMessage(
  version: RoleMappingsVersion | RoleMappingsSummary,
): RoleMappingsVersionMessage {
  const { version: number, time, author, rolledBackTo } = version;
  const mappings = 'count' in version ? version.count : version.mappings.mappings.length;
  return { version: number, time, author, rolledBackTo, mappings };
}

/** What a preview found in all. */
export function summaryMessage({
  version,
  roles,
  users,
  complete,
  lastHolderRoles,
  withoutGroup,
}: PreviewTotals): PreviewSummary {
  return {
    version: version.version,
    roles: [...roles]
      .map(([role, counts]) => ({ role, ...counts }))
      .sort((a, b) => (a.role < b.role ? -1 : 1)),
    users,
    complete,
    lastHolderRoles: [...lastHolderRoles],
    withoutGroup: [...withoutGroup],
  };
}
