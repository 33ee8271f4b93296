import type { ClientSession } from 'mongodb';
import type { Turns } from '#runtime/turns.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import { isActive } from './active.ts';
import type { Edge, MemberKind } from './decision.ts';
import { together } from './derived-values.ts';
import { chainsAbove, loadGroupsBelow, loadParents } from './group-graph.ts';
import { membersAfter } from './members-after.ts';
import type { Database } from './mongo/database.ts';
import { findDeletedUsers } from './mongo/deleted-users.ts';
import { type HeadDocument, isResourceId } from './mongo/documents.ts';
import { type Edges, edgesOf } from './mongo/edges.ts';
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

/** A membership that there may be. */
export interface MembershipPair {
  /** The user or group that may be a member. */
  readonly member: string;
  /** The group. */
  readonly group: string;
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
  /** Whether users and groups are in groups, in the order of the pairs. */
  check(
    connection: string,
    pairs: readonly MembershipPair[],
    scope: MembershipScope,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<readonly MembershipCheck[]>>;
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

// Of so many members the groups above are held at a time.
const membersAtOnce = 200;

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

  // Whether ids may have access, by id: groups always may, and users that are deleted but kept never. An id that names
  // nothing is left out.
  async function activeness(
    connection: string,
    ids: readonly string[],
    session: ClientSession | undefined,
  ): Promise<ReadonlyMap<string, boolean>> {
    const found = new Map<string, boolean>();
    const others = () => ids.filter((id) => !found.has(id));
    for (const [id, user] of await readFields(users, connection, ids, session)) found.set(id, isActive(user));
    for (const id of (await readFields(groups, connection, others(), session)).keys()) found.set(id, true);
    for (const id of (await findDeletedUsers(database, connection, others(), session)).keys())
      found.set(id, false);
    return found;
  }

  /** The chains of groups that lead from the member of each pair up to its group, where there is one. */
  async function chainsOf(
    edges: Edges,
    pairs: readonly MembershipPair[],
    session: ClientSession | undefined,
  ) {
    const known = new Map<string, string[]>();
    const [only] = pairs;
    const chains = new Map<MembershipPair, readonly string[]>();
    const byMember = [...Map.groupBy(pairs, ({ member }) => member)];
    for (let start = 0; start < byMember.length; start += membersAtOnce) {
      const part = byMember.slice(start, start + membersAtOnce);
      const members = part.map(([member]) => member);
      const until = pairs.length === 1 && only ? { until: only.group } : {};
      const parents = await loadParents(edges, members, { nested: true, ...until }, session, known);
      for (const [member, asked] of part) {
        const above = chainsAbove(parents, member);
        for (const pair of asked) {
          const path = above.get(pair.group);
          if (path) chains.set(pair, path);
        }
      }
    }
    return chains;
  }

  return {
    groupsOf(connection, member, scope, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const active = (await activeness(connection, [member], session)).get(member);
        if (active === undefined) throw resourceNotFound(users, member);
        if (!active && !scope.includeInactive) return { active, groups: [] };
        const edges = edgesOf(database, connection, head.draining);
        const parents = await loadParents(edges, [member], { nested: scope.nested }, session);
        const above = chainsAbove(parents, member);
        const [found = []] = await namedGroups(database, groups, connection, [above], session);
        return { active, groups: found };
      });
    },
    check(connection, pairs, scope, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const possible = pairs.filter(({ member, group }) => isResourceId(member) && isResourceId(group));
        const members = pairs.map(({ member }) => member);
        const edges = edgesOf(database, connection, head.draining);
        const [found, standing] = await together(
          session,
          () => activeness(connection, members, session),
          () => edges.find(possible, session),
        );
        const direct = new Set(standing.map(pairKey));
        const isAsked = ({ member }: MembershipPair) => found.get(member) || scope.includeInactive;
        const open = possible.filter((pair) => scope.nested && isAsked(pair) && !direct.has(pairKey(pair)));
        const chains = await chainsOf(edges, open, session);
        return pairs.map((pair): MembershipCheck => {
          const active = found.get(pair.member) ?? false;
          const isDirect = direct.has(pairKey(pair)) && isAsked(pair);
          const path = isDirect ? [pair.group] : chains.get(pair);
          return { member: path !== undefined, active, path: path ?? [] };
        });
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

function pairKey({ group, member }: MembershipPair): string {
  return `${group}/${member}`;
}

function typeNamed(registry: SchemaRegistry, name: string): ResourceType {
  const type = registry.resourceType(name);
  if (!type) throw new TypeError(`no resource type ${name}`);
  return type;
}

/**
 * Reads the names of the groups above members, for each member those in `above`, with the chain that leads to each; groups
 * that are gone are left out.
 */
export async function namedGroups(
  database: Database,
  groupType: ResourceType,
  connection: string,
  above: readonly ReadonlyMap<string, readonly string[]>[],
  session: ClientSession | undefined,
): Promise<readonly (readonly MemberGroup[])[]> {
  const ids = above.flatMap((chains) => [...chains.keys()]);
  const wanted = ['displayName', 'externalId'];
  const fields = await readResourceFields(database, groupType, connection, ids, wanted, session);
  return above.map((chains) =>
    [...chains].flatMap(([id, path]): MemberGroup[] => {
      const resource = fields.get(id);
      if (!resource) return [];
      const { displayName, externalId } = resource;
      return [{ id, displayName: String(displayName ?? ''), externalId: String(externalId ?? ''), path }];
    }),
  );
}
