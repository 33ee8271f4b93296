import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { IdentityMatch } from '#proto/rollcall/directory/v1/identity.ts';
import type { Freshness, PageRequest, ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import type { ReadMask } from '../derived-values.ts';
import { connectionNotFound, DirectoryError } from '../errors.ts';
import type { IdentityQuery } from '../identity.ts';
import { isConnectionId, isResourceId } from '../mongo/documents.ts';
import type { ReadFreshness, ReadLimits } from '../mongo/heads.ts';
import type { WriteContext } from '../write-command.ts';

/** How many resources one page may have. */
export const maxPageSize = 1_000;
/** How many resources a page has when the request does not say. */
export const defaultPageSize = 100;

// A caller that names no deadline still waits no longer than this for its write to begin.
const maxQueueMs = 15_000;
const maxRequestIdLength = 64;
const maxIdentityLength = 1_024;

/** The error for a field that cannot be used. */
export function requestInvalid(field: string, message: string): DirectoryError {
  return new DirectoryError(ErrorReason.REQUEST_INVALID, `${field}: ${message}`, { field });
}

/** A message of the request that must be there. REQUEST_INVALID. */
export function required<Value>(value: Value | undefined, field: string): Value {
  if (value === undefined) throw requestInvalid(field, 'is missing');
  return value;
}

/** A text of the request, trimmed, of at most `max` characters and at least `min`. REQUEST_INVALID. */
export function boundedText(value: string, field: string, min: number, max: number): string {
  const text = value.trim();
  if (text.length < min || text.length > max)
    throw requestInvalid(field, `must have ${min} to ${max} characters`);
  return text;
}

/** A connection's id of a possible form; any other is CONNECTION_NOT_FOUND. */
export function checkConnection(id: string): string {
  if (!isConnectionId(id)) throw connectionNotFound(id.slice(0, 64));
  return id;
}

/** An id that the caller chose; undefined when it chose none. REQUEST_INVALID unless a UUIDv7 in lower case. */
export function checkReservedId(id: string | undefined): string | undefined {
  if (id !== undefined && !isResourceId(id)) throw requestInvalid('id', 'must be a UUIDv7 in lower case');
  return id;
}

/** What the writes of all services have in common. */
export function writeContext(
  request: {
    readonly connectionId: string;
    readonly validateOnly: boolean;
    readonly requestId: string;
    readonly expectedVersion?: string | undefined;
  },
  call: CallContext,
  now: number,
): WriteContext {
  if (request.requestId.length > maxRequestIdLength)
    throw requestInvalid('request_id', `must have at most ${maxRequestIdLength} characters`);
  return {
    connection: checkConnection(request.connectionId),
    requestId: request.requestId || call.requestId.slice(0, maxRequestIdLength),
    time: new Date(now),
    deadline: Math.min(call.deadline, now + maxQueueMs),
    validateOnly: request.validateOnly,
    expectedVersion: request.expectedVersion,
  };
}

/** What an answer leaves out. */
export function readMask(mask: ResourceMask | undefined): ReadMask {
  return { withoutGroups: mask?.withoutGroups ?? false, withoutNames: mask?.withoutNames ?? false };
}

/** How current a read must be. REQUEST_INVALID for a negative position. */
export function readFreshness(freshness: Freshness | undefined): ReadFreshness {
  const { atLeast, fresh = false } = freshness ?? {};
  if (atLeast !== undefined && atLeast < 0)
    throw requestInvalid('freshness.at_least', 'must not be negative');
  return { atLeast, fresh };
}

/** Which users an identity selects; undefined for all. REQUEST_INVALID for a value that is empty or too long. */
export function readIdentityMatch(match: IdentityMatch | undefined): IdentityQuery | undefined {
  if (match === undefined) return undefined;
  const { $case: part, value } = required(match.part, 'identity');
  if (value === '' || value.length > maxIdentityLength)
    throw requestInvalid('identity', `must have 1 to ${maxIdentityLength} characters`);
  return { part, value };
}

/** What limits a read. */
export function readLimits(call: CallContext): ReadLimits {
  return { signal: call.signal, deadline: call.deadline };
}

/** A page's size, 0 to 1,000. REQUEST_INVALID. */
export function pageSize(page: PageRequest | undefined): number {
  const size = page?.pageSize ?? defaultPageSize;
  if (size < 0 || size > maxPageSize) throw requestInvalid('page.page_size', `must be 0 to ${maxPageSize}`);
  return size;
}
