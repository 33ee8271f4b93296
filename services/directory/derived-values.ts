import type { ClientSession } from 'mongodb';
import { isJsonObject, type JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Edge, ResourceState } from './decision.ts';
import type { ConnectionTypes } from './mongo/connection-types.ts';
import type { Database } from './mongo/database.ts';
import type { HeadDocument } from './mongo/documents.ts';
import { edgesOf } from './mongo/edges.ts';
import { readResourceFields } from './mongo/resource-fields.ts';

/** What an answer about a resource leaves out; each part costs a query. */
export interface ReadMask {
  /** A user's `groups`. */
  readonly withoutGroups: boolean;
  /** The display names in `groups` and `manager`. */
  readonly withoutNames: boolean;
}

/** What is computed when a user is read. */
export interface DerivedValues {
  /** The groups the user is a direct member of, when asked for. */
  readonly groups?: readonly { readonly value: string; readonly display?: string; readonly type: 'direct' }[];
  /** The manager's displayName, when asked for and known. */
  readonly managerName?: string;
}

/** Of a connection's head what these reads go by. */
export interface DerivedBy extends Readonly<Pick<HeadDocument, 'connection'>> {
  /** The deleted groups whose edges still stand. */
  readonly draining: readonly string[];
}

/** Reads what is computed of users: their groups, and the names of these and of their managers. */
export interface DerivedReads {
  /** The memberships of users, by one query; undefined when the answer leaves them out. */
  membershipsOf(
    type: ResourceType,
    head: DerivedBy,
    ids: readonly string[],
    mask: ReadMask,
    session: ClientSession | undefined,
  ): Promise<readonly Edge[] | undefined>;
  /** What is computed of each resource, from their memberships: by one query for the names of groups, and one for those of managers. */
  derive(
    type: ResourceType,
    head: DerivedBy,
    states: readonly ResourceState[],
    edges: readonly Edge[] | undefined,
    mask: ReadMask,
    session: ClientSession | undefined,
  ): Promise<readonly DerivedValues[]>;
}

/** Makes the reads. */
export function createDerivedReads(database: Database, types: ConnectionTypes): DerivedReads {
  async function displayNames(
    type: ResourceType | undefined,
    connection: string,
    ids: readonly string[],
    session: ClientSession | undefined,
  ): Promise<ReadonlyMap<string, string>> {
    if (!type) return new Map();
    const found = await readResourceFields(database, type, connection, ids, ['displayName'], session);
    return new Map(
      [...found].flatMap(([id, { displayName }]) =>
        typeof displayName === 'string' ? [[id, displayName] as const] : [],
      ),
    );
  }

  // One query for the edges of all resources of an answer.
  async function membershipsOf(
    type: ResourceType,
    head: DerivedBy,
    ids: readonly string[],
    mask: ReadMask,
    session: ClientSession | undefined,
  ): Promise<readonly Edge[] | undefined> {
    if (mask.withoutGroups || !type.findAttribute('groups')) return undefined;
    return edgesOf(database, head.connection, head.draining).ofMembers(ids, session);
  }

  // One query for the names of their groups, and one for those of their managers.
  async function derive(
    type: ResourceType,
    head: DerivedBy,
    states: readonly ResourceState[],
    edges: readonly Edge[] | undefined,
    mask: ReadMask,
    session: ClientSession | undefined,
  ): Promise<readonly DerivedValues[]> {
    const groupIds = (edges ?? []).map(({ group }) => group);
    const managerIds = states.flatMap(({ resource }) => managerOf(resource) ?? []);
    const [groupNames, managerNames] = mask.withoutNames
      ? [new Map<string, string>(), new Map<string, string>()]
      : await together(
          session,
          () => displayNames(types.builtIn.resourceType('Group'), head.connection, groupIds, session),
          () => displayNames(type, head.connection, managerIds, session),
        );
    const byMember = Map.groupBy(edges ?? [], ({ member }) => member);
    return states.map(({ id, resource }) => {
      const managerName = managerNames.get(managerOf(resource) ?? '');
      const groups = (byMember.get(id) ?? [])
        .map(({ group }) => group)
        .sort()
        .map((value) => {
          const display = groupNames.get(value);
          return { value, ...(display !== undefined && { display }), type: 'direct' as const };
        });
      return { ...(edges && { groups }), ...(managerName !== undefined && { managerName }) };
    });
  }

  return { membershipsOf, derive };
}

/** Runs queries together, or one after the other where a transaction's session allows no more. */
export async function together<First, Second>(
  session: ClientSession | undefined,
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, Second]> {
  return session ? [await first(), await second()] : Promise.all([first(), second()]);
}

/** The id of a user's manager. */
export function managerOf(resource: JsonObject): string | undefined {
  const enterprise = resource.enterprise;
  const manager = isJsonObject(enterprise) ? enterprise.manager : undefined;
  const value = isJsonObject(manager) ? manager.value : undefined;
  return typeof value === 'string' ? value : undefined;
}
