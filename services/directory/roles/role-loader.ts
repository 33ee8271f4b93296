import type { ClientSession } from 'mongodb';
import type { RoleMapping } from '#proto/rollcall/directory/v1/role_service.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { isActive } from '../active.ts';
import type { ResourceState, RoleMappingsVersion } from '../decision.ts';
import { foldValue } from '../filter/fold-value.ts';
import { chainsAbove, loadParents, type Parents } from '../group-graph.ts';
import { storedResource } from '../mongo/batch-reader.ts';
import { type ConnectionTypes, typeIn } from '../mongo/connection-types.ts';
import type { Database } from '../mongo/database.ts';
import { findDeletedUsers } from '../mongo/deleted-users.ts';
import {
  type HeadDocument,
  idOfKey,
  isResourceId,
  keyParts,
  noRoleMappings,
  resourceKey,
} from '../mongo/documents.ts';
import { edgesOf } from '../mongo/edges.ts';
import { indexEntry } from '../mongo/fold.ts';
import { readResourceFields } from '../mongo/resource-fields.ts';
import { readRoleMappings } from '../mongo/role-mappings-store.ts';
import type { CompiledMapping, CompiledMappings, MappingsCompiler } from './compiled-mappings.ts';
import { type EffectiveRoles, effectiveRoles, type GroupTargets } from './effective-roles.ts';

