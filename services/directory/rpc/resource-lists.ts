import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Freshness, ListHeader, PageRequest, ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import { AttributePath, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceState } from '../decision.ts';
import { DirectoryError } from '../errors.ts';
import type { IdentityQuery } from '../identity.ts';
import type { HeadDocument } from '../mongo/documents.ts';
import { type PageTokens, queryDigest } from '../mongo/page-token.ts';
import { placeFromMessage, placeToMessage } from '../mongo/place-message.ts';
import type { BesidePlace, PageQuery } from '../mongo/resource-pages.ts';
import type { ResourceReads } from '../read-resources.ts';
import type { WalkPlaces } from '../walk-places.ts';
import { answerMessage } from './answer-message.ts';
import {
  checkConnection,
  pageSize,
  readFreshness,
  readLimits,
  readMask,
  requestInvalid,
} from './request-checks.ts';
import { messageBytes } from './resource-chunks.ts';

/** A request for a page of a list. */
export interface ListRequest {
  /** The connection. */
  readonly connectionId: string;
  /** What is asked of each type; in an unsorted list the types follow each other. */
  readonly types: readonly {
    readonly type: ResourceType;
    readonly filter: Filter | undefined;
    readonly identity?: IdentityQuery | undefined;
    readonly sortBy: AttributePath | undefined;
  }[];
  /** Whether a sorted list begins with the largest value. */
  readonly descending: boolean;
  /** Which page. */
  readonly page: PageRequest | undefined;
  /** What to leave out. */
  readonly mask: ResourceMask | undefined;
  /** How current the answer must be. */
  readonly freshness: Freshness | undefined;
}

/** A resource of a list. */
export interface ListedResource {
  /** Its type. */
  readonly type: ResourceType;
  /** Its message as a plain object. */
  readonly message: object;
  /** About how many bytes the message has. */
  readonly bytes: number;
  /** What is stored of it. */
  readonly state: ResourceState;
}

/** A page of a list. */
export interface ListAnswer {
  /** What leads the answer. */
  readonly header: ListHeader;
  /** The resources, in their order. */
  readonly resources: readonly ListedResource[];
  /** The connection's head as it was read. */
  readonly head: HeadDocument;
}

/** Answers lists of one type or several. */
export type ListResources = (request: ListRequest, call: CallContext) => Promise<ListAnswer>;

const maxWalkerLength = 64;
const maxBindingBytes = 64;

/** Makes what answers lists. */
export function createListResources(
  reads: ResourceReads,
  pageTokens: PageTokens,
  walkPlaces: WalkPlaces,
): ListResources {
  return async (request, call) => {
    const connection = checkConnection(request.connectionId);
    const { page } = request;
    // Without an attribute to sort by there is one order only.
    const descending = request.descending && request.types.some(({ sortBy }) => sortBy !== undefined);
    const { walker = '', binding = Buffer.alloc(0) } = page ?? {};
    if (walker.length > maxWalkerLength)
      throw requestInvalid('page.walker', `must have at most ${maxWalkerLength} characters`);
    if (binding.length > maxBindingBytes)
      throw requestInvalid('page.binding', `must have at most ${maxBindingBytes} bytes`);
    const query = digestOf(connection, request.types, descending);
    const tokenQuery = queryDigest(query, binding);
    const walk = queryDigest(query, walker);

    const { start, limit } = startOf(page, tokenQuery, walk);
    const { asOf, result } = await reads.list(
      connection,
      { parts: request.types, descending, start, limit },
      readMask(request.mask),
      readFreshness(request.freshness),
      readLimits(call),
    );
    const { resources, total, end, next, previous, head } = result;
    // A walk by token carries its place with it; noted too, it would get in the way of a walk by index.
    if (end?.place && page?.start?.$case !== 'pageToken' && binding.length === 0)
      walkPlaces.note(walk, end.passed, end.place, descending);
    const token = (to: BesidePlace | undefined) =>
      to === undefined
        ? ''
        : pageTokens.seal({
            ...to,
            place: to.place && placeToMessage(to.place),
            query: tokenQuery,
            pageSize: limit,
          });
    return {
      header: {
        totalSize: total,
        pageSize: resources.length,
        nextPageToken: token(next),
        previousPageToken: token(previous),
        asOf,
      },
      head,
      resources: resources.map(({ type, state, derived, size }) => ({
        type,
        message: answerMessage(type, state, derived),
        bytes: messageBytes(size, derived),
        state,
      })),
    };
  };

  function startOf(
    page: PageRequest | undefined,
    tokenQuery: Buffer,
    walk: Buffer,
  ): Pick<PageQuery, 'start' | 'limit'> {
    const limit = pageSize(page);
    if (page?.start?.$case === 'pageToken') {
      const { place, backward, passed, pageSize: size } = pageTokens.open(page.start.value, tokenQuery);
      if (page.pageSize !== undefined && page.pageSize !== size) throw pageSizeChanged(size);
      return { start: { place: place && placeFromMessage(place), backward, passed }, limit: size };
    }
    const skip = Math.max(1, page?.start?.value ?? 1) - 1;
    const place = skip === 0 ? undefined : walkPlaces.find(walk, skip);
    return { start: place ? { place, backward: false, passed: skip } : { skip }, limit };
  }
}

function digestOf(connection: string, types: ListRequest['types'], descending: boolean): Buffer {
  return queryDigest(
    connection,
    descending ? 'descending' : 'ascending',
    ...types.flatMap(({ type, filter, identity, sortBy }) => [
      type.name,
      filter ? Filter.encode(filter).finish() : '',
      identity ? `${identity.part}=${identity.value}` : '',
      sortBy ? AttributePath.encode(sortBy).finish() : '',
    ]),
  );
}

function pageSizeChanged(size: number): DirectoryError {
  return new DirectoryError(
    ErrorReason.PAGE_SIZE_CHANGED,
    `This walk began with pages of ${size}; go on with the same size, or start again from the first page.`,
    { page_size: String(size) },
  );
}
