import type { ListHeader, ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import {
  SearchResourcesRequest,
  type SearchResourcesResponse,
  type SearchServiceService,
} from '#proto/rollcall/directory/v1/search_service.ts';
import type { RpcClient } from '#rpc/rpc-client.ts';
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
  /** The resources of the page as they arrive, to be read once. */
  readonly resources: AsyncIterable<ListedResource>;
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

/** Makes the call. */
export function createSearch(service: RpcClient<typeof SearchServiceService>): Search {
  return async (call, queries, page, { walker, binding }, mask) => {
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
    return { header: value.part.value, resources: resourcesIn(parts) };
  };
}

async function* resourcesIn(parts: AsyncIterator<SearchResourcesResponse>): AsyncIterable<ListedResource> {
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
    if (part?.$case === 'user') yield { type: 'User', message: { ...part.value } };
    if (part?.$case === 'group') yield { type: 'Group', message: { ...part.value }, members: members() };
    // Members that the reader left stand before the next resource; they are passed over.
  }
}
