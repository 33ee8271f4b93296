import type { RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import type { RoleMappingsVersion } from '../decision.ts';
import type { Heads, ReadLimits } from '../mongo/heads.ts';
import { type CompiledMapping, compileMappings } from './compiled-mappings.ts';
import type { EffectiveRoles } from './effective-roles.ts';
import { haveConditions, type RoleLoader, usersAtOnce } from './role-loader.ts';
import { changedMappings, versionInForce } from './role-mappings-edits.ts';
import type { RoleReads } from './role-reads.ts';
import { isInForce } from './validity.ts';
import { firstPlace, type WalkMappedUsers, type WalkPlace } from './walk-mapped-users.ts';

/** A user whose roles would change. */
export interface PreviewedUser {
  /** Its id. */
  readonly id: string;
  /** Its userName. */
  readonly userName: string;
  /** Roles that it would get. */
  readonly gained: readonly string[];
  /** Roles that it would have no longer. */
  readonly lost: readonly string[];
}

/** What would change in all. */
export interface PreviewTotals {
  /** The version in force. */
  readonly version: RoleMappingsVersion;
  /** How many users would get and lose each role. */
  readonly roles: ReadonlyMap<string, { readonly gained: number; readonly lost: number }>;
  /** How many users have any change. */
  readonly users: number;
  /** Whether all users that may have a change were looked at. */
  readonly complete: boolean;
  /** Protected roles whose last holder would be taken. */
  readonly lastHolderRoles: readonly string[];
  /** Ids of mappings of groups that do not exist. */
  readonly withoutGroup: readonly string[];
}

/** Users step by step, then the totals. */
export type PreviewPart = { readonly users: readonly PreviewedUser[] } | { readonly totals: PreviewTotals };

/** How many users one preview looks at. */
const maxPreviewedUsers = 100_000;

const usersPerStep = 1_000;

/** Says what mappings would change if they were set now. Each step sees the connection as it is then. */
export async function* previewRoleMappings(
  {
    heads,
    loader,
    reads,
    walk,
    clock,
  }: {
    readonly heads: Heads;
    readonly loader: RoleLoader;
    readonly reads: Pick<RoleReads, 'unheld'>;
    readonly walk: WalkMappedUsers;
    readonly clock: () => number;
  },
  connection: string,
  proposed: RoleMappings,
  limits: ReadLimits,
): AsyncIterable<PreviewPart> {
  const now = new Date(clock());
  const { result: start } = await heads.consistent(connection, {}, limits, async (head, session) => {
    const version = await versionInForce(loader, head, session);
    const userType = await loader.userType(head, session);
    const compile = ({ mappings }: RoleMappings) => compileMappings(userType, mappings, () => undefined);
    const [before, after] = [compile(version.mappings), compile(proposed)];
    const watched = version.mappings.protectedRoles;
    const unheld = await reads.unheld(head, after, watched, session);
    const already = await reads.unheld(head, before, unheld, session);
    const targets = await loader.targets(head, after, session);
    const existing = await loader.existingGroups(head, [...targets.values()].flat(), session);
    const withoutGroup = [...targets].filter(([, groups]) => !groups.some((group) => existing.has(group)));
    return {
      version,
      before,
      after,
      lastHolderRoles: unheld.filter((role) => !already.includes(role)),
      withoutGroup: withoutGroup.map(([id]) => id),
    };
  });
  const { version, before, after, lastHolderRoles, withoutGroup } = start;
  const changed = new Set(changedMappings(version.mappings, proposed));
  const counts = new Map<string, { gained: number; lost: number }>();
  let users = 0;
  let examined = 0;
  const both = [...before, ...after];
  const mappings = walkedMappings(both, changed, now);
  const stepSize = haveConditions(both) ? usersAtOnce : usersPerStep;
  let next: WalkPlace | undefined = mappings.length > 0 ? firstPlace : undefined;
  while (next && examined < maxPreviewedUsers) {
    const place: WalkPlace = next;
    const { result: step } = await heads.consistent(connection, {}, limits, async (head, session) => {
      const met = await walk({ head, session, mappings, now }, place, stepSize);
      const ids = met.users.map(({ state }) => state.id);
      // What the walk read of them is enough for its own mappings only.
      const states = [...(await loader.users(head, ids, both, session)).values()];
      const old = await loader.rolesOf(head, before, states, now, session);
      const proposedRoles = await loader.rolesOf(head, after, states, now, session);
      const found = states.map(({ id, resource }, index): PreviewedUser => {
        const [had, gets] = [namesOf(old[index]), namesOf(proposedRoles[index])];
        return {
          id,
          userName: String(resource.userName ?? ''),
          gained: gets.filter((role) => !had.includes(role)),
          lost: had.filter((role) => !gets.includes(role)),
        };
      });
      return { ...met, found: found.filter(({ gained, lost }) => gained.length + lost.length > 0) };
    });
    for (const { gained, lost } of step.found) {
      for (const role of gained) countOf(counts, role).gained += 1;
      for (const role of lost) countOf(counts, role).lost += 1;
    }
    users += step.found.length;
    examined += step.examined;
    next = step.next;
    if (step.found.length > 0) yield { users: step.found };
  }
  const complete = next === undefined;
  yield { totals: { version, roles: counts, users, complete, lastHolderRoles, withoutGroup } };
}

/**
 * The mappings whose users may have other roles, as they are in force before or after, each under an id of its own, since
 * what a walk meets it tells apart by the id.
 */
function walkedMappings(
  both: readonly CompiledMapping[],
  changed: ReadonlySet<string>,
  now: Date,
): readonly CompiledMapping[] {
  return both
    .filter(({ mapping }) => changed.has(mapping.id) && isInForce(mapping, now))
    .map((compiled, index) => ({ ...compiled, mapping: { ...compiled.mapping, id: String(index) } }));
}

function namesOf(roles: EffectiveRoles | undefined): readonly string[] {
  return roles?.roles.map(({ role }) => role) ?? [];
}

function countOf(counts: Map<string, { gained: number; lost: number }>, role: string) {
  const known = counts.get(role);
  if (known) return known;
  const first = { gained: 0, lost: 0 };
  counts.set(role, first);
  return first;
}
