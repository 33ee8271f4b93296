import { isJsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceState } from '../decision.ts';
import type { DerivedValues } from '../derived-values.ts';
import { resourceToMessage } from '../resource-message.ts';

/** A resource's message as a plain object: what is stored, what the server sets, and what is computed. */
export function answerMessage(type: ResourceType, state: ResourceState, derived: DerivedValues): object {
  const { id, resource, version, created, lastModified } = state;
  const { groups, managerName } = derived;
  const { enterprise } = resource;
  return {
    ...resourceToMessage(type, resource),
    id,
    meta: { resourceType: type.name, created, lastModified, version: String(version) },
    ...(groups && { groups }),
    ...(managerName !== undefined &&
      isJsonObject(enterprise) &&
      isJsonObject(enterprise.manager) && {
        enterprise: { ...enterprise, manager: { ...enterprise.manager, displayName: managerName } },
      }),
  };
}
