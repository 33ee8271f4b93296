import type { ClientSession } from 'mongodb';
import type { Edge } from './decision.ts';
import type { Edges } from './mongo/edges.ts';

/** Some members of groups. */
export interface MembersAfter {
  /** Their memberships, by member: one for each of the groups that it is in. */
  readonly memberships: ReadonlyMap<string, readonly Edge[]>;
  /** The id up to which no member is missing; undefined at the end. */
  readonly last: string | undefined;
}

// Memberships read at a time: of a few groups as many of each as are asked for, of many groups some.
const membershipsAtOnce = 20_000;
const fewestOfGroup = 50;

/**
 * Reads the next members of any of the groups, each once, in the order of their ids: at most `limit`, sometimes fewer though
 * more follow.
 * @param afterId the id after which they come; empty for the first
 */
export async function membersAfter(
  edges: Edges,
  groups: readonly string[],
  afterId: string,
  limit: number,
  session: ClientSession | undefined,
): Promise<MembersAfter> {
  const share = Math.ceil(membershipsAtOnce / Math.max(1, groups.length));
  const ofGroup = Math.min(limit, Math.max(fewestOfGroup, share));
  const found: Edge[] = [];
  let last: string | undefined;
  for (const group of groups) {
    const part = await edges.after(group, afterId, ofGroup, session);
    for (const edge of part) found.push(edge);
    // Of this group more may follow, so that beyond its last one nothing is complete.
    const end = part.length === ofGroup ? part.at(-1)?.member : undefined;
    if (end !== undefined && (last === undefined || end < last)) last = end;
  }
  const complete = found.filter(({ member }) => last === undefined || member <= last);
  const byMember = [...Map.groupBy(complete, ({ member }) => member)].sort(([a], [b]) => (a < b ? -1 : 1));
  const cut = byMember.slice(0, limit);
  return {
    memberships: new Map(cut),
    last: byMember.length > limit ? cut.at(-1)?.[0] : last,
  };
}
