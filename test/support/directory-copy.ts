import {
  type Change,
  ExportRequest,
  type ExportResponse,
  ResourceAction,
} from '#proto/rollcall/directory/v1/change_service.ts';
import { GetRoleMappingsRequest, type RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import type { Group } from '#proto/rollcall/scim/v1/group.ts';
import type { User } from '#proto/rollcall/scim/v1/user.ts';
import type { ConnectionDriver } from './connection-driver.ts';
import type { DirectoryClients } from './directory.ts';

/** What a consumer of the feed has written down of a connection. */
export interface DirectoryCopy {
  /** Users by id, without their `groups`. */
  readonly users: Map<string, User>;
  /** Groups by id. */
  readonly groups: Map<string, Group>;
  /** The ids of the members of each group. */
  readonly members: Map<string, Set<string>>;
  /** The role mappings; undefined before the first are set. */
  mappings: RoleMappings | undefined;
}

/** A copy of nothing. */
export function emptyCopy(): DirectoryCopy {
  return { users: new Map(), groups: new Map(), members: new Map(), mappings: undefined };
}

/** Exports a connection; answers the copy and the position after which its changes are to be applied. */
export async function exportConnection(
  { changes }: DirectoryClients,
  connectionId: string,
  pageSize: number,
): Promise<{ readonly copy: DirectoryCopy; readonly position: number; readonly pages: number }> {
  const copy = emptyCopy();
  let position = 0;
  let pageToken = '';
  for (let pages = 1; ; pages++) {
    const request = ExportRequest.fromPartial({ connectionId, pageSize, pageToken });
    for await (const { part } of changes.export(request)) {
      if (part?.$case === 'header') ({ position, nextPageToken: pageToken } = part.value);
      else if (part) addExported(copy, part);
    }
    if (pageToken === '') return { copy, position, pages };
  }
}

function addExported(copy: DirectoryCopy, part: NonNullable<ExportResponse['part']>): void {
  const { users, groups, members } = copy;
  if (part.$case === 'mappingsInForce' && part.value.version > 0) copy.mappings = part.value.mappings;
  if (part.$case === 'user') users.set(part.value.id ?? '', part.value);
  if (part.$case === 'group') {
    groups.set(part.value.id ?? '', part.value);
    members.set(part.value.id ?? '', new Set());
  }
  if (part.$case === 'members')
    for (const { value = '' } of part.value.chunk?.members ?? []) members.get(part.value.groupId)?.add(value);
}

/** Applies a change that carries its resource. Harmless when it was applied before. */
export function applyChange(copy: DirectoryCopy, { what, resourceAfter }: Change): void {
  const { users, groups, members } = copy;
  if (resourceAfter?.$case === 'mappingsInForce') copy.mappings = resourceAfter.value.mappings;
  if (resourceAfter?.$case === 'user') users.set(resourceAfter.value.id ?? '', resourceAfter.value);
  if (resourceAfter?.$case === 'group') groups.set(resourceAfter.value.id ?? '', resourceAfter.value);
  if (what?.$case === 'membership') {
    const { groupId, added, removed } = what.value;
    const known = members.get(groupId) ?? new Set();
    members.set(groupId, known);
    for (const id of removed) known.delete(id);
    for (const id of added) known.add(id);
  }
  if (what?.$case !== 'resource') return;
  const { id, resourceType, action } = what.value;
  if (action === ResourceAction.DELETED || action === ResourceAction.DEACTIVATED) {
    users.delete(id);
    groups.delete(id);
    members.delete(id);
    for (const ids of members.values()) ids.delete(id);
  } else if (resourceType === 'Group' && !members.has(id)) members.set(id, new Set());
}

/** A copy in a form to compare. */
export function copyContents({ users, groups, members, mappings }: DirectoryCopy) {
  return {
    users: [...users].sort(byId).map(([, user]) => user),
    groups: [...groups].sort(byId).map(([, group]) => group),
    members: [...members].sort(byId).map(([id, ids]) => [id, [...ids].sort()]),
    mappings,
  };
}

/** What a connection of at most 1,000 users and groups holds, as its lists show it, in the form of `copyContents`. */
export async function connectionContents({ roles }: DirectoryClients, connection: ConnectionDriver) {
  const { connectionId } = connection;
  const request = GetRoleMappingsRequest.fromPartial({ connectionId });
  const { version, mappings } = await roles.getRoleMappings(request);
  const page = { pageSize: 1_000 };
  const { users } = await connection.listUsers({
    page,
    mask: { withoutGroups: true, withoutNames: true },
  });
  const { groups } = await connection.listGroups({ page });
  return copyContents({
    users: new Map(users.map((user) => [user.id ?? '', user])),
    groups: new Map(groups.map(({ group }) => [group.id ?? '', group])),
    members: new Map(groups.map(({ group, memberIds }) => [group.id ?? '', new Set(memberIds)])),
    mappings: version?.version ? mappings : undefined,
  });
}

function byId([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
