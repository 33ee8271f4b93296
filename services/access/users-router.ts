import { z } from 'zod';
import { GetUserRequest, ListUsersRequest } from '#proto/rollcall/directory/v1/user_service.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { DirectoryClient } from './directory-client.ts';
import {
  atMostOneField,
  attributeText,
  equalsFilter,
  oneField,
  pageFields,
  pageRequest,
  resourceId,
} from './find-input.ts';
import { onlyResource, type PageAnswer, readList } from './list-answer.ts';
import { type UserAnswer, userAnswer } from './resource-answer.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

const withGroups = z.boolean().default(false);

const getInput = queryInput({
  /** One of these three says which user. */
  id: resourceId.optional(),
  /** Whatever its letter case. */
  userName: attributeText.optional(),
  /** The id the identity provider gave. */
  externalId: attributeText.optional(),
  /** Also the groups the user is a direct member of. */
  withGroups,
});

const findInput = queryInput({
  /** At most one of these three says which users; all without. A SCIM filter, such as `title sw "Eng"`. */
  filter: z.string().min(1).optional(),
  /** One of the user's e-mail addresses, whatever its letter case. */
  email: attributeText.optional(),
  /** The user's displayName, whatever its letter case. */
  name: attributeText.optional(),
  /** Also the groups each user is a direct member of. */
  withGroups,
  ...pageFields,
});

/** `users.get` and `users.find`. */
export function createUsersRouter(directory: DirectoryClient, userType: ResourceType) {
  return router({
    /**
     * One user by `id`, `userName` or `externalId`; by its id also one that is deleted but kept, with `deletedAt`. Fails
     * with RESOURCE_NOT_FOUND.
     */
    get: connectionProcedure
      .input(getInput)
      .query(async ({ ctx, input }): Promise<{ user: UserAnswer; asOf: number }> => {
        const given = oneField(input, ['id', 'userName', 'externalId']);
        const common = {
          connectionId: ctx.connection,
          mask: { withoutGroups: !input.withGroups },
          freshness: freshness(input),
        };
        if (given.name === 'id') {
          const request = GetUserRequest.fromPartial({ ...common, id: given.value, includeDeleted: true });
          const { user, asOf, deletedAt } = await directory.users.getUser(request, ctx.call);
          if (user === undefined) throw new Error('The directory answered without the user');
          return { user: userAnswer(user, input, deletedAt), asOf };
        }
        const request = ListUsersRequest.fromPartial({
          ...common,
          filter: equalsFilter(given.name, given.value),
          page: { pageSize: 2 },
        });
        const { page, resources } = await readList(directory.users.listUsers(request, ctx.call), 'user');
        return { user: userAnswer(onlyResource(resources, 'User', given), input), asOf: page.asOf };
      }),

    /** A page of users, oldest first. Fails with FILTER_INVALID, PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED. */
    find: connectionProcedure
      .input(findInput)
      .query(async ({ ctx, input }): Promise<{ users: UserAnswer[] } & PageAnswer> => {
        const request = ListUsersRequest.fromPartial({
          connectionId: ctx.connection,
          filter: userFilter(userType, input),
          page: pageRequest(input),
          mask: { withoutGroups: !input.withGroups },
          freshness: freshness(input),
        });
        const { page, resources } = await readList(directory.users.listUsers(request, ctx.call), 'user');
        return { users: resources.map((user) => userAnswer(user, input)), ...page };
      }),
  });
}

function userFilter(userType: ResourceType, input: z.output<typeof findInput>): Filter | undefined {
  const given = atMostOneField(input, ['filter', 'email', 'name']);
  if (given === undefined) return undefined;
  if (given.name === 'filter') return parseFilter(userType, given.value);
  return equalsFilter(given.name === 'email' ? 'emails.value' : 'displayName', given.value);
}
