import type { ClientSession } from 'mongodb';
import type { Turns } from '#runtime/turns.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import { isActive } from './active.ts';
import type { Edge, MemberKind } from './decision.ts';
import { chainsAbove, loadGroupsBelow, loadParents } from './group-graph.ts';
import { membersAfter } from './members-after.ts';
import type { Database } from './mongo/database.ts';
import { findDeletedUser } from './mongo/deleted-users.ts';
import { type HeadDocument, isResourceId } from './mongo/documents.ts';
import { edgesOf } from './mongo/edges.ts';
import type { ConsistentRead, Heads, ReadFreshness, ReadLimits } from './mongo/heads.ts';
import { readResourceFields } from './mongo/resource-fields.ts';
import { resourceNotFound } from './write-command.ts';

/** A member of a group. */
export interface Member {
  /** Its id. */
  readonly id: string;
  /** What it is. */
  readonly kind: MemberKind;
  /** Whether a user is active; true for a group. */
  readonly active: boolean;
  /** The groups that make it a member, from the one asked about down. */
  readonly path: readonly string[];
}

/** A group that a user is in. */
export interface MemberGroup {
  /** Its id. */
  readonly id: string;
  /** Its displayName. */
  readonly displayName: string;
  /** Its externalId; empty when it has none. */
  readonly externalId: string;
  /** The groups that make it so, from the user's own up to this one. */
  readonly path: readonly string[];
}

/** Whether a membership is asked for through groups in groups, and of inactive users. */
export interface MembershipScope {
  /** Also through groups that are members of groups. */
  readonly nested: boolean;
  /** Also of inactive users. */
  readonly includeInactive: boolean;
}

/** The answer to a membership check. */
export interface MembershipCheck {
  /** Whether it is a member. */
  readonly member: boolean;
  /** Whether the user is active; false for an unknown one. */
  readonly active: boolean;
  /** The shortest chain of groups from the user's own up to the one asked about; empty when it is no member. */
  readonly path: readonly string[];
}

/** A part of a group's member list. */
export interface MemberPage {
  /** The members in the order of their ids. */
  readonly members: readonly Member[];
  /** The id after which the next page starts; undefined on the last page. */
  readonly next: string | undefined;
}

