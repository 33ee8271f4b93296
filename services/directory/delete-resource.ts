import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import { OnDelete } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Command, Edge, ResourceChangeContent, ResourceState, View } from './decision.ts';
import { DirectoryError } from './errors.ts';
import { isResourceId } from './mongo/documents.ts';
import { commandOf, existingResource, type WriteContext } from './write-command.ts';

// Deleted groups whose edges still stand; reads carry the list.
const maxDraining = 100;

/** The answer to a deletion. */
export interface DeleteReply {
  /** The connection's position after it. */
  readonly position: number;
  /** Whether edges of the deleted group still stand and are to be drained. */
  readonly draining: boolean;
}

/**
 * Deletes a resource and every membership it has part in. Of a user an inactive one stays for internal services when the
 * connection is set so.
 */
export function deleteResource(type: ResourceType, context: WriteContext, id: string): Command<DeleteReply> {
  const hasMembers = type.findAttribute('members') !== undefined;
  return {
    ...commandOf(context, false),
    async load(reader) {
      if (!isResourceId(id)) return;
      await Promise.all([
        reader.resource(type, id),
        reader.edgesOfMember(id),
        hasMembers ? reader.firstEdgesOfGroup(id) : undefined,
      ]);
    },
    decide(view) {
      const current = existingResource(view, type, id, context);
      const own = hasMembers ? view.firstEdgesOfGroup(id) : undefined;
      if (own && !own.complete && view.draining.length >= maxDraining) {
        throw new DirectoryError(
          ErrorReason.DATABASE_UNAVAILABLE,
          'Too many deleted groups are still being cleaned up; repeat the call later.',
        );
      }
      const kept = keptUser(type, view, current, context);
      const deleted: ResourceChangeContent = {
        kind: 'resource',
        resourceType: type.name,
        id,
        attributes: [],
        ...(kept
          ? { action: ResourceAction.DEACTIVATED, version: kept.version, active: false }
          : { action: ResourceAction.DELETED, version: current.version }),
      };
      return {
        resources: [{ type, id, after: null, kept }],
        removedEdges: distinctEdges([...view.edgesOfMember(id), ...(own?.edges ?? [])]),
        changes: [deleted],
        ...(own && !own.complete ? { drain: id } : {}),
        reply: (position) => ({ position, draining: own !== undefined && !own.complete }),
      };
    },
  };
}

function keptUser(
  type: ResourceType,
  { settings }: View,
  { id, resource, version, created }: ResourceState,
  { time }: WriteContext,
): ResourceState | undefined {
  if (type.name !== 'User' || settings.onDelete !== OnDelete.DEACTIVATE) return undefined;
  return { id, resource: { ...resource, active: false }, version: version + 1, created, lastModified: time };
}

function distinctEdges(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [`${edge.group}/${edge.member}`, edge])).values()];
}
