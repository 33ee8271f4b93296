import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { MemberChange, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import { type JsonObject, jsonEqual } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { isActive, withActive } from './active.ts';
import type { ChangeContent, Command, ConnectionSettings, Edge, ResourceState } from './decision.ts';
import { adoptUnknown, readDeclared, withDeclarations } from './declared-values.ts';
import { DirectoryError } from './errors.ts';
import {
  decideMembers,
  loadMembers,
  type MemberPlan,
  membershipRecords,
  noOperation,
  planMemberChanges,
} from './membership-changes.ts';
import { typeIn } from './mongo/connection-types.ts';
import { isResourceId } from './mongo/documents.ts';
import { claimedEntries } from './mongo/fold.ts';
import { applyPatch } from './patch/apply-patch.ts';
import { refuseLacking, refuseTakenAway } from './required-attributes.ts';
import { createdRecord, updatedRecord } from './resource-record.ts';
import { entriesToClaim, loadOwners, refuseTaken, taken } from './uniqueness.ts';
import { dropUnknown, keepsUnknown } from './unknown-attributes.ts';
import { validateResource } from './validate/validate-resource.ts';
import { commandOf, existingResource, type WriteContext, type WriteReply } from './write-command.ts';

/** How large a stored resource may be, in bytes of its JSON. */
export const maxResourceBytes = 256 * 1024;

/** Creates a resource. `id` was chosen when the command arrived; `members` only for groups. */
export function createResource(
  type: ResourceType,
  context: WriteContext,
  input: {
    readonly id: string;
    /** Whether the caller chose the id: then a resource of another type may have it. */
    readonly chosenId: boolean;
    readonly resource: JsonObject;
    readonly members?: readonly string[] | undefined;
  },
): Command<WriteReply> {
  const { id, chosenId } = input;
  const plan = input.members && planMemberChanges(type, [addAll(input.members)]);
  let completed: { settings: ConnectionSettings; own: ResourceType; resource: JsonObject } | undefined;
  const complete = (settings: ConnectionSettings) => {
    if (completed?.settings === settings) return completed;
    const own = typeIn(settings.registry, type);
    const sent = withActive(own, readSent(own, settings, input.resource), undefined);
    completed = { settings, own, resource: checkSize(validateResource(own, sent, undefined)) };
    return completed;
  };
  return {
    ...commandOf(context, plan?.alone ?? false),
    async load(reader) {
      const { own, resource } = complete(reader.settings);
      await Promise.all([
        loadOwners(reader, own, claimedEntries(own, id, resource, reader.settings)),
        chosenId ? reader.memberKind(id) : undefined,
        plan && loadMembers(reader, id, plan),
      ]);
    },
    decide(view) {
      const { own, resource } = complete(view.settings);
      const { draining } = view;
      // The memberships of a deleted group may still stand under its id.
      if (chosenId && (view.memberKind(id) || draining.includes(id))) throw taken(type, 'id');
      refuseLacking(own, view.settings.requiredAttributes, resource);
      refuseTaken(view, own, claimedEntries(own, id, resource, view.settings), undefined);
      const state: ResourceState = {
        id,
        resource,
        version: 1,
        created: context.time,
        lastModified: context.time,
      };
      const diff = plan ? decideMembers(view, id, plan, []) : { added: [], removed: [] };
      return {
        resources: [{ type, id, after: state }],
        addedEdges: diff.added,
        changes: [createdRecord(own, state), ...membershipRecords(id, 1, diff)],
        reply: (position) => ({ type: own, state, changed: true, position, members: diff, draining }),
      };
    },
  };
}

/** Replaces what a client may write (RFC 7644, section 3.5.1). A group's members stay when `members` is absent. */
export function replaceResource(
  type: ResourceType,
  context: WriteContext,
  input: {
    readonly id: string;
    readonly resource: JsonObject;
    readonly members?: readonly string[] | undefined;
  },
): Command<WriteReply> {
  const plan = input.members && planMemberChanges(type, [replaceAll(input.members)]);
  return changeResource(type, context, input.id, plan, {
    change(own, settings, previous) {
      const next = withActive(own, readSent(own, settings, input.resource), previous);
      return jsonEqual(next, previous) ? previous : next;
    },
    checkRequired: (own, required, _previous, next) => refuseLacking(own, required, next),
  });
}

/** Applies PATCH operations and member changes (RFC 7644, section 3.5.2). */
export function patchResource(
  type: ResourceType,
  context: WriteContext,
  input: {
    readonly id: string;
    readonly operations: readonly PatchOperation[];
    readonly onNoTarget: OnNoTarget;
    readonly memberChanges?: readonly MemberChange[];
  },
): Command<WriteReply> {
  const { id, operations, onNoTarget, memberChanges = [] } = input;
  const plan = memberChanges.length > 0 ? planMemberChanges(type, memberChanges) : undefined;
  return changeResource(type, context, id, plan, {
    change: (own, settings, previous) =>
      applyPatch(own, previous, operations, onNoTarget, keepsUnknown(settings)),
    checkRequired: (own, required, previous, next) => refuseTakenAway(own, required, previous, next),
  });
}

/** In what replacing and patching differ. */
interface ChangeOfResource {
  /** What is stored, changed; the same object when nothing changes. `own` is the type as the connection has it. */
  change(own: ResourceType, settings: ConnectionSettings, previous: JsonObject): JsonObject;
  /** Refuses what lacks an attribute that the connection requires. */
  checkRequired(own: ResourceType, required: readonly string[], previous: JsonObject, next: JsonObject): void;
}

/** What is to be stored after a change. */
interface NextResource {
  /** The type as the connection has it. */
  readonly own: ResourceType;
  /** What is stored, brought to what the connection declares. */
  readonly previous: JsonObject;
  /** What is to be stored; the same object as is stored when nothing changes. */
  readonly resource: JsonObject;
}

/** What a client sent, as far as the connection stores it. VALUE_INVALID */
function readSent(own: ResourceType, settings: ConnectionSettings, resource: JsonObject): JsonObject {
  return adoptUnknown(own, dropUnknown(readDeclared(own, resource), settings));
}

/** What replacing and patching share: read, change, check, compare, write. */
function changeResource(
  type: ResourceType,
  context: WriteContext,
  id: string,
  plan: MemberPlan | undefined,
  { change, checkRequired }: ChangeOfResource,
): Command<WriteReply> {
  let made: { settings: ConnectionSettings; stored: JsonObject; next: NextResource } | undefined;
  const next = (settings: ConnectionSettings, stored: JsonObject): NextResource => {
    // `decide` asks again for what `load` has made, unless a neighbour decided before has changed the resource.
    if (made?.settings === settings && made.stored === stored) return made.next;
    const own = typeIn(settings.registry, type);
    const previous = withDeclarations(own, stored);
    const changed = change(own, settings, previous);
    const valid = changed === previous ? previous : checkSize(validateResource(own, changed, previous));
    // What only brings it to the declarations is no change of the client's.
    made = { settings, stored, next: { own, previous, resource: valid === previous ? stored : valid } };
    return made.next;
  };
  let unnamedRemoved: readonly Edge[] = [];
  return {
    ...commandOf(context, plan?.alone ?? false),
    async load(reader) {
      if (!isResourceId(id)) return;
      const [current, removed] = await Promise.all([
        reader.resource(type, id),
        plan ? loadMembers(reader, id, plan) : [],
      ]);
      unnamedRemoved = removed;
      // When this refuses, so does `decide`, unless a neighbour decided before has changed the resource.
      const changed = current && attempt(() => next(reader.settings, current.resource));
      if (!changed || changed.resource === current.resource) return;
      const { own, resource } = changed;
      await loadOwners(reader, own, entriesToClaim(own, id, resource, current.resource, reader.settings));
    },
    decide(view) {
      const { draining } = view;
      const current = existingResource(view, type, id, context);
      const { own, previous, resource } = next(view.settings, current.resource);
      const diff = plan ? decideMembers(view, id, plan, unnamedRemoved) : { added: [], removed: [] };
      // No rule of an operator delays what an identity provider takes away.
      const takesAway = diff.removed.length > 0 || (type.name === 'User' && !isActive(resource));
      if (!takesAway) checkRequired(own, view.settings.requiredAttributes, previous, resource);
      const membersChanged = diff.added.length + diff.removed.length > 0;
      if (resource === current.resource && !membersChanged)
        return {
          reply: (position) => ({
            type: own,
            state: current,
            changed: false,
            position,
            members: diff,
            draining,
          }),
        };
      if (resource !== current.resource)
        refuseTaken(view, own, entriesToClaim(own, id, resource, current.resource, view.settings), id);
      const version = current.version + 1;
      const state: ResourceState = { ...current, resource, version, lastModified: context.time };
      const changes: ChangeContent[] = membershipRecords(id, version, diff);
      if (resource !== current.resource) {
        changes.unshift(updatedRecord(own, previous, state));
      }
      return {
        resources: [{ type, id, after: state }],
        addedEdges: diff.added,
        removedEdges: diff.removed,
        changes,
        reply: (position) => ({ type: own, state, changed: true, position, members: diff, draining }),
      };
    },
  };
}

function addAll(ids: readonly string[]): MemberChange {
  return { change: { $case: 'add', value: { ids: [...ids] } }, index: noOperation };
}

function replaceAll(ids: readonly string[]): MemberChange {
  return { change: { $case: 'replace', value: { ids: [...ids] } }, index: noOperation };
}

function checkSize(resource: JsonObject): JsonObject {
  if (Buffer.byteLength(JSON.stringify(resource)) <= maxResourceBytes) return resource;
  throw new DirectoryError(
    ErrorReason.LIMIT_EXCEEDED,
    `A resource may have at most ${maxResourceBytes} bytes; shorten or remove some of its values.`,
    { limit: 'resource bytes', maximum: String(maxResourceBytes) },
  );
}

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof DirectoryError) return undefined;
    throw error;
  }
}
