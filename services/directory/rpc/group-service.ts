import {
  CreateGroupResponse,
  DeleteGroupResponse,
  GetGroupResponse,
  type GroupHeader,
  type GroupServiceService,
  PatchGroupResponse,
  type PlannedMembers,
  ReplaceGroupResponse,
} from '#proto/rollcall/directory/v1/group_service.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import type { MemberChunk } from '#proto/rollcall/scim/v1/patch.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { MemberDiff } from '../membership-changes.ts';
import type { MembershipReads } from '../memberships.ts';
import type { HeadDocument } from '../mongo/documents.ts';
import type { Heads } from '../mongo/heads.ts';
import { readMembers } from './group-members.ts';
import { chunksOf } from './resource-chunks.ts';
import type { ResourceService, WriteAnswer } from './resource-service.ts';

// Of more only their number is told.
const namedMembers = 100;

/** Serves GroupService: what all resource types do, and the members after each group. */
export function groupService(
  groups: ResourceService,
  memberships: MembershipReads,
  heads: Heads,
): ServiceHandlers<typeof GroupServiceService> {
  const membersOf = (head: HeadDocument, group: string) => readMembers(memberships, head, group);

  type Part = { header: GroupHeader } | { members: MemberChunk };

  async function* written(
    connection: string,
    answer: WriteAnswer,
    mask: ResourceMask | undefined,
    validateOnly: boolean,
  ): AsyncIterable<Part> {
    const group = Group.fromPartial(answer.message);
    const { position, changed, members } = answer;
    const plannedMembers = validateOnly ? plannedMembersOf(members) : undefined;
    yield { header: { group, position, changed, plannedMembers } };
    if (mask?.withoutMembers || validateOnly || group.id === undefined) return;
    for await (const chunk of membersOf(await heads.read(connection), group.id)) yield { members: chunk };
  }

  // The responses of the four calls have the same parts under different names.
  const oneOf = (part: Part) =>
    'header' in part
      ? { part: { $case: 'header' as const, value: part.header } }
      : { part: { $case: 'members' as const, value: part.members } };

  return {
    async *createGroup(request, call) {
      const answer = await groups.create(request, request.group, request.members, call);
      for await (const part of written(request.connectionId, answer, request.mask, request.validateOnly))
        yield CreateGroupResponse.fromPartial(oneOf(part));
    },
    async *getGroup(request, call) {
      const { message, asOf, head } = await groups.get(request, call);
      const group = Group.fromPartial(message);
      const header = { group, position: asOf, changed: false, plannedMembers: undefined };
      yield GetGroupResponse.fromPartial(oneOf({ header }));
      if (request.mask?.withoutMembers || group.id === undefined) return;
      for await (const members of membersOf(head, group.id))
        yield GetGroupResponse.fromPartial(oneOf({ members }));
    },
    async *listGroups(request, call) {
      const { header, resources, head } = await groups.list(request, call);
      yield { part: { $case: 'header', value: header } };
      const hasMembers = !request.mask?.withoutMembers;
      for (const { resources: chunk } of chunksOf(resources, () => hasMembers)) {
        const messages = chunk.map(({ message }) => Group.fromPartial(message));
        yield { part: { $case: 'groups', value: { groups: messages } } };
        if (!hasMembers) continue;
        for (const { state } of chunk)
          for await (const members of membersOf(head, state.id))
            yield { part: { $case: 'members', value: members } };
      }
    },
    async *replaceGroup(request, call) {
      const answer = await groups.replace(request, request.group, request.members, call);
      for await (const part of written(request.connectionId, answer, request.mask, request.validateOnly))
        yield ReplaceGroupResponse.fromPartial(oneOf(part));
    },
    async *patchGroup(request, call) {
      const answer = await groups.patch(request, request.memberChanges, call);
      for await (const part of written(request.connectionId, answer, request.mask, request.validateOnly))
        yield PatchGroupResponse.fromPartial(oneOf(part));
    },
    async deleteGroup(request, call) {
      return DeleteGroupResponse.fromPartial(await groups.delete(request, call));
    },
  };
}

function plannedMembersOf({ added, removed }: MemberDiff): PlannedMembers {
  const first = (edges: MemberDiff['added']) => edges.slice(0, namedMembers).map(({ member }) => member);
  return {
    added: added.length,
    removed: removed.length,
    firstAdded: first(added),
    firstRemoved: first(removed),
  };
}
