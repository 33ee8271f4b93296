import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { ListHeader } from '#proto/rollcall/directory/v1/reads.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { GivenField } from './find-input.ts';

interface Part {
  readonly $case: string;
  readonly value: unknown;
}

/** What says where a page stands in its list. */
export interface PageAnswer {
  /** How many match, on all pages. */
  total: number;
  /** Asks for the next page, as `pageToken`; absent on the last one. */
  nextPageToken?: string;
  /** A position: the answer shows every change up to it. */
  asOf: number;
}

/** Reads the whole answer to a List call: its header, and of each part the resources that `resourcesIn` finds in it. */
export async function readList<Response extends { readonly part?: Part | undefined }, Resource>(
  responses: AsyncIterable<Response>,
  resourcesIn: (response: Response) => readonly Resource[],
): Promise<{ page: PageAnswer; resources: Resource[] }> {
  let header: ListHeader | undefined;
  const resources: Resource[] = [];
  for await (const response of responses) {
    if (isHeader(response.part)) header = response.part.value;
    resources.push(...resourcesIn(response));
  }
  if (header === undefined) throw new Error('The directory answered a list without its header');
  const { totalSize, nextPageToken, asOf } = header;
  return {
    page: { total: totalSize, asOf, ...(nextPageToken === '' ? {} : { nextPageToken }) },
    resources,
  };
}

/**
 * The only resource that a field's value was found with. Throws RpcError RESOURCE_NOT_FOUND when there is none, and
 * REQUEST_INVALID when several have the value.
 */
export function onlyResource<Resource>(
  resources: readonly Resource[],
  resourceType: 'User' | 'Group',
  { name }: GivenField<string>,
): Resource {
  const [only, second] = resources;
  if (only === undefined) {
    const message = `No ${resourceType.toLowerCase()} of this connection has this ${name}.`;
    throw new RpcError(ErrorReason.RESOURCE_NOT_FOUND, message, { resource_type: resourceType });
  }
  if (second !== undefined) {
    const message = `Several ${resourceType.toLowerCase()}s have this ${name}: ask for them with find.`;
    throw new RpcError(ErrorReason.REQUEST_INVALID, message, { field: name });
  }
  return only;
}

function isHeader(part: Part | undefined): part is { $case: 'header'; value: ListHeader } {
  return part?.$case === 'header';
}
