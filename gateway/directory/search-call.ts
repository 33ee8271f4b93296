import { ListHeader, type ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import {
  SearchResourcesRequest,
  type SearchResourcesResponse,
  type SearchServiceService,
} from '#proto/rollcall/directory/v1/search_service.ts';
import { ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { RpcClient } from '#rpc/rpc-client.ts';
import type { SharedLookUps } from '#rpc/shared-look-ups.ts';
import { type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import type { ListPage, TypeQuery } from '../scim/list-query.ts';
import { membersOf } from './group-calls.ts';
import { type Call, type FoundResource, longAnswerMs, requestOf } from './resource-calls.ts';

/** A resource of a list. */
export interface ListedResource extends FoundResource {
  /** The name of its type. */
  readonly type: string;
}

/** A page of a list. */
export interface FoundPage {
  /** What is known of the whole list, and how to go on. */
  readonly header: ListHeader;
  /** The resources of the page as they arrive, some at a time, to be read once. */
  readonly resources: AsyncIterable<readonly ListedResource[]> | Iterable<readonly ListedResource[]>;
}

/** Who asks for a page, and what all pages of a walk must have alike beside the query. */
export interface Walk {
  /** Keeps walks by index apart: the id of the client's token. */
  readonly walker: string;
  /** Refuses a cursor that goes with another; at most 64 bytes. */
  readonly binding: Buffer;
}

/** Reads a page of the resources that match, of one type or of several. Rejects with RpcError. */
export type Search = (
  call: Call,
  queries: readonly TypeQuery[],
  page: ListPage,
  walk: Walk,
  mask: ResourceMask,
) => Promise<FoundPage>;

/** Makes the call. What asks for one value of one type is looked up, together with others that do. */
export function createSearch(service: RpcClient<typeof SearchServiceService>, lookUp: SharedLookUps): Search {
  /** The page when a look-up answers all of it: what asks for one value of one type, unsorted and from the beginning. */
  async function lookedUp(
    { connectionId, signal }: Call,
    [query, ...others]: readonly TypeQuery[],
    { start, count }: ListPage,
    mask: ResourceMask,
  ): Promise<FoundPage | undefined> {
    const isFirst = 'index' in start ? start.index === 1 : start.cursor === '';
    if (!query?.filter || others.length > 0 || query.sortBy || !isFirst || !count) return undefined;
    const type = query.resourceType.name;
    if (type === 'Group' && !mask.withoutMembers) return undefined;
    if (!asksForOneValue(query.resourceType, query.filter)) return undefined;
    const by = { $case: 'filter', value: query.filter } as const;
    const found = await lookUp({ connectionId, resourceType: type, mask }, by, signal);
    const messages = found && [...found.users, ...found.groups];
    if (!messages || messages.length > count) return undefined;
    const header = ListHeader.fromPartial({ totalSize: messages.length, pageSize: messages.length });
    return { header, resources: [messages.map((message) => ({ type, message: { ...message } }))] };
  }

  return async (call, queries, page, { walker, binding }, mask) => {
    const whole = await lookedUp(call, queries, page, mask);
    if (whole) return whole;
    const { start, count, descending } = page;
    const byCursor = 'cursor' in start;
    const from = byCursor
      ? ({ $case: 'pageToken', value: start.cursor } as const)
      : ({ $case: 'startIndex', value: start.index } as const);
    const request = SearchResourcesRequest.fromPartial({
      ...requestOf(call),
      types: queries.map(({ resourceType, filter, sortBy }) => ({
        resourceType: resourceType.name,
        filter,
        sortBy,
      })),
      page: {
        // An empty cursor asks for the first page, as a page request without a start does.
        ...(!(byCursor && start.cursor === '') && { start: from }),
        pageSize: count,
        walker,
        ...(byCursor && { binding }),
      },
      descending,
      mask,
    });
    const parts = service
      .searchResources(request, { ...call, timeoutMs: longAnswerMs })
      [Symbol.asyncIterator]();
    const { value } = await parts.next();
    if (value?.part?.$case !== 'header') throw new TypeError('the answer to a search begins with its header');
    return { header: value.part.value, resources: resourcesIn(parts, mask) };
  };
}

/** Whether a filter compares an attribute with an index of its values: any other is not looked up. */
function asksForOneValue(resourceType: ResourceType, { node }: Filter): boolean {
  if (node?.$case !== 'comparison' || node.value.operator !== ComparisonOperator.EQ) return false;
  const resolved = node.value.path && resolvePath(resourceType, node.value.path);
  const leaf = resolved?.subAttribute ?? resolved?.attribute;
  return leaf !== undefined && (leaf.indexed || leaf.uniqueness !== 'none');
}

async function* resourcesIn(
  parts: AsyncIterator<SearchResourcesResponse>,
  { withoutMembers }: ResourceMask,
): AsyncIterable<readonly ListedResource[]> {
  let next = await parts.next();
  async function* members() {
    while (!next.done && next.value.part?.$case === 'members') {
      yield membersOf(next.value.part.value);
      next = await parts.next();
    }
  }
  while (!next.done) {
    const { part } = next.value;
    next = await parts.next();
    if (part?.$case === 'users')
      yield part.value.users.map((user) => ({ type: 'User', message: { ...user } }));
    if (part?.$case === 'groups')
      yield part.value.groups.map((group) => ({
        type: 'Group',
        message: { ...group },
        ...(!withoutMembers && { members: members() }),
      }));
    // Members that the reader left stand before the next resource; they are passed over.
  }
}
