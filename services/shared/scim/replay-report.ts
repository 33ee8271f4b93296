import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { PlannedMembers } from '#proto/rollcall/directory/v1/group_service.ts';
import type { JsonValue } from './json.ts';

/** What a stored request would do today. */
export interface ReplayReport {
  /** The request and the answer it would get, as the sync log would have them. */
  readonly exchange: Exchange;
  /** What would be written, in the order of the operations; nothing when the request is refused. */
  readonly writes: readonly PlannedWrite[];
}

/** One write that would be made. */
export interface PlannedWrite {
  /** What would happen to the resource. */
  readonly action: 'create' | 'change' | 'delete';
  /** The name of the resource's type. */
  readonly resourceType: string;
  /** The resource's id; that of a new one is another each time. */
  readonly id: string;
  /** The attributes that would change. */
  readonly differences: readonly AttributeDifference[];
  /** What would happen to a group's members; absent for other resources, and in a deletion. */
  readonly members?: PlannedMembers;
}

/** An attribute before and after a write; absent where it has no value. */
export interface AttributeDifference {
  /** The name; that of an extension begins with its URN. */
  readonly attribute: string;
  /** The value there is. */
  readonly before?: JsonValue;
  /** The value there would be. */
  readonly after?: JsonValue;
}