/** Reads memberships for internal callers. Cycles of groups are harmless: no group is visited twice. */
export interface MembershipReads {
  /** A user's or group's groups, and whether it is active. RESOURCE_NOT_FOUND. */
  groupsOf(
    connection: string,
    member: string,
    scope: MembershipScope,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<{ readonly active: boolean; readonly groups: readonly MemberGroup[] }>>;
  /** Whether a user or group is in a group. */
  check(
    connection: string,
    member: string,
    group: string,
    scope: MembershipScope,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<MembershipCheck>>;
  /** A page of a group's members, after an id. RESOURCE_NOT_FOUND. */
  membersOf(
    connection: string,
    group: string,
    scope: MembershipScope,
    page: { readonly after: string; readonly limit: number },
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<MemberPage>>;
  /** Streams a group's direct members in chunks, from a cursor that sees one moment; nothing is held whole. */
  stream(head: HeadDocument, group: string): AsyncIterable<readonly Edge[]>;
}

/** Makes the reads of memberships. */
export function createMembershipReads(
  database: Database,
  registry: SchemaRegistry,
  heads: Heads,
  turns: Turns,
): MembershipReads {
  const users = typeNamed(registry, 'User');
  const groups = typeNamed(registry, 'Group');

  const readFields = (
    type: ResourceType,
    connection: string,
    ids: readonly string[],
    session: ClientSession | undefined,
  ) => readResourceFields(database, type, connection, ids, ['active', 'displayName', 'externalId'], session);

  // Whether an id names anything, and may have access: groups always may, and users that are deleted but kept never.
  async function activeness(connection: string, id: string, session: ClientSession | undefined) {
    const user = (await readFields(users, connection, [id], session)).get(id);
    if (user) return isActive(user);
    if ((await readFields(groups, connection, [id], session)).has(id)) return true;
    return (await findDeletedUser(database, connection, id, session)) ? false : undefined;
  }

  return {
    groupsOf(connection, member, scope, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const active = await activeness(connection, member, session);
        if (active === undefined) throw resourceNotFound(users, member);
        if (!active && !scope.includeInactive) return { active, groups: [] };
        const edges = edgesOf(database, connection, head.draining);
        const parents = await loadParents(edges, [member], { nested: scope.nested }, session);
        const found = await namedGroups(database, groups, connection, chainsAbove(parents, member), session);
        return { active, groups: found };
      });
    },
    check(connection, member, group, scope, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const active = (await activeness(connection, member, session)) ?? false;
        const none = { member: false, active, path: [] };
        if (!isResourceId(member) || !isResourceId(group) || (!active && !scope.includeInactive)) return none;
        const edges = edgesOf(database, connection, head.draining);
        if ((await edges.find([{ group, member }], session)).length > 0)
          return { member: true, active, path: [group] };
        if (!scope.nested) return none;
        const parents = await loadParents(edges, [member], { nested: true, until: group }, session);
        const path = chainsAbove(parents, member).get(group);
        return path ? { member: true, active, path } : none;
      });
    },
    membersOf(connection, group, scope, page, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        if (!(await readFields(groups, connection, [group], session)).has(group))
          throw resourceNotFound(groups, group);
        const edges = edgesOf(database, connection, head.draining);
        const chains = scope.nested
          ? await loadGroupsBelow(edges, [group], session)
          : new Map([[group, [group]]]);
        const pathOf = (memberships: readonly Edge[]) => {
          const paths = memberships.map((edge) => chains.get(edge.group) ?? []);
          return paths.reduce((shortest, path) => (path.length < shortest.length ? path : shortest));
        };
        const members: Member[] = [];
        let { after } = page;
        for (;;) {
          const part = await membersAfter(edges, [...chains.keys()], after, page.limit + 1, session);
          const found = [...part.memberships].map(([id, memberships]) => ({
            id,
            kind: memberships[0]?.kind ?? 'User',
            path: pathOf(memberships),
          }));
          const ids = found.filter(({ kind }) => kind === 'User').map(({ id }) => id);
          const fields = await readFields(users, connection, ids, session);
          for (const { id, kind, path } of found) {
            const active = kind === 'Group' || isActive(fields.get(id) ?? {});
            if (!active && !scope.includeInactive) continue;
            if (members.length === page.limit) return { members, next: members.at(-1)?.id };
            members.push({ id, kind, active, path });
          }
          if (part.last === undefined) return { members, next: undefined };
          after = part.last;
        }
      });
    },
    stream: ({ connection, draining }, group) =>
      turns.each(connection, edgesOf(database, connection, draining).ofGroups([group])),
  };
}

function typeNamed(registry: SchemaRegistry, name: string): ResourceType {
  const type = registry.resourceType(name);
  if (!type) throw new TypeError(`no resource type ${name}`);
  return type;
}

/** Reads the names of groups, each with the chain that leads to it; those that are gone are left out. */
export async function namedGroups(
  database: Database,
  groupType: ResourceType,
  connection: string,
  chains: ReadonlyMap<string, readonly string[]>,
  session: ClientSession | undefined,
): Promise<readonly MemberGroup[]> {
  const wanted = ['displayName', 'externalId'];
  const fields = await readResourceFields(
    database,
    groupType,
    connection,
    [...chains.keys()],
    wanted,
    session,
  );
  return [...chains].flatMap(([id, path]): MemberGroup[] => {
    const resource = fields.get(id);
    if (!resource) return [];
    const { displayName, externalId } = resource;
    return [{ id, displayName: String(displayName ?? ''), externalId: String(externalId ?? ''), path }];
  });
}
