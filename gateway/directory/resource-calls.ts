import type { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import type { MemberChange, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { CallOptions } from '#rpc/rpc-client.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ListQuery } from '../scim/list-query.ts';
import type { ResourceMessage } from '../scim/resource-to-json.ts';

/** Whose resources a call is about, and for which request. */
export interface Call extends CallOptions {
  /** The connection. */
  readonly connectionId: string;
  /** The id of the client's request. */
  readonly requestId: string;
}

/** What every request message begins with. */
export function requestOf({ connectionId, requestId }: Call) {
  return { connectionId, requestId };
}

/** The page that a list asks for. */
export function pageOf({ startIndex, count }: ListQuery) {
  return { start: { $case: 'startIndex' as const, value: startIndex }, pageSize: count };
}

/** A resource after a write. */
export interface WrittenResource {
  /** The resource with everything that is not masked. */
  readonly message: ResourceMessage;
  /** The connection's position after the write. */
  readonly position: number;
}

/** A page of resources. */
export interface ResourcePage {
  /** How many resources match, on all pages. */
  readonly totalResults: number;
  /** Those on this page. */
  readonly messages: readonly ResourceMessage[];
}

/** The body of a POST or PUT. */
export interface ResourceToWrite {
  /** The fields of the resource's message. */
  readonly resource: JsonObject;
  /** The ids of a group's members; absent in a replace keeps the members. */
  readonly members?: readonly string[];
}

/** What a PATCH changes. */
export interface ResourceChanges {
  /** The operations, in order. */
  readonly operations: readonly PatchOperation[];
  /** Those on a group's members, in order. */
  readonly memberChanges: readonly MemberChange[];
  /** What an operation does whose value filter selects nothing. */
  readonly onNoTarget: OnNoTarget;
}

/** The directory's calls for the resources of one type, the same for every type. Everything rejects with RpcError. */
export interface ResourceCalls {
  /** Creates a resource. */
  create(call: Call, written: ResourceToWrite, mask: ResourceMask): Promise<WrittenResource>;
  /** Reads a resource. When `isKnown` says so of its version, the rest of it is not read. */
  get(
    call: Call,
    id: string,
    mask: ResourceMask,
    isKnown: (version: string) => boolean,
  ): Promise<ResourceMessage>;
  /** Reads a page. */
  list(call: Call, query: ListQuery, mask: ResourceMask): Promise<ResourcePage>;
  /** Replaces a resource that has the expected version, or any when that is undefined. */
  replace(
    call: Call,
    id: string,
    written: ResourceToWrite,
    mask: ResourceMask,
    expectedVersion: string | undefined,
  ): Promise<WrittenResource>;
  /** Changes a resource. */
  patch(
    call: Call,
    id: string,
    changes: ResourceChanges,
    mask: ResourceMask,
    expectedVersion: string | undefined,
  ): Promise<WrittenResource>;
  /** Deletes a resource. Answers the connection's position after it. */
  delete(call: Call, id: string, expectedVersion: string | undefined): Promise<number>;
}