/** A user with its roles. */
export interface UserWithRoles extends EffectiveRoles {
  /** The user. */
  readonly state: ResourceState;
  /** The groups above it, each with the shortest chain, where they were read; none above an inactive one. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

/** What computing roles reads, at the moment of a head. */
export interface RoleLoader {
  /** Users without what a connection declares of them. */
  readonly user: ResourceType;
  /** Groups without what a connection declares of them. */
  readonly group: ResourceType;
  /** Users with what a connection declares of them, for filters. */
  userType(head: HeadDocument, session: ClientSession | undefined): Promise<ResourceType>;
  /** The mappings that are in force. */
  current(head: HeadDocument, session: ClientSession | undefined): Promise<CompiledMappings>;
  /** A version of the mappings; undefined when there is none. */
  version(
    head: HeadDocument,
    version: number,
    session: ClientSession | undefined,
  ): Promise<RoleMappingsVersion | undefined>;
  /** The groups that mappings name. */
  targets(
    head: HeadDocument,
    mappings: readonly CompiledMapping[],
    session: ClientSession | undefined,
  ): Promise<GroupTargets>;
  /** Which of some groups there are. */
  existingGroups(
    head: HeadDocument,
    ids: readonly string[],
    session: ClientSession | undefined,
  ): Promise<ReadonlySet<string>>;
  /** Users by id, also those that are deleted but kept; with all attributes where the mappings have conditions on users. */
  users(
    head: HeadDocument,
    ids: readonly string[],
    mappings: readonly CompiledMapping[],
    session: ClientSession | undefined,
  ): Promise<ReadonlyMap<string, ResourceState>>;
  /**
   * The roles that mappings give users at a time.
   * @param above the groups above the users, where they are read already; else they are read where a mapping asks for them
   */
  rolesOf(
    head: HeadDocument,
    mappings: readonly CompiledMapping[],
    users: readonly ResourceState[],
    now: Date,
    session: ClientSession | undefined,
    above?: Parents,
  ): Promise<readonly UserWithRoles[]>;
}

/** So many users are held at a time where all their attributes or the groups above them are. */
export const usersAtOnce = 200;

// What answers need of every user.
const always = {
  ordinal: 1,
  version: 1,
  created: 1,
  lastModified: 1,
  'resource.active': 1,
  'resource.userName': 1,
} as const;

const noChains: UserWithRoles['chains'] = new Map();

/** Makes the loader. */
export function createRoleLoader(
  database: Database,
  types: ConnectionTypes,
  compiler: MappingsCompiler,
): RoleLoader {
  const user = typeIn(types.builtIn, { name: 'User' });
  const group = typeIn(types.builtIn, { name: 'Group' });
  const inSession = (session: ClientSession | undefined) => (session ? { session } : {});

  async function groupsByEntry(
    head: HeadDocument,
    entries: readonly string[],
    session: ClientSession | undefined,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, string[]>(entries.map((entry) => [entry, []]));
    for (const part of keyParts([...found.keys()])) {
      const documents = await database
        .resources(group)
        .find(
          { connection: head.connection, lookup: { $in: [...part] } },
          { ...inSession(session), projection: { lookup: 1 } },
        )
        .toArray();
      for (const { _id, lookup } of documents)
        for (const entry of lookup) found.get(entry)?.push(idOfKey(_id));
    }
    return found;
  }

  function entryOf({ subject }: RoleMapping): string | undefined {
    if (subject?.$case !== 'groupExternalId' && subject?.$case !== 'groupDisplayName') return undefined;
    const name = subject.$case === 'groupExternalId' ? 'externalId' : 'displayName';
    const attribute = group.findAttribute(name);
    const value = attribute && foldValue(attribute, subject.value);
    return attribute && value !== undefined ? indexEntry([attribute.field], value) : undefined;
  }

  const loader: RoleLoader = {
    user,
    group,
    userType: async (head, session) => typeIn(await types.of(head, session), user),
    async current(head, session) {
      const { version } = head.roleMappings ?? noRoleMappings;
      const userType = await loader.userType(head, session);
      const known = compiler.known(head.connection, userType, version);
      if (known) return known;
      const stored = await readRoleMappings(database, head.connection, version, session);
      if (!stored) throw new Error(`version ${version} of the role mappings is in force and not stored`);
      return compiler.compile(head.connection, userType, stored);
    },
    version: (head, version, session) => readRoleMappings(database, head.connection, version, session),
    async targets(head, mappings, session) {
      const entries = new Map(mappings.map(({ mapping }) => [mapping.id, entryOf(mapping)]));
      const named = [...entries.values()].filter((entry) => entry !== undefined);
      const groups = await groupsByEntry(head, named, session);
      return new Map(
        mappings.flatMap(({ mapping: { id, subject } }): [string, readonly string[]][] => {
          if (subject?.$case === 'groupId') return [[id, [subject.value]]];
          const entry = entries.get(id);
          return entry === undefined ? [] : [[id, groups.get(entry) ?? []]];
        }),
      );
    },
    async existingGroups(head, ids, session) {
      const found = await readResourceFields(database, group, head.connection, ids, ['id'], session);
      return new Set(found.keys());
    },
    async users(head, ids, mappings, session) {
      const found = new Map<string, ResourceState>();
      const wanted = [...new Set(ids)].filter(isResourceId);
      for (const part of keyParts(wanted.map((id) => resourceKey(head.connection, id)))) {
        const points = database.points(part, head.connection);
        const options = { ...inSession(session), projection: projectionFor(mappings) };
        const documents = await database.resources(user).find(points, options).toArray();
        for (const document of documents) found.set(idOfKey(document._id), storedResource(document));
      }
      const missing = wanted.filter((id) => !found.has(id));
      const kept = await findDeletedUsers(database, head.connection, missing, session);
      return new Map([...found, ...kept]);
    },
    async rolesOf(head, mappings, users, now, session, above) {
      const ahead = mappings.filter(({ mapping: { notAfter } }) => !notAfter || now < notAfter);
      const targets = await loader.targets(head, ahead, session);
      const needed = !above && asksForGroups(ahead, targets);
      const edges = edgesOf(database, head.connection, head.draining);
      const answers: UserWithRoles[] = [];
      const groupsAbove = new Map<string, string[]>();
      for (let start = 0; start < users.length; start += usersAtOnce) {
        const part = users.slice(start, start + usersAtOnce);
        const active = part.filter(({ resource }) => isActive(resource)).map(({ id }) => id);
        const parents: Parents = needed
          ? await loadParents(edges, active, { nested: true }, session, groupsAbove)
          : (above ?? new Map());
        for (const state of part) {
          const chains = isActive(state.resource) ? chainsAbove(parents, state.id) : noChains;
          answers.push({ ...effectiveRoles(ahead, targets, { state, chains }, now), state, chains });
        }
      }
      return answers;
    },
  };
  return loader;
}

/** Whether any mapping has a condition on users, which can be about any attribute. */
export function haveConditions(mappings: readonly CompiledMapping[]): boolean {
  return mappings.some(({ test }) => test !== undefined);
}

function projectionFor(mappings: readonly CompiledMapping[]): Record<string, 0 | 1> {
  return haveConditions(mappings) ? { fold: 0, unique: 0, lookup: 0 } : always;
}

/** Whether any mapping is about a group that exists, or has a condition on groups. */
function asksForGroups(mappings: readonly CompiledMapping[], targets: GroupTargets): boolean {
  return (
    [...targets.values()].some((groups) => groups.length > 0) ||
    mappings.some(({ readsGroups }) => readsGroups)
  );
}
