import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import type { ChangeContent, ResourceState, RoleMappingsVersion } from './decision.ts';
import { storedResource } from './mongo/batch-reader.ts';
import type { Database } from './mongo/database.ts';
import { type ChangeDocument, type HeadDocument, noRoleMappings, resourceKey } from './mongo/documents.ts';
import { readRoleMappings } from './mongo/role-mappings-store.ts';

/** What a change is about, as it is now. */
export type CurrentSubject =
  | { readonly kind: 'resource'; readonly type: ResourceType; readonly state: ResourceState }
  | { readonly kind: 'roleMappings'; readonly current: RoleMappingsVersion };

/**
 * Reads what changes are about as it is now: one query for each type. Of deleted resources there is nothing, and of several
 * changes of the role mappings only the last has them.
 */
export async function readCurrentSubjects(
  database: Database,
  registry: SchemaRegistry,
  head: HeadDocument,
  records: readonly ChangeDocument[],
): Promise<ReadonlyMap<ChangeDocument, CurrentSubject>> {
  const found = new Map<ChangeDocument, CurrentSubject>();
  for (const [name, about] of Map.groupBy(records, ({ content }) => resourceOf(content)?.resourceType)) {
    const type = name === undefined ? undefined : registry.resourceType(name);
    if (!type) continue;
    const byKey = Map.groupBy(about, ({ content }) =>
      resourceKey(head.connection, resourceOf(content)?.id ?? ''),
    );
    const points = database.points([...byKey.keys()], head.connection);
    for (const document of await database.resources(type).find(points).toArray()) {
      const subject = { kind: 'resource', type, state: storedResource(document) } as const;
      for (const record of byKey.get(document._id) ?? []) found.set(record, subject);
    }
  }
  const edit = records.findLast(({ content }) => content.kind === 'roleMappings');
  if (!edit) return found;
  const { version } = head.roleMappings ?? noRoleMappings;
  const current = await readRoleMappings(database, head.connection, version);
  if (current) found.set(edit, { kind: 'roleMappings', current });
  return found;
}

/** The user or group that a change is about; undefined when it is about none. */
function resourceOf(
  content: ChangeContent,
): { readonly resourceType: string; readonly id: string } | undefined {
  if (content.kind === 'resource') return content;
  return content.kind === 'membership' ? { resourceType: 'Group', id: content.group } : undefined;
}
