import type { ClientSession } from 'mongodb';
import { together } from '../derived-values.ts';
import { loadParents } from '../group-graph.ts';
import { type MemberGroup, namedGroups } from '../memberships.ts';
import type { Database } from '../mongo/database.ts';
import { type HeadDocument, isResourceId } from '../mongo/documents.ts';
import { edgesOf } from '../mongo/edges.ts';
import type { ConsistentRead, Heads, ReadFreshness, ReadLimits } from '../mongo/heads.ts';
import { resourceNotFound } from '../write-command.ts';
import type { CompiledMapping } from './compiled-mappings.ts';
import { type EffectiveRoles, noRoles, type Reason } from './effective-roles.ts';
import { type RoleLoader, usersAtOnce } from './role-loader.ts';
import { isInForce, nextEdge } from './validity.ts';
import { firstPlace, type WalkMappedUsers, type WalkPlace } from './walk-mapped-users.ts';

/** The roles of a user that was asked for by its id. */
export interface AskedUser extends EffectiveRoles {
  /** The id. */
  readonly id: string;
  /** Whether there is such a user, or was one that is kept. */
  readonly known: boolean;
}

/** An answer about roles, with the version of the mappings that gave it. */
export interface WithVersion<Answer> {
  /** The version. */
  readonly version: number;
  /** The answer. */
  readonly answer: Answer;
}

/** Whether a user has a role. */
export interface RoleCheck {
  /** Whether the user is active; false for an unknown one. */
  readonly active: boolean;
  /** Every mapping that gives the role; empty without it. */
  readonly because: readonly Reason[];
  /** When a validity date alters this next; undefined for never. */
  readonly validUntil: Date | undefined;
}

/** The roles of a user and the groups above it, nested ones included; an inactive one has none. */
export interface UserAccess extends AskedUser {
  /** The groups. */
  readonly groups: readonly MemberGroup[];
}

