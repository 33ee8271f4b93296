import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RoleMapping, RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import { createResourceTest } from '../filter/resource-test.ts';
import { type HeadDocument, isResourceId } from '../mongo/documents.ts';
import { compileFilter, type FilterScope } from '../mongo/filter-to-query.ts';

const maxMappings = 500;
const maxRoles = 50;
const maxBytes = 1024 * 1024;
const longestName = 1_024;

const idForm = /^[a-z0-9._-]{1,64}$/;
const roleForm = /^[A-Za-z0-9._:/-]{1,64}$/;

/** What every mapping is called in errors: its place in the request. */
type Field = `mappings[${number}]` | 'protected_roles';

/**
 * Checks mappings that are to be set, and brings them in the one form in which equal ones are the same bytes: by id, the
 * protected roles by name. REQUEST_INVALID, FILTER_INVALID, LIMIT_EXCEEDED, DEFINITIONS_CHANGING.
 */
export async function checkRoleMappings(
  userType: ResourceType,
  { connection, settings }: HeadDocument,
  { mappings, protectedRoles }: RoleMappings,
): Promise<RoleMappings> {
  refuseMoreThan(maxMappings, mappings.length, 'role mappings');
  refuseMoreThan(maxMappings, protectedRoles.length, 'protected roles');
  const refolding = settings?.refolding ?? [];
  const ids = new Set<string>();
  for (const [index, mapping] of mappings.entries()) {
    checkMapping(mapping, `mappings[${index}]`);
    if (ids.has(mapping.id))
      throw invalid(`mappings[${index}]`, 'id', `is ${mapping.id}, as that of another one`);
    ids.add(mapping.id);
    if (mapping.subject?.$case === 'userFilter')
      await checkFilter({ resourceType: userType, connection, refolding }, mapping.subject.value);
  }
  for (const role of protectedRoles) checkRole(role, 'protected_roles');
  const checked = RoleMappings.fromPartial({
    mappings: mappings
      .map((mapping) => RoleMapping.fromPartial({ ...mapping, roles: [...new Set(mapping.roles)] }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    protectedRoles: [...new Set(protectedRoles)].sort(),
  });
  refuseMoreThan(maxBytes, RoleMappings.encode(checked).finish().length, 'bytes of role mappings');
  return checked;
}

function checkMapping({ id, subject, roles, notBefore, notAfter }: RoleMapping, field: Field): void {
  if (!idForm.test(id)) throw invalid(field, 'id', 'must have 1 to 64 characters a-z, 0-9, ".", "_" and "-"');
  switch (subject?.$case) {
    case undefined:
      throw invalid(field, 'subject', 'is missing: say whom the mapping is about');
    case 'groupId':
      if (!isResourceId(subject.value)) throw invalid(field, 'group_id', 'must be the id of a group');
      break;
    case 'groupExternalId':
    case 'groupDisplayName':
      if (subject.value === '' || subject.value.length > longestName)
        throw invalid(field, 'subject', `must name a group in 1 to ${longestName} characters`);
      break;
    default:
  }
  if (roles.length === 0) throw invalid(field, 'roles', 'is empty: name at least one role');
  refuseMoreThan(maxRoles, roles.length, 'roles of a mapping');
  for (const role of roles) checkRole(role, field);
  if (notBefore && notAfter && notBefore >= notAfter)
    throw invalid(field, 'not_after', 'must be later than not_before');
}

function checkRole(role: string, field: Field): void {
  if (roleForm.test(role)) return;
  throw invalid(field, 'roles', 'must have 1 to 64 letters, digits, ".", "_", ":", "/" and "-" each');
}

/** A filter that can be asked of one user and of the database. */
async function checkFilter(scope: Omit<FilterScope, 'memberships'>, filter: Filter): Promise<void> {
  createResourceTest(scope.resourceType, filter);
  const none = async () => [];
  const memberships = { groupsOf: none, membersOf: none };
  await compileFilter({ ...scope, memberships, filter });
}

function invalid(field: Field, part: string, message: string): DirectoryError {
  const name = field === 'protected_roles' ? field : `${field}.${part}`;
  return new DirectoryError(ErrorReason.REQUEST_INVALID, `${name}: ${message}`, { field: name });
}

function refuseMoreThan(maximum: number, count: number, limit: string): void {
  if (count <= maximum) return;
  throw new DirectoryError(ErrorReason.LIMIT_EXCEEDED, `There may be at most ${maximum} ${limit}.`, {
    limit,
    maximum: String(maximum),
  });
}
