import {
  CreateGroupRequest,
  DeleteGroupRequest,
  GetGroupRequest,
  type GroupServiceService,
  PatchGroupRequest,
  ReplaceGroupRequest,
} from '#proto/rollcall/directory/v1/group_service.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import type { MemberChunk } from '#proto/rollcall/scim/v1/patch.ts';
import type { RpcClient } from '#rpc/rpc-client.ts';
import type { SharedLookUps } from '#rpc/shared-look-ups.ts';
import type { ResourceMessage } from '../scim/resource-to-json.ts';
import { longAnswerMs, type ResourceCalls, requestOf, type WrittenResource } from './resource-calls.ts';

/** The calls for groups, whose members follow the group in chunks. */
export function createGroupCalls(
  groups: RpcClient<typeof GroupServiceService>,
  lookUp: SharedLookUps,
): ResourceCalls {
  return {
    create(call, id, { resource, members }, mask) {
      const request = CreateGroupRequest.fromPartial({
        ...requestOf(call),
        id,
        group: Group.fromPartial(resource),
        members: { ids: [...(members ?? [])] },
        mask,
      });
      return opened(groups.createGroup(request, { ...call, timeoutMs: longAnswerMs }), mask);
    },
    async get(call, id, mask) {
      if (mask.withoutMembers) {
        const subject = { connectionId: call.connectionId, resourceType: 'Group', mask };
        const [found] = (await lookUp(subject, { $case: 'id', value: id }, call.signal))?.groups ?? [];
        if (found) return { message: { ...found } };
      }
      const request = GetGroupRequest.fromPartial({ ...requestOf(call), id, mask });
      return opened(groups.getGroup(request, { ...call, timeoutMs: longAnswerMs }), mask);
    },
    replace(call, id, { resource, members }, mask, expectedVersion) {
      const request = ReplaceGroupRequest.fromPartial({
        ...requestOf(call),
        id,
        group: Group.fromPartial(resource),
        members: members && { ids: [...members] },
        mask,
        expectedVersion,
      });
      return opened(groups.replaceGroup(request, { ...call, timeoutMs: longAnswerMs }), mask);
    },
    patch(call, id, { operations, memberChanges, onNoTarget }, mask, expectedVersion) {
      const request = PatchGroupRequest.fromPartial({
        ...requestOf(call),
        id,
        operations: [...operations],
        memberChanges: [...memberChanges],
        onNoTarget,
        mask,
        expectedVersion,
      });
      return opened(groups.patchGroup(request, { ...call, timeoutMs: longAnswerMs }), mask);
    },
    async delete(call, id, expectedVersion) {
      const request = { ...requestOf(call), id, expectedVersion };
      return (await groups.deleteGroup(DeleteGroupRequest.fromPartial(request), call)).position;
    },
  };
}

type GroupPart = Awaited<ReturnType<(typeof GroupServiceService.getGroup)['responseDeserialize']>>;

/** Waits for the group, so that a refusal comes before anything of the answer; the members are read by the caller. */
async function opened(
  parts: AsyncIterable<GroupPart>,
  { withoutMembers }: ResourceMask,
): Promise<WrittenResource> {
  const iterator = parts[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  const header = value?.part?.$case === 'header' ? value.part.value : undefined;
  if (header?.group === undefined) throw new TypeError('an answer about a group begins with the group');
  const { group, position, plannedMembers } = header;
  const found = { message: { ...group }, position, plannedMembers };
  if (!withoutMembers) return { ...found, members: membersIn(iterator) };
  // Nothing follows but the end of the call.
  await iterator.next();
  return found;
}

async function* membersIn(parts: AsyncIterator<GroupPart>): AsyncIterable<readonly ResourceMessage[]> {
  for (;;) {
    const { done, value } = await parts.next();
    if (done) return;
    if (value.part?.$case === 'members') yield membersOf(value.part.value);
  }
}

/** The members of a chunk as the messages of their values. */
export function membersOf({ members }: MemberChunk): readonly ResourceMessage[] {
  return members.map((member) => ({ ...member }));
}
