import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import { extensionUrn, isExtensionField } from '#scim/declared-extensions.ts';
import { type JsonObject, jsonEqual } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { isActive } from './active.ts';
import type { ResourceChangeContent, ResourceState } from './decision.ts';

/** The record of a resource's creation. */
export function createdRecord(
  own: ResourceType,
  { id, version, resource }: ResourceState,
): ResourceChangeContent {
  const action = ResourceAction.CREATED;
  return {
    kind: 'resource',
    resourceType: own.name,
    id,
    action,
    version,
    ...activeOf(own, resource, resource),
    attributes: [],
  };
}

/** The record of a change of a resource's own attributes. @param before what was stored. */
export function updatedRecord(
  own: ResourceType,
  before: JsonObject,
  { id, version, resource }: ResourceState,
): ResourceChangeContent {
  return {
    kind: 'resource',
    resourceType: own.name,
    id,
    action: ResourceAction.UPDATED,
    version,
    ...activeOf(own, resource, before),
    attributes: changedAttributes(own, before, resource),
  };
}

function activeOf(
  type: ResourceType,
  resource: JsonObject,
  before: JsonObject,
): Pick<ResourceChangeContent, 'active' | 'wasActive'> {
  if (type.name !== 'User') return {};
  const active = isActive(resource);
  return { active, ...(active !== isActive(before) && { wasActive: !active }) };
}

/** The top-level attributes that differ; of a declared extension its URN. */
function changedAttributes(own: ResourceType, before: JsonObject, after: JsonObject): string[] {
  const urns = new Map(
    own.extensions.map(({ field, declared, schema }) => [field, declared ? schema.id : field]),
  );
  const nameOf = (key: string) => urns.get(key) ?? (isExtensionField(key) ? extensionUrn(key) : key);
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys]
    .filter((key) => !jsonEqual(before[key] ?? null, after[key] ?? null))
    .map(nameOf)
    .sort();
}
