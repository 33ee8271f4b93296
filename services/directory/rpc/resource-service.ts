import { v7 as newUuid } from 'uuid';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { Freshness, PageRequest, ResourceMask, Sort } from '#proto/rollcall/directory/v1/reads.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { MemberChange, MemberIds, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Command, ResourceState } from '../decision.ts';
import { deleteResource } from '../delete-resource.ts';
import type { DeriveWritten } from '../derive-written.ts';
import type { ReadMask } from '../derived-values.ts';
import { DirectoryError } from '../errors.ts';
import type { IdentityQuery } from '../identity.ts';
import type { MemberDiff } from '../membership-changes.ts';
import type { Committer } from '../mongo/commit-queues.ts';
import type { HeadDocument } from '../mongo/documents.ts';
import type { Drain } from '../mongo/drain.ts';
import { sortError } from '../mongo/sort-key.ts';
import type { ResourceReads } from '../read-resources.ts';
import { resourceFromMessage } from '../resource-message.ts';
import { createResource, patchResource, replaceResource } from '../resources.ts';
import type { WriteReply } from '../write-command.ts';
import { answerMessage } from './answer-message.ts';
import {
  checkConnection,
  checkReservedId,
  readFreshness,
  readLimits,
  readMask,
  required,
  writeContext,
} from './request-checks.ts';
import type { ListAnswer, ListResources } from './resource-lists.ts';

/** The requests of a resource type's service, as far as they are the same for all types. */
interface WriteRequest {
  readonly connectionId: string;
  readonly validateOnly: boolean;
  readonly requestId: string;
  readonly expectedVersion?: string | undefined;
}

/** The answer to a write, for the message of the type's service. */
export interface WriteAnswer {
  /** The resource's message as a plain object. */
  readonly message: object;
  /** The connection's position after the write. */
  readonly position: number;
  /** Whether anything was written. */
  readonly changed: boolean;
  /** What it does to a group's members. */
  readonly members: MemberDiff;
}

/** The answer to a read of one resource. */
export interface ReadAnswer {
  /** The type that it was read by. */
  readonly type: ResourceType;
  /** The resource's message as a plain object. */
  readonly message: object;
  /** What is stored of it. */
  readonly state: ResourceState;
  /** A position known before the data was read. */
  readonly asOf: number;
  /** The connection's head as it was read. */
  readonly head: HeadDocument;
  /** When a kept user was deleted; undefined for what is not. */
  readonly deletedAt: Date | undefined;
}

/** What the services of all resource types do alike: from requests to commands and reads, and back. */
export interface ResourceService {
  /** Create: `resource` is the message of the type. */
  create(
    request: WriteRequest & { readonly id?: string | undefined; readonly mask?: ResourceMask | undefined },
    resource: object | undefined,
    members: MemberIds | undefined,
    call: CallContext,
  ): Promise<WriteAnswer>;
  /** Get. */
  get(
    request: {
      readonly connectionId: string;
      readonly id: string;
      readonly includeDeleted?: boolean;
      readonly mask?: ResourceMask | undefined;
      readonly freshness?: Freshness | undefined;
    },
    call: CallContext,
  ): Promise<ReadAnswer>;
  /** List. */
  list(
    request: {
      readonly connectionId: string;
      readonly filter?: Filter | undefined;
      readonly identity?: IdentityQuery | undefined;
      readonly page?: PageRequest | undefined;
      readonly sort?: Sort | undefined;
      readonly mask?: ResourceMask | undefined;
      readonly freshness?: Freshness | undefined;
    },
    call: CallContext,
  ): Promise<ListAnswer>;
  /** Replace. */
  replace(
    request: WriteRequest & { readonly id: string; readonly mask?: ResourceMask | undefined },
    resource: object | undefined,
    members: MemberIds | undefined,
    call: CallContext,
  ): Promise<WriteAnswer>;
  /** Patch. */
  patch(
    request: WriteRequest & {
      readonly id: string;
      readonly operations: readonly PatchOperation[];
      readonly onNoTarget: OnNoTarget;
      readonly mask?: ResourceMask | undefined;
    },
    memberChanges: readonly MemberChange[],
    call: CallContext,
  ): Promise<WriteAnswer>;
  /** Delete. */
  delete(request: WriteRequest & { readonly id: string }, call: CallContext): Promise<{ position: number }>;
}

