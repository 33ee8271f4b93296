import type { PlannedMembers } from '#proto/rollcall/directory/v1/group_service.ts';
import type { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import type { MemberChange, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { CallOptions } from '#rpc/rpc-client.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceMessage } from '../scim/resource-to-json.ts';

/** Whose resources a call is about, and for which request. */
export interface Call extends CallOptions {
  /** The connection. */
  readonly connectionId: string;
  /** The id of the client's request. */
  readonly requestId: string;
  /** Decide and answer a write, but write nothing. */
  readonly validateOnly?: boolean;
}

/** What every request message begins with. */
export function requestOf({ connectionId, requestId, validateOnly = false }: Call) {
  return { connectionId, requestId, validateOnly };
}

/**
 * For how long an answer may take that a client reads while it arrives, in milliseconds: a slow one has its time with a
 * group of 200,000.
 */
export const longAnswerMs = 5 * 60 * 1_000;

/** A resource as the directory answers it. */
export interface FoundResource {
  /** The fields of its message, without a group's members. */
  readonly message: ResourceMessage;
  /** A group's members unless masked, as they arrive. To be read once; in a list, before the next resource is. */
  readonly members?: AsyncIterable<readonly ResourceMessage[]>;
}

/** A resource after a write. */
export interface WrittenResource extends FoundResource {
  /** The connection's position after the write. */
  readonly position: number;
  /** What a call with `validateOnly` would do to a group's members. */
  readonly plannedMembers?: PlannedMembers | undefined;
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
  /** Creates a resource; `id` is one that was made before for it, or undefined. */
  create(
    call: Call,
    id: string | undefined,
    written: ResourceToWrite,
    mask: ResourceMask,
  ): Promise<WrittenResource>;
  /** Reads a resource. */
  get(call: Call, id: string, mask: ResourceMask): Promise<FoundResource>;
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
