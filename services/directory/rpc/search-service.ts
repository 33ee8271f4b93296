import {
  SearchResourcesResponse,
  type SearchServiceService,
} from '#proto/rollcall/directory/v1/search_service.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import type { LookUpResources } from '../look-up-resources.ts';
import type { MembershipReads } from '../memberships.ts';
import { readMembers } from './group-members.ts';
import { answerLookUps } from './look-up.ts';
import { requestInvalid } from './request-checks.ts';
import type { ListResources } from './resource-lists.ts';

/** Serves SearchService. */
export function searchService(
  registry: SchemaRegistry,
  listResources: ListResources,
  lookUpResources: LookUpResources,
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
      answerLookUps(typeNamed(request.resourceType, 'resource_type'), lookUpResources, request, call),
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
      const answer = (part: NonNullable<SearchResourcesResponse['part']>) =>
        SearchResourcesResponse.fromPartial({ part });
      yield answer({ $case: 'header', value: header });
      for (const { type, message } of resources) {
        if (type.name === 'User') {
          yield answer({ $case: 'user', value: User.fromPartial(message) });
          continue;
        }
        const group = Group.fromPartial(message);
        yield answer({ $case: 'group', value: group });
        if (request.mask?.withoutMembers || group.id === undefined) continue;
        for await (const members of readMembers(memberships, head, group.id))
          yield answer({ $case: 'members', value: members });
      }
    },
  };
}
