import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Command, ResourceState, View } from './decision.ts';
import { DirectoryError } from './errors.ts';
import type { MemberDiff } from './membership-changes.ts';
import { isResourceId } from './mongo/documents.ts';

/** What every write says besides what it writes. */
export interface WriteContext {
  /** The connection. */
  readonly connection: string;
  /** The client's request; empty when unknown. */
  readonly requestId: string;
  /** When it arrived. */
  readonly time: Date;
  /** Milliseconds since 1970 after which it is not begun. */
  readonly deadline: number;
  /** Decide and answer, but write nothing. */
  readonly validateOnly: boolean;
  /** The version the resource must have; absent accepts any. */
  readonly expectedVersion?: string | undefined;
}

/** The answer to a write. */
export interface WriteReply {
  /** The resource's type as the connection has it. */
  readonly type: ResourceType;
  /** The resource as it is now. */
  readonly state: ResourceState;
  /** Whether anything was written. */
  readonly changed: boolean;
  /** The connection's position after the write. */
  readonly position: number;
  /** What it does to a group's members. */
  readonly members: MemberDiff;
  /** The deleted groups whose edges still stand after the write. */
  readonly draining: readonly string[];
}

/** The error for an id that names no resource of a type. */
export function resourceNotFound(type: Pick<ResourceType, 'name'>, id: string): DirectoryError {
  return new DirectoryError(ErrorReason.RESOURCE_NOT_FOUND, `No ${type.name} has this id.`, {
    resource_type: type.name,
    id: id.slice(0, 64),
  });
}

/** What a write's command takes over from its context. */
export function commandOf(
  context: WriteContext,
  alone: boolean,
): Pick<Command<unknown>, 'connection' | 'requestId' | 'time' | 'deadline' | 'validateOnly' | 'alone'> {
  const { connection, requestId, time, deadline, validateOnly } = context;
  return { connection, requestId, time, deadline, validateOnly, alone };
}

// A command that an operator or the directory itself gives may wait for longer than one of a client.
const operatorMs = 30_000;

/** The rest of a command that no client gave: it travels alone, also on a connection that is paused. */
export function operatorCommand<Reply>(
  connection: string,
  now: number,
  { load, decide }: Pick<Command<Reply>, 'load' | 'decide'>,
): Command<Reply> {
  return {
    connection,
    requestId: '',
    time: new Date(now),
    deadline: now + operatorMs,
    alone: true,
    validateOnly: false,
    operator: true,
    load,
    decide,
  };
}

/** The resource that a write is about. RESOURCE_NOT_FOUND, VERSION_MISMATCH. */
export function existingResource(
  view: View,
  type: ResourceType,
  id: string,
  context: WriteContext,
): ResourceState {
  const current = isResourceId(id) ? view.resource(type, id) : undefined;
  if (!current) throw resourceNotFound(type, id);
  const { expectedVersion } = context;
  if (expectedVersion !== undefined && expectedVersion !== String(current.version)) {
    throw new DirectoryError(
      ErrorReason.VERSION_MISMATCH,
      `The resource has version ${current.version}; read it again and repeat the change on what is there now.`,
      { version: String(current.version) },
    );
  }
  return current;
}
