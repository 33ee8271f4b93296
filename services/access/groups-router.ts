import { z } from 'zod';
import {
  GetGroupRequest,
  ListGroupsRequest,
  type ListGroupsResponse,
} from '#proto/rollcall/directory/v1/group_service.ts';
import type { Group } from '#proto/rollcall/scim/v1/group.ts';
import type { FilterReader } from './connection-filters.ts';
import type { DirectoryClient } from './directory-client.ts';
import {
  atMostOneField,
  attributeText,
  equalsFilter,
  oneField,
  pageFields,
  pageRequest,
  resourceId,
} from './find-input.ts';
import { onlyResource, type PageAnswer, readList } from './list-answer.ts';
import { type GroupAnswer, groupAnswer } from './resource-answer.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

/** `memberships.ofGroup` answers members, page by page; no answer here holds them. */
const mask = { withoutMembers: true };

const getInput = queryInput({
  /** One of these three says which group. */
  id: resourceId.optional(),
  /** Its name, whatever the letter case. */
  displayName: attributeText.optional(),
  /** The id the identity provider gave. */
  externalId: attributeText.optional(),
});

const findInput = queryInput({
  /** At most one of these two says which groups; all without. A SCIM filter, such as `displayName sw "eng-"`, also on custom attributes. */
  filter: z.string().min(1).optional(),
  /** The group's displayName, whatever its letter case. */
  name: attributeText.optional(),
  ...pageFields,
});

/** `groups.get` and `groups.find`. */
export function createGroupsRouter(directory: DirectoryClient, readFilter: FilterReader) {
  return router({
    /**
     * One group by `id`, `displayName` or `externalId`. Fails with RESOURCE_NOT_FOUND, and with REQUEST_INVALID when several
     * groups have the value.
     * @example
     * const { group } = await rollcall.groups.get.query({ connection, displayName: 'Engineering' });
     */
    get: connectionProcedure
      .input(getInput)
      .query(async ({ ctx, input }): Promise<{ group: GroupAnswer; asOf: number }> => {
        const given = oneField(input, ['id', 'displayName', 'externalId']);
        const common = { connectionId: ctx.connection, mask, freshness: freshness(input) };
        if (given.name === 'id') {
          const request = GetGroupRequest.fromPartial({ ...common, id: given.value });
          for await (const { part } of directory.groups.getGroup(request, ctx.call)) {
            if (part?.$case !== 'header' || part.value.group === undefined) continue;
            return { group: groupAnswer(part.value.group), asOf: part.value.position };
          }
          throw new Error('The directory answered without the group');
        }
        const request = ListGroupsRequest.fromPartial({
          ...common,
          filter: equalsFilter(given.name, given.value),
          page: { pageSize: 2 },
        });
        const { page, resources } = await readList(directory.groups.listGroups(request, ctx.call), groupsIn);
        return { group: groupAnswer(onlyResource(resources, 'Group', given)), asOf: page.asOf };
      }),

    /**
     * A page of groups, oldest first. Fails with FILTER_INVALID, PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED.
     * @example
     * const { groups } = await rollcall.groups.find.query({ connection, filter: 'displayName sw "eng-"', pageSize: 50 });
     */
    find: connectionProcedure
      .input(findInput)
      .query(async ({ ctx, input }): Promise<{ groups: GroupAnswer[] } & PageAnswer> => {
        const given = atMostOneField(input, ['filter', 'name']);
        const filter = (text: string) => readFilter(ctx.connection, 'Group', text, ctx.call);
        const request = ListGroupsRequest.fromPartial({
          connectionId: ctx.connection,
          ...(given?.name === 'filter' && { filter: await filter(given.value) }),
          ...(given?.name === 'name' && { filter: equalsFilter('displayName', given.value) }),
          page: pageRequest(input),
          mask,
          freshness: freshness(input),
        });
        const { page, resources } = await readList(directory.groups.listGroups(request, ctx.call), groupsIn);
        return { groups: resources.map(groupAnswer), ...page };
      }),
  });
}

function groupsIn({ part }: ListGroupsResponse): readonly Group[] {
  return part?.$case === 'groups' ? part.value.groups : [];
}
