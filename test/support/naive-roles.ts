import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { JsonObject } from '#scim/json.ts';
import { naiveMatch } from './naive-filter.ts';

/** What a mapping is about, as the naive model has it. */
export type NaiveSubject =
  | { readonly kind: 'id' | 'externalId' | 'name'; readonly group: string }
  | { readonly kind: 'filter'; readonly filter: Filter }
  | { readonly kind: 'everyone' };

/** A mapping, as the naive model has it. */
export interface NaiveMapping {
  readonly id: string;
  readonly subject: NaiveSubject;
  readonly roles: readonly string[];
  readonly precedence?: number | undefined;
  /** Times in milliseconds. */
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

/** A directory, as the naive model has it. */
export interface NaiveDirectory {
  /** Users as clients see them, without `groups`, by id. */
  readonly users: ReadonlyMap<string, JsonObject>;
  readonly groups: ReadonlyMap<
    string,
    { readonly name: string; readonly externalId: string; readonly members: ReadonlySet<string> }
  >;
}

/** Why a naive user has a role: the mapping, and how long the shortest chain of groups is, 0 for what is no membership. */
export interface NaiveReason {
  readonly mapping: string;
  readonly chain: number;
}

/** The roles of a naive user. */
export interface NaiveRoles {
  readonly roles: Readonly<Record<string, readonly NaiveReason[]>>;
  readonly primary: string | undefined;
  readonly validUntil: number | undefined;
}

/**
 * The roles of a user, found by trying everything: the oracle for RoleService. It shares no code with the product.
 * @param now in milliseconds
 */
export function naiveRoles(
  directory: NaiveDirectory,
  mappings: readonly NaiveMapping[],
  user: string,
  now: number,
): NaiveRoles {
  const held = directory.users.get(user);
  if (held?.active !== true) return { roles: {}, primary: undefined, validUntil: undefined };
  const applying = mappings.flatMap((mapping) => {
    const chain = applies(directory, mapping.subject, user, held);
    return chain === undefined ? [] : [{ mapping, chain }];
  });
  const valid = applying.filter(
    ({ mapping: { from = -Infinity, until = Infinity } }) => from <= now && now < until,
  );
  const given = valid
    .sort((a, b) => (a.mapping.id < b.mapping.id ? -1 : 1))
    .flatMap(({ mapping, chain }) =>
      [...new Set(mapping.roles)].map((role) => ({ role, reason: { mapping: mapping.id, chain } })),
    );
  const roles = Object.fromEntries(
    [...Map.groupBy(given, ({ role }) => role)].map(([role, list]) => [
      role,
      list.map(({ reason }) => reason),
    ]),
  );
  const ranked = valid
    .map(({ mapping }) => mapping)
    .filter(({ precedence }) => precedence !== undefined)
    .sort((a, b) => (b.precedence ?? 0) - (a.precedence ?? 0) || (a.id < b.id ? -1 : 1));
  const edges = applying
    .flatMap(({ mapping: { from, until } }) => [from, until])
    .filter((edge) => edge !== undefined && edge > now);
  return {
    roles,
    primary: ranked[0]?.roles[0],
    validUntil: edges.length === 0 ? undefined : Math.min(...edges.map(Number)),
  };
}

/** The length of the shortest chain for a membership, 0 for what is none, undefined for what does not apply. */
function applies(
  directory: NaiveDirectory,
  subject: NaiveSubject,
  user: string,
  held: JsonObject,
): number | undefined {
  if (subject.kind === 'everyone') return 0;
  if (subject.kind === 'filter') {
    const groups = [...directory.groups]
      .filter(([, { members }]) => members.has(user))
      .map(([value]) => ({ value, type: 'direct' }));
    return naiveMatch({ ...held, groups }, subject.filter) ? 0 : undefined;
  }
  const lengths = [...directory.groups]
    .filter(([id, { name, externalId }]) => {
      if (subject.kind === 'id') return id === subject.group;
      if (subject.kind === 'externalId') return externalId === subject.group;
      return name.toLowerCase() === subject.group.toLowerCase();
    })
    .flatMap(([id]) => naiveDistance(directory, user, id) ?? []);
  return lengths.length === 0 ? undefined : Math.min(...lengths);
}

/**
 * How many groups lead from a member to a group, by growing the set of those below it until nobody is new; undefined for
 * no member.
 */
export function naiveDistance(
  { groups }: NaiveDirectory,
  member: string,
  target: string,
): number | undefined {
  let below = new Set([target]);
  for (let length = 1; ; length++) {
    if ([...below].some((group) => groups.get(group)?.members.has(member))) return length;
    const more = new Set(below);
    for (const group of below)
      for (const each of groups.get(group)?.members ?? []) if (groups.has(each)) more.add(each);
    if (more.size === below.size) return undefined;
    below = more;
  }
}
