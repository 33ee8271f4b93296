import type { ResourceType } from '#scim/schema-registry.ts';
import type { Command, FoldedBy, ResourceState } from '../decision.ts';
import { withDeclarations } from '../declared-values.ts';
import { updatedRecord } from '../resource-record.ts';
import { operatorCommand } from '../write-command.ts';
import { typeIn } from './connection-types.ts';
import type { Database } from './database.ts';
import { findDeletedUsers } from './deleted-users.ts';

/**
 * The command that brings resources to the definitions in force. To fold is no change; where values go, or come from what was
 * kept unknown, it is one like any other.
 */
export function foldCommand(connection: string, type: ResourceType, ids: readonly string[]): Command<void> {
  const now = Date.now();
  return operatorCommand(connection, now, {
    async load(reader) {
      await Promise.all(ids.map((id) => reader.resource(type, id)));
    },
    decide(view) {
      const own = typeIn(view.settings.registry, type);
      const found = ids.flatMap((id) => view.resource(own, id) ?? []);
      const folded = found.map((current) => foldedState(own, current, new Date(now)));
      const resources = folded.map((after) => ({ type: own, id: after.id, after }));
      const changes = folded.flatMap((after, index) => {
        const before = found[index];
        return before && before.version !== after.version ? [updatedRecord(own, before.resource, after)] : [];
      });
      return { resources, changes, reply: () => undefined };
    },
  });
}

function foldedState(own: ResourceType, current: ResourceState, time: Date): ResourceState {
  const resource = withDeclarations(own, current.resource);
  // Another object, so that it is written though its values may be the same.
  if (resource === current.resource) return { ...current, resource: { ...resource } };
  return { ...current, resource, version: current.version + 1, lastModified: time };
}

/** The command that brings users who are deleted and kept to the definitions in force. */
export function stripCommand(database: Database, connection: string, ids: readonly string[]): Command<void> {
  let found: ReadonlyMap<string, ResourceState> = new Map();
  return operatorCommand(connection, Date.now(), {
    async load(reader) {
      found = await reader.query((head, session) =>
        findDeletedUsers(database, head.connection, ids, session),
      );
    },
    decide({ settings }) {
      const type = typeIn(settings.registry, { name: 'User' });
      const resources = [...found.values()].map((state) => {
        const kept = { ...state, resource: withDeclarations(type, state.resource) };
        return { type, id: state.id, after: null, kept };
      });
      return { resources, reply: () => undefined };
    },
  });
}

/** The command that notes that all is folded; answers false when the definitions have changed again meanwhile. */
export function foldedCommand(connection: string, folded: FoldedBy): Command<boolean> {
  return operatorCommand(connection, Date.now(), {
    async load() {},
    decide({ settings }) {
      if (settings.extensionsRevision !== folded.extensions) return { reply: () => false };
      return { folded, update: { refolding: [] }, reply: () => true };
    },
  });
}
