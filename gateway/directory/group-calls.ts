import {
  CreateGroupRequest,
  DeleteGroupRequest,
  GetGroupRequest,
  type GroupServiceService,
  ListGroupsRequest,
  PatchGroupRequest,
  ReplaceGroupRequest,
} from '#proto/rollcall/directory/v1/group_service.ts';
import { Group, type Member } from '#proto/rollcall/scim/v1/group.ts';
import type { RpcClient } from '#rpc/rpc-client.ts';
import type { ResourceMessage } from '../scim/resource-to-json.ts';
import { pageOf, type ResourceCalls, requestOf } from './resource-calls.ts';

/** The calls for groups. Their members arrive in chunks after the group and become its `members`. */
export function createGroupCalls(groups: RpcClient<typeof GroupServiceService>): ResourceCalls {
  return {
    create(call, { resource, members }, mask) {
      const request = CreateGroupRequest.fromPartial({
        ...requestOf(call),
        group: Group.fromPartial(resource),
        members: { ids: [...(members ?? [])] },
        mask,
      });
      return collect(groups.createGroup(request, call));
    },
    async get(call, id, mask, isKnown) {
      const request = GetGroupRequest.fromPartial({ ...requestOf(call), id, mask });
      return (await collect(groups.getGroup(request, call), isKnown)).message;
    },
    async list(call, query, mask) {
      const { filter } = query;
      const page = pageOf(query);
      const request = ListGroupsRequest.fromPartial({ ...requestOf(call), filter, page, mask });
      let totalResults = 0;
      const found: { readonly group: Group; readonly members: Member[] }[] = [];
      for await (const { part } of groups.listGroups(request, call)) {
        if (part?.$case === 'header') totalResults = part.value.totalSize;
        else if (part?.$case === 'group') found.push({ group: part.value, members: [] });
        else if (part?.$case === 'members') found.at(-1)?.members.push(...part.value.members);
      }
      return { totalResults, messages: found.map(({ group, members }) => ({ ...group, members })) };
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
      return collect(groups.replaceGroup(request, call));
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
      return collect(groups.patchGroup(request, call));
    },
    async delete(call, id, expectedVersion) {
      const request = { ...requestOf(call), id, expectedVersion };
      return (await groups.deleteGroup(DeleteGroupRequest.fromPartial(request), call)).position;
    },
  };
}

type GroupPart = Awaited<ReturnType<(typeof GroupServiceService.getGroup)['responseDeserialize']>>;

async function collect(
  parts: AsyncIterable<GroupPart>,
  isKnown: (version: string) => boolean = () => false,
): Promise<{ message: ResourceMessage; position: number }> {
  let group: Group | undefined;
  let position = 0;
  const members: Member[] = [];
  for await (const { part } of parts) {
    if (part?.$case === 'members') members.push(...part.value.members);
    if (part?.$case !== 'header') continue;
    ({ group, position } = part.value);
    if (isKnown(group?.meta?.version ?? '')) break;
  }
  return { message: { ...group, members }, position };
}
