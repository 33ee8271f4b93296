import type { Context } from 'koa';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import type { Projection } from '../scim/projection.ts';
import type { Exchange, ResourceExchange } from './exchange.ts';
import type { PublicUrl } from './public-url.ts';

/** Begins an exchange for a request below `/scim/{connection}`. */
export function createExchange(
  http: Context,
  registry: SchemaRegistry,
  publicUrl: PublicUrl,
  bodyLimit: number,
  bodyLimitName = '',
): Exchange {
  const connectionId: string = http.params.connection ?? '';
  const repairs = new Set<string>();
  const ignored = new Set<string>();
  Object.assign(http.state, { connectionId, repairs, ignored, route: http.routerPath ?? http._matchedRoute });
  const ended = new AbortController();
  http.res.once('close', () => {
    if (http.res.writableFinished) return;
    ended.abort(new RpcError(ErrorReason.DEADLINE_EXCEEDED, 'The client no longer waits.'));
  });
  return {
    http,
    requestId: http.state.requestId,
    signal: ended.signal,
    connectionId,
    registry,
    baseUrl: `${publicUrl(http.req)}/scim/${encodeURIComponent(connectionId)}/v2`,
    bodyLimit,
    bodyLimitName,
    strict: false,
    uniqueGroupNames: false,
    keepsUnknown: false,
    requiredAttributes: [],
    maskedAttributes: [],
    sender: 'stranger',
    tokenId: '',
    readOnly: false,
    userId: '',
    parameters: new URLSearchParams(),
    body: {},
    received: undefined,
    repairs,
    ignored,
    answer: { status: 500 },
  };
}

/** Makes an exchange one about a resource; about one that is to be created when `id` is empty. */
export function createResourceExchange(
  exchange: Exchange,
  resourceType: ResourceType,
  id: string,
  projection: Projection,
): ResourceExchange {
  return {
    ...exchange,
    resourceType,
    id,
    projection,
    precondition: {},
    steps: [],
    written: { resource: {} },
    changes: { operations: [], memberChanges: [] },
  };
}
