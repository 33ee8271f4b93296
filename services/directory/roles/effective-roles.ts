import type { RoleMapping } from '#proto/rollcall/directory/v1/role_service.ts';
import type { JsonObject } from '#scim/json.ts';
import { isActive } from '../active.ts';
import type { ResourceState } from '../decision.ts';
import type { CompiledMapping } from './compiled-mappings.ts';
import { isInForce, nextEdge } from './validity.ts';

/** What decides the roles of a user beside the mappings. */
export interface UserFacts {
  /** The user. */
  readonly state: ResourceState;
  /** The groups above it, each with the shortest chain that leads there, where any mapping asks for groups. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

/** The groups that each mapping of groups names now, by the mapping's id. */
export type GroupTargets = ReadonlyMap<string, readonly string[]>;

/** Why a mapping gives a user its roles. */
export interface Reason {
  /** The mapping. */
  readonly mapping: RoleMapping;
  /** For a mapping of groups: the shortest chain from the user's own group up to one that it names. */
  readonly path: readonly string[] | undefined;
}

/** A role of a user. */
export interface Grant {
  /** Its name. */
  readonly role: string;
  /** Every mapping that gives it, by id. */
  readonly because: readonly Reason[];
}

/** The roles of a user at a time. */
export interface EffectiveRoles {
  /** Whether the user is active; an inactive one has no roles. */
  readonly active: boolean;
  /** The roles, by name. */
  readonly roles: readonly Grant[];
  /** The role that has precedence; undefined when no mapping that applies has any. */
  readonly primary: string | undefined;
  /** When a validity date alters this next; undefined for never. */
  readonly validUntil: Date | undefined;
}

/** What an inactive user has. */
export const noRoles: EffectiveRoles = {
  active: false,
  roles: [],
  primary: undefined,
  validUntil: undefined,
};

/** Computes the roles that mappings give a user at a time. */
export function effectiveRoles(
  mappings: readonly CompiledMapping[],
  targets: GroupTargets,
  facts: UserFacts,
  now: Date,
): EffectiveRoles {
  if (!isActive(facts.state.resource)) return noRoles;
  const subject = testedResource(facts);
  const applying = mappings.flatMap((compiled) => reasonOf(compiled, targets, facts.chains, subject) ?? []);
  const inForce = applying.filter(({ mapping }) => isInForce(mapping, now));
  const grants = inForce.flatMap((reason) => reason.mapping.roles.map((role) => ({ role, reason })));
  const roles = [...Map.groupBy(grants, ({ role }) => role)].map(([role, given]) => ({
    role,
    because: given.map(({ reason }) => reason),
  }));
  return {
    active: true,
    roles: roles.sort((a, b) => (a.role < b.role ? -1 : 1)),
    primary: primaryRole(inForce),
    validUntil: nextEdge(
      applying.map(({ mapping }) => mapping),
      now,
    ),
  };
}

/** A user as the conditions of mappings see it. */
function testedResource({ state, chains }: UserFacts): JsonObject {
  const { id, resource, version, created, lastModified } = state;
  const direct = [...chains.values()].flatMap(([group, ...others]) =>
    group !== undefined && others.length === 0 ? [{ value: group, type: 'direct' }] : [],
  );
  const meta = {
    resourceType: 'User',
    created: created.toISOString(),
    lastModified: lastModified.toISOString(),
    version: String(version),
  };
  return { ...resource, id, meta, groups: direct };
}

function reasonOf(
  { mapping, test }: CompiledMapping,
  targets: GroupTargets,
  chains: UserFacts['chains'],
  subject: JsonObject,
): Reason | undefined {
  if (mapping.subject?.$case === 'everyone') return { mapping, path: undefined };
  if (test) return test(subject) ? { mapping, path: undefined } : undefined;
  let path: readonly string[] | undefined;
  for (const group of targets.get(mapping.id) ?? []) {
    const chain = chains.get(group);
    if (chain && (!path || chain.length < path.length)) path = chain;
  }
  return path && { mapping, path };
}

/** The first role of the mapping with the highest precedence, by id among equal ones. */
function primaryRole(reasons: readonly Reason[]): string | undefined {
  let first: RoleMapping | undefined;
  for (const { mapping } of reasons) {
    if (mapping.precedence === undefined) continue;
    if (first?.precedence === undefined || mapping.precedence > first.precedence) first = mapping;
  }
  return first?.roles[0];
}