/** Who has a role, in part. */
export interface HoldersPage {
  /** The holders and why. */
  readonly holders: readonly { readonly id: string; readonly because: readonly Reason[] }[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: WalkPlace | undefined;
  /** When a validity date alters who has the role next; undefined for never. */
  readonly validUntil: Date | undefined;
}

/** Reads roles. */
export interface RoleReads {
  /** The roles of a user. RESOURCE_NOT_FOUND. */
  ofUser(
    connection: string,
    id: string,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<WithVersion<AskedUser>>>;
  /** The roles of users, in the order in which they are named; unknown ones have none. */
  ofUsers(
    connection: string,
    ids: readonly string[],
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<WithVersion<readonly AskedUser[]>>>;
  /** Whether a user has a role, and why. */
  check(
    connection: string,
    id: string,
    role: string,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<WithVersion<RoleCheck>>>;
  /**
   * A page of those who have a role. It can have fewer than `limit`.
   * @param placeOf gives where the page begins, for the version of the mappings and those of them that give the role now;
   * what it throws ends the read
   */
  holders(
    connection: string,
    role: string,
    page: {
      readonly placeOf: (version: number, mappings: readonly string[]) => WalkPlace;
      readonly limit: number;
    },
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<WithVersion<HoldersPage>>>;
  /** The groups and roles of users at one position, in the order in which they are named; unknown ones have none. */
  access(
    connection: string,
    ids: readonly string[],
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<WithVersion<readonly UserAccess[]>>>;
  /** Which of some roles nobody has under these mappings, at the moment of a head. */
  unheld(
    head: HeadDocument,
    mappings: readonly CompiledMapping[],
    roles: readonly string[],
    session: ClientSession | undefined,
  ): Promise<readonly string[]>;
}

// A page ends when so many steps have found too few holders: then most members are inactive.
const maxSteps = 10;
// A role that is held is held by one of the first, mostly.
const firstLook = 20;

/** Makes the reads. */
export function createRoleReads(
  database: Database,
  heads: Heads,
  loader: RoleLoader,
  walk: WalkMappedUsers,
  clock: () => number,
): RoleReads {
  async function asked(
    head: HeadDocument,
    mappings: readonly CompiledMapping[],
    ids: readonly string[],
    now: Date,
    session: ClientSession | undefined,
  ): Promise<readonly AskedUser[]> {
    const known = new Map<string, EffectiveRoles>();
    for (let start = 0; start < ids.length; start += usersAtOnce) {
      const part = ids.slice(start, start + usersAtOnce);
      const users = [...(await loader.users(head, part, mappings, session)).values()];
      for (const { state, active, roles, primary, validUntil } of await loader.rolesOf(
        head,
        mappings,
        users,
        now,
        session,
      ))
        known.set(state.id, { active, roles, primary, validUntil });
    }
    return ids.map((id) => ({ ...(known.get(id) ?? noRoles), id, known: known.has(id) }));
  }

  const givingRole = (mappings: readonly CompiledMapping[], role: string) =>
    mappings.filter(({ mapping }) => mapping.roles.includes(role));
  const inForce = (mappings: readonly CompiledMapping[], now: Date) =>
    mappings.filter(({ mapping }) => isInForce(mapping, now));

  return {
    ofUser(connection, id, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const { version, mappings } = await loader.current(head, session);
        const [user] = await asked(head, mappings, [id], new Date(clock()), session);
        if (!user?.known) throw resourceNotFound(loader.user, id);
        return { version, answer: user };
      });
    },
    ofUsers(connection, ids, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const { version, mappings } = await loader.current(head, session);
        return { version, answer: await asked(head, mappings, ids, new Date(clock()), session) };
      });
    },
    check(connection, id, role, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const { version, mappings } = await loader.current(head, session);
        const giving = givingRole(mappings, role);
        const [user] = await asked(head, giving, [id], new Date(clock()), session);
        const { active, roles, validUntil } = user ?? noRoles;
        const because = roles.find((grant) => grant.role === role)?.because ?? [];
        return { version, answer: { active, because, validUntil } };
      });
    },
    holders(connection, role, { placeOf, limit }, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const now = new Date(clock());
        const { version, mappings } = await loader.current(head, session);
        const giving = givingRole(mappings, role);
        const walked = inForce(giving, now);
        const place = placeOf(
          version,
          walked.map(({ mapping }) => mapping.id),
        );
        const holders: HoldersPage['holders'][number][] = [];
        let next: WalkPlace | undefined = walked.length > 0 ? place : undefined;
        // A page that is nearly full is not worth another step.
        for (let step = 1; next && 2 * holders.length < limit && step <= maxSteps; step++) {
          const found = await walk({ head, session, mappings: walked, now }, next, limit - holders.length);
          for (const { state, roles } of found.users) {
            const because = roles.find((grant) => grant.role === role)?.because ?? [];
            holders.push({ id: state.id, because });
          }
          next = found.next;
        }
        const validUntil = nextEdge(
          giving.map(({ mapping }) => mapping),
          now,
        );
        return { version, answer: { holders, next, validUntil } };
      });
    },
    access(connection, ids, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const { version, mappings } = await loader.current(head, session);
        const edges = edgesOf(database, connection, head.draining);
        const [states, parents] = await together(
          session,
          () => loader.users(head, ids, mappings, session),
          () => loadParents(edges, ids.filter(isResourceId), { nested: true }, session),
        );
        const now = new Date(clock());
        const users = await loader.rolesOf(head, mappings, [...states.values()], now, session, parents);
        const above = users.map(({ chains }) => chains);
        const groups = await namedGroups(database, loader.group, connection, above, session);
        const known = new Map<string, UserAccess>();
        for (const [index, { state, active, roles, primary, validUntil }] of users.entries()) {
          const { id } = state;
          const itsGroups = groups[index] ?? [];
          known.set(id, { id, known: true, active, roles, primary, validUntil, groups: itsGroups });
        }
        const answer = ids.map((id) => known.get(id) ?? { ...noRoles, id, known: false, groups: [] });
        return { version, answer };
      });
    },
    async unheld(head, mappings, roles, session) {
      const now = new Date(clock());
      const found: string[] = [];
      for (const role of roles) {
        const walked = inForce(givingRole(mappings, role), now);
        let next: WalkPlace | undefined = walked.length > 0 ? firstPlace : undefined;
        let held = false;
        for (let limit = firstLook; next && !held; limit = Math.min(limit * 4, 1_000)) {
          const step = await walk({ head, session, mappings: walked, now }, next, limit);
          held = step.users.length > 0;
          next = step.next;
        }
        if (!held) found.push(role);
      }
      return found;
    },
  };
}
