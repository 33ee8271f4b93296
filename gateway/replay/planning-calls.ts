import type { PlannedMembers } from '#proto/rollcall/directory/v1/group_service.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Call, FoundResource, ResourceCalls, WrittenResource } from '../directory/resource-calls.ts';

/** A write that was decided and not made. */
export interface Plan {
  /** The type of the resource. */
  readonly resourceType: ResourceType;
  /** The resource's id. */
  readonly id: string;
  /** The resource as it is; absent for one that would be created. */
  readonly before?: FoundResource['message'];
  /** The resource as it would be; absent for one that would be deleted. */
  readonly after?: FoundResource['message'];
  /** What would happen to a group's members. */
  readonly members?: PlannedMembers | undefined;
}

/** Makes calls that decide every write and make none; `onPlan` is told of each that was not refused. */
export function createPlanningCalls(
  calls: ResourceCalls,
  resourceType: ResourceType,
  onPlan: (plan: Plan) => void,
): ResourceCalls {
  const planned = (call: Call): Call => ({ ...call, validateOnly: true });

  async function current(call: Call, id: string, mask: ResourceMask) {
    return (await calls.get(call, id, { ...mask, withoutMembers: true })).message;
  }

  async function change(
    call: Call,
    id: string,
    mask: ResourceMask,
    write: () => Promise<WrittenResource>,
  ): Promise<WrittenResource> {
    const written = await write();
    const before = await current(call, id, mask);
    onPlan({ resourceType, id, before, after: written.message, members: written.plannedMembers });
    return written;
  }

  return {
    get: calls.get,
    async create(call, id, resource, mask) {
      const written = await calls.create(planned(call), id, resource, mask);
      const { message, plannedMembers } = written;
      onPlan({ resourceType, id: String(message.id), after: message, members: plannedMembers });
      return written;
    },
    replace: (call, id, resource, mask, version) =>
      change(call, id, mask, () => calls.replace(planned(call), id, resource, mask, version)),
    patch: (call, id, changes, mask, version) =>
      change(call, id, mask, () => calls.patch(planned(call), id, changes, mask, version)),
    async delete(call, id, version) {
      const position = await calls.delete(planned(call), id, version);
      const mask = { withoutGroups: false, withoutNames: true, withoutMembers: true };
      onPlan({ resourceType, id, before: await current(call, id, mask) });
      return position;
    },
  };
}
