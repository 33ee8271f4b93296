import { z } from 'zod';
import {
  GetGroupRequest,
  ListGroupsRequest,
  type ListGroupsResponse,
} from '#proto/rollcall/directory/v1/group_service.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { Group } from '#proto/rollcall/scim/v1/group.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
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
  /** At most one of these two says which groups; all without. A SCIM filter, such as `displayName sw "eng-"`. */
  filter: z.string().min(1).optional(),
  /** The group's displayName, whatever its letter case. */
  name: attributeText.optional(),
  ...pageFields,
});

/** `groups.get` and `groups.find`. */
export function createGroupsRouter(directory: DirectoryClient, groupType: ResourceType) {
  return router({
    /** One group by `id`, `displayName` or `externalId`. Fails with RESOURCE_NOT_FOUND. */
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
        const { page, resources } = await readList(directory.groups.listGroups(request, ctx.call), groupOf);
        return { group: groupAnswer(onlyResource(resources, 'Group', given)), asOf: page.asOf };
      }),

    /** A page of groups, oldest first. Fails with FILTER_INVALID, PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED. */
    find: connectionProcedure
      .input(findInput)
      .query(async ({ ctx, input }): Promise<{ groups: GroupAnswer[] } & PageAnswer> => {
        const request = ListGroupsRequest.fromPartial({
          connectionId: ctx.connection,
          filter: groupFilter(groupType, input),
          page: pageRequest(input),
          mask,
          freshness: freshness(input),
        });
        const { page, resources } = await readList(directory.groups.listGroups(request, ctx.call), groupOf);
        return { groups: resources.map(groupAnswer), ...page };
      }),
  });
}

function groupOf({ part }: ListGroupsResponse): Group | undefined {
  return part?.$case === 'group' ? part.value : undefined;
}

function groupFilter(groupType: ResourceType, input: z.output<typeof findInput>): Filter | undefined {
  const given = atMostOneField(input, ['filter', 'name']);
  if (given === undefined) return undefined;
  return given.name === 'filter'
    ? parseFilter(groupType, given.value)
    : equalsFilter('displayName', given.value);
}
