import { MemberChunk } from '#proto/rollcall/scim/v1/patch.ts';
import type { MembershipReads } from '../memberships.ts';
import type { HeadDocument } from '../mongo/documents.ts';

/** Reads a group's members as the messages that follow it in an answer. */
export async function* readMembers(
  memberships: MembershipReads,
  head: HeadDocument,
  group: string,
): AsyncIterable<MemberChunk> {
  for await (const edges of memberships.stream(head, group))
    yield MemberChunk.fromPartial({
      members: edges.map(({ member, kind }) => ({ value: member, type: kind })),
    });
}