/** How many operations one PATCH may have. */
export const maxOperations = 1_000;

/** What the services need. */
export interface ResourceServiceOptions {
  /** Commits writes. */
  readonly committer: Committer;
  /** Reads. */
  readonly reads: ResourceReads;
  /** Completes the answers to writes. */
  readonly deriveWritten: DeriveWritten;
  /** Cleans up after deleted groups. */
  readonly drain: Drain;
  /** Answers lists. */
  readonly listResources: ListResources;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** Makes the service of one resource type. */
export function createResourceService(type: ResourceType, options: ResourceServiceOptions): ResourceService {
  const { committer, reads, deriveWritten, drain, listResources, clock } = options;
  // The field of create and replace requests that holds the resource is named like its type.
  const requestField = type.name.toLowerCase();

  async function write(command: Command<WriteReply>, mask: ReadMask): Promise<WriteAnswer> {
    const { type: own, state, draining, ...reply } = await committer.submit(command);
    const head = { connection: command.connection, draining };
    const derived = await deriveWritten({ type, head, state, mask });
    return { message: answerMessage(own, state, derived), ...reply };
  }

  return {
    create(request, resource, members, call) {
      const context = writeContext(request, call, clock());
      const id = checkReservedId(request.id);
      const input = {
        id: id ?? newUuid({ msecs: clock() }),
        chosenId: id !== undefined,
        resource: resourceFromMessage(type, required(resource, requestField)),
        members: members?.ids,
      };
      // What was not there a moment ago is a member of nothing.
      const mask = { ...readMask(request.mask), withoutGroups: true };
      return write(createResource(type, context, input), mask);
    },
    async get(request, call) {
      const { asOf, result } = await reads.get(
        type,
        checkConnection(request.connectionId),
        { id: request.id, withDeleted: request.includeDeleted ?? false },
        readMask(request.mask),
        readFreshness(request.freshness),
        readLimits(call),
      );
      const { type: own, state, derived, head, deletedAt } = result;
      return { type: own, message: answerMessage(own, state, derived), state, asOf, head, deletedAt };
    },
    async list(request, call) {
      const { filter, identity, sort } = request;
      if (sort && !sort.path) throw sortError('', 'Name the attribute to sort by.');
      return listResources(
        {
          connectionId: request.connectionId,
          types: [{ type, filter, identity, sortBy: sort?.path }],
          descending: sort?.descending ?? false,
          page: request.page,
          mask: request.mask,
          freshness: request.freshness,
        },
        call,
      );
    },
    replace(request, resource, members, call) {
      const context = writeContext(request, call, clock());
      const input = {
        id: request.id,
        resource: resourceFromMessage(type, required(resource, requestField)),
        members: members?.ids,
      };
      return write(replaceResource(type, context, input), readMask(request.mask));
    },
    patch(request, memberChanges, call) {
      const context = writeContext(request, call, clock());
      const { id, operations, onNoTarget } = request;
      if (operations.length + memberChanges.length > maxOperations)
        throw new DirectoryError(
          ErrorReason.LIMIT_EXCEEDED,
          `A PATCH may have at most ${maxOperations} operations; send the rest in further requests.`,
          { limit: 'operations', maximum: String(maxOperations) },
        );
      return write(
        patchResource(type, context, { id, operations, onNoTarget, memberChanges }),
        readMask(request.mask),
      );
    },
    async delete(request, call) {
      const context = writeContext(request, call, clock());
      const { position, draining } = await committer.submit(deleteResource(type, context, request.id));
      if (draining && !context.validateOnly) drain.start(context.connection, request.id);
      return { position };
    },
  };
}
