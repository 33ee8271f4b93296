import type { ClientSession } from 'mongodb';
import type { Edges } from './mongo/edges.ts';

/** The groups that users and groups are direct members of, by member. */
export type Parents = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the groups above members, one level after the other, each member once, so that cycles end.
 * @param scope without `nested` the first level alone; `until` a group after whose level the rest is left out
 * @param known what was read of groups before; what is read now of those above `members` is added to it
 */
export async function loadParents(
  edges: Edges,
  members: readonly string[],
  { nested, until }: { readonly nested: boolean; readonly until?: string },
  session: ClientSession | undefined,
  known = new Map<string, string[]>(),
): Promise<Parents> {
  const parents = new Map<string, string[]>();
  let level = [...new Set(members)];
  for (let first = true; level.length > 0; first = false) {
    const unread = level.filter((member) => !known.has(member));
    const read = new Map<string, string[]>(unread.map((member) => [member, []]));
    for (const { group, member } of await edges.ofMembers(unread, session)) read.get(member)?.push(group);
    const above = new Set<string>();
    for (const member of level) {
      const groups = read.get(member) ?? known.get(member) ?? [];
      parents.set(member, groups);
      for (const group of groups) above.add(group);
    }
    if (!first) for (const [group, groups] of read) known.set(group, groups);
    if (!nested || (until !== undefined && above.has(until))) break;
    level = [...above].filter((group) => !parents.has(group));
  }
  return parents;
}

/** The groups above a member, each with the shortest chain that leads there: from the member's own group up to it. */
export function chainsAbove(parents: Parents, member: string): ReadonlyMap<string, readonly string[]> {
  const chains = new Map<string, readonly string[]>();
  let level: readonly string[] = [member];
  while (level.length > 0) {
    const next: string[] = [];
    for (const below of level) {
      for (const group of parents.get(below) ?? []) {
        if (chains.has(group)) continue;
        chains.set(group, [...(below === member ? [] : (chains.get(below) ?? [])), group]);
        next.push(group);
      }
    }
    level = next;
  }
  return chains;
}

/**
 * Groups and all groups below them, each with the shortest chain from one of the given ones down to it. Users in them are
 * not read.
 */
export async function loadGroupsBelow(
  edges: Edges,
  groups: readonly string[],
  session: ClientSession | undefined,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const chains = new Map<string, readonly string[]>(groups.map((group) => [group, [group]]));
  let level: readonly string[] = [...chains.keys()];
  while (level.length > 0) {
    const next: string[] = [];
    for (const { group, member } of await edges.subgroups(level, session)) {
      if (chains.has(member)) continue;
      chains.set(member, [...(chains.get(group) ?? []), member]);
      next.push(member);
    }
    level = next;
  }
  return chains;
}
