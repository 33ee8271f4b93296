import { MongoClient } from 'mongodb';
import { v7 as newUuid } from 'uuid';
import type { TestConnection, TestRollcall } from './rollcall.ts';

const edgesAtOnce = 20_000;

/** Gives a group members that are not there, by writing the memberships alone: through the front door 100,000 take long. */
export async function fillGroup(
  { database }: TestRollcall,
  { id: connection }: TestConnection,
  group: string,
  memberCount: number,
): Promise<void> {
  await using client = await new MongoClient(database.uri).connect();
  const memberships = client.db().collection<{ _id: string }>('memberships');
  for (let left = memberCount; left > 0; left -= edgesAtOnce) {
    const edges = Array.from({ length: Math.min(left, edgesAtOnce) }, () => {
      const member = newUuid();
      const _id = `${connection}/${group}/${member}`;
      return { _id, connection, group, member, kind: 'User', since: new Date() };
    });
    await memberships.insertMany(edges, { ordered: false });
  }
}
