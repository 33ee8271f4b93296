import type { ClientSession } from 'mongodb';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Edge } from '../decision.ts';
import { DirectoryError } from '../errors.ts';
import { edgeBatchSize } from './batch-reader.ts';
import type { Database } from './database.ts';
import { edgeKey, keyParts } from './documents.ts';
import { maxMembershipIds } from './membership-filter.ts';
import type { QueryBranch } from './query-plan.ts';

/** Reads memberships. What ends in a group that is being drained is left out. */
export interface Edges {
  /** The memberships of members, in no particular order. */
  ofMembers(members: readonly string[], session?: ClientSession): Promise<readonly Edge[]>;
  /** The memberships of groups in groups. */
  subgroups(groups: readonly string[], session?: ClientSession): Promise<readonly Edge[]>;
  /** Whether memberships stand, by group and member. */
  find(pairs: readonly Pick<Edge, 'group' | 'member'>[], session?: ClientSession): Promise<readonly Edge[]>;
  /** The members of groups, in chunks of at most 1,000. */
  ofGroups(groups: readonly string[], session?: ClientSession): AsyncIterable<readonly Edge[]>;
  /** A group's members in the order of their ids, after one of them. */
  after(group: string, member: string, limit: number, session?: ClientSession): Promise<readonly Edge[]>;
  /** The ids of the groups of selected memberships, each once, for a filter. TOO_MANY beyond 100,000. */
  groupIds(selected: readonly QueryBranch[], session?: ClientSession): Promise<string[]>;
  /** The ids of the members of selected memberships, each once, for a filter. TOO_MANY beyond 100,000. */
  memberIds(selected: readonly QueryBranch[], session?: ClientSession): Promise<string[]>;
}

// Sorts after every id.
const last = '~';

function tooMany(): DirectoryError {
  return new DirectoryError(
    ErrorReason.TOO_MANY,
    `The filter selects by a membership list of more than ${maxMembershipIds}; read the group's members instead.`,
    { maximum: String(maxMembershipIds) },
  );
}

/** The memberships of one connection as a read sees them. */
export function edgesOf(database: Database, connection: string, draining: readonly string[]): Edges {
  const collection = database.memberships;
  const stands = ({ group }: Pick<Edge, 'group'>) => !draining.includes(group);
  const fields = { _id: 0, group: 1, member: 1, kind: 1 } as const;

  async function ids(
    end: 'group' | 'member',
    selected: readonly QueryBranch[],
    session: ClientSession | undefined,
  ): Promise<string[]> {
    const found = new Set<string>();
    for (const { index, rest } of selected) {
      const edges = collection.aggregate<{ _id: string }>(
        [
          { $match: index },
          { $match: { ...(rest && { $and: [rest] }), group: { $nin: [...draining] } } },
          { $group: { _id: `$${end}` } },
          { $limit: maxMembershipIds + 1 },
        ],
        session ? { session } : {},
      );
      for await (const { _id } of edges) found.add(_id);
      if (found.size > maxMembershipIds) throw tooMany();
    }
    return [...found];
  }

  return {
    async ofMembers(members, session) {
      const found: Edge[] = [];
      for (const part of keyParts(members)) {
        const edges = await collection
          .find(
            { connection, member: { $in: [...part] } },
            { ...(session && { session }), projection: fields },
          )
          .toArray();
        found.push(...edges.filter(stands));
      }
      return found;
    },
    async subgroups(groups, session) {
      const found: Edge[] = [];
      for (const part of keyParts(groups.filter((group) => stands({ group })))) {
        // The embedded server takes the index that begins with these fields only for a list.
        const edges = collection.find(
          { connection, kind: 'Group', group: { $in: [...part] } },
          { ...(session && { session }), projection: fields },
        );
        found.push(...(await edges.toArray()));
      }
      return found;
    },
    async find(pairs, session) {
      if (pairs.length === 0) return [];
      const keys = pairs.filter(stands).map(({ group, member }) => edgeKey(connection, group, member));
      return await collection
        .find(database.points(keys, connection), { ...(session && { session }), projection: fields })
        .toArray();
    },
    async *ofGroups(groups, session) {
      const wanted = groups.filter((group) => stands({ group }));
      if (wanted.length === 0) return;
      const [only] = wanted;
      const cursor = collection.find(
        { connection, group: wanted.length === 1 && only ? only : { $in: wanted } },
        {
          projection: fields,
          batchSize: edgeBatchSize,
          ...(session ? { session } : { readConcern: { level: 'snapshot' as const } }),
        },
      );
      let chunk: Edge[] = [];
      for await (const edge of cursor) {
        chunk.push(edge);
        if (chunk.length < edgeBatchSize) continue;
        yield chunk;
        chunk = [];
      }
      if (chunk.length > 0) yield chunk;
    },
    async after(group, member, limit, session) {
      if (!stands({ group })) return [];
      return await collection
        .find(
          { connection, group, member: { $gt: member, $lt: last } },
          { ...(session && { session }), projection: fields, sort: { member: 1 }, limit },
        )
        .toArray();
    },
    groupIds: (selected, session) => ids('group', selected, session),
    memberIds: (selected, session) => ids('member', selected, session),
  };
}
