import type { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import type { MembershipReads } from '../memberships.ts';
import { readMembers } from './group-members.ts';
import { answerLookUps, type LookUpSources } from './look-up.ts';
import { requestInvalid } from './request-checks.ts';
import { chunksOf } from './resource-chunks.ts';
import type { ListResources } from './resource-lists.ts';

/** Serves SearchService. */
export function searchService(
  registry: SchemaRegistry,
  listResources: ListResources,
  lookUpSources: LookUpSources,
  memberships: MembershipReads,
): ServiceHandlers<typeof SearchServiceService> {
  function typeNamed(name: string, field: string): ResourceType {
    const type = registry.resourceTypes.find((known) => known.name === name);
    if (type) return type;
    const known = registry.resourceTypes.map((other) => other.name).join(', ');
    throw requestInvalid(field, `must be one of ${known}`);
  }

  return {
    lookUpResources: (request, call) =>
      answerLookUps(typeNamed(request.resourceType, 'resource_type'), lookUpSources, request, call),
    async *searchResources(request, call) {
      const types = request.types.map(({ resourceType, filter, sortBy }) => ({
        type: typeNamed(resourceType, 'types.resource_type'),
        filter,
        sortBy,
      }));
      if (types.length === 0) throw requestInvalid('types', 'names no type; name at least one');
      if (new Set(types.map(({ type }) => type)).size < types.length)
        throw requestInvalid('types', 'names a type twice; name each once');
      const { header, resources, head } = await listResources({ ...request, types }, call);
      yield { part: { $case: 'header', value: header } };
      const hasMembers = (type: ResourceType) => type.name === 'Group' && !request.mask?.withoutMembers;
      for (const { type, resources: chunk } of chunksOf(resources, hasMembers)) {
        if (type.name === 'User') {
          const users = chunk.map(({ message }) => User.fromPartial(message));
          yield { part: { $case: 'users', value: { users } } };
          continue;
        }
        const groups = chunk.map(({ message }) => Group.fromPartial(message));
        yield { part: { $case: 'groups', value: { groups } } };
        if (!hasMembers(type)) continue;
        for (const { state } of chunk)
          for await (const members of readMembers(memberships, head, state.id))
            yield { part: { $case: 'members', value: members } };
      }
    },
  };
}
