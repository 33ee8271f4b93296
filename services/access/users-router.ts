import { z } from 'zod';
import type { IdentityMatch } from '#proto/rollcall/directory/v1/identity.ts';
import type { LookUp } from '#proto/rollcall/directory/v1/search_service.ts';
import {
  GetUserRequest,
  ListUsersRequest,
  type ListUsersResponse,
} from '#proto/rollcall/directory/v1/user_service.ts';
import type { FilterReader } from './connection-filters.ts';
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

/** Values of `identity`, compared as the attribute is that the connection maps: most whatever the letter case. */
const identityFields = {
  /** The user's `identity.login`. */
  login: attributeText.optional(),
  /** The user's `identity.email`. */
  email: attributeText.optional(),
  /** The user's `identity.externalId`. */
  externalId: attributeText.optional(),
};

const getFields = ['id', 'login', 'email', 'externalId', 'userName'] as const;
type GetField = (typeof getFields)[number];

const getInput = queryInput({
  /** One of these five says which user. */
  id: resourceId.optional(),
  ...identityFields,
  /** The attribute `userName`, whatever its letter case and however the login is mapped. */
  userName: attributeText.optional(),
  /** Also the groups the user is a direct member of. */
  withGroups,
});

const findInput = queryInput({
  /** At most one of these five says which users; all without. A SCIM filter, such as `title sw "Eng"`, also on custom attributes. */
  filter: z.string().min(1).optional(),
  ...identityFields,
  /** The user's displayName, whatever its letter case. */
  name: attributeText.optional(),
  /** Also the groups each user is a direct member of. */
  withGroups,
  ...pageFields,
});

/** `users.get` and `users.find`. */
export function createUsersRouter(directory: DirectoryClient, readFilter: FilterReader) {
  return router({
    /**
     * One user by `id`, by a part of its identity (`login`, `email` or `externalId`), or by `userName`; by its id also one
     * that is deleted but kept, with `deletedAt`. Fails with RESOURCE_NOT_FOUND, and with REQUEST_INVALID when several
     * users have the value.
     * @example
     * const { user } = await rollcall.users.get.query({ connection, login: 'ada@example.com' });
     */
    get: connectionProcedure
      .input(getInput)
      .query(async ({ ctx, input }): Promise<{ user: UserAnswer; asOf: number }> => {
        const given = oneField(input, getFields);
        const { name, value } = given;
        const common = {
          connectionId: ctx.connection,
          mask: { withoutGroups: !input.withGroups },
          freshness: freshness(input),
        };
        const subject = { ...common, resourceType: 'User', withIdentities: true };
        const found = await directory.lookUp(subject, questionOf(name, value), ctx.call.signal);
        if (found) {
          const users = found.users.map((user, index) => ({ user, identity: found.identities[index] }));
          return { user: userAnswer(onlyResource(users, 'User', given), input), asOf: found.asOf };
        }
        if (name === 'id') {
          const request = GetUserRequest.fromPartial({ ...common, id: value, includeDeleted: true });
          const { user, identity, asOf, deletedAt } = await directory.users.getUser(request, ctx.call);
          if (user === undefined) throw new Error('The directory answered without the user');
          return { user: userAnswer({ user, identity }, input, deletedAt), asOf };
        }
        const request = ListUsersRequest.fromPartial({
          ...common,
          ...selection(name, value),
          page: { pageSize: 2 },
        });
        const { page, resources } = await readList(directory.users.listUsers(request, ctx.call), usersIn);
        return { user: userAnswer(onlyResource(resources, 'User', given), input), asOf: page.asOf };
      }),

    /**
     * A page of users, oldest first. Fails with FILTER_INVALID, PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED.
     * @example
     * const { users, total } = await rollcall.users.find.query({ connection, filter: 'title sw "Eng" and active eq true' });
     */
    find: connectionProcedure
      .input(findInput)
      .query(async ({ ctx, input }): Promise<{ users: UserAnswer[] } & PageAnswer> => {
        const given = atMostOneField(input, ['filter', 'login', 'email', 'externalId', 'name']);
        const filter = (text: string) => readFilter(ctx.connection, 'User', text, ctx.call);
        const request = ListUsersRequest.fromPartial({
          connectionId: ctx.connection,
          ...(given?.name === 'filter' && { filter: await filter(given.value) }),
          ...(given && given.name !== 'filter' && selection(given.name, given.value)),
          page: pageRequest(input),
          mask: { withoutGroups: !input.withGroups },
          freshness: freshness(input),
        });
        const { page, resources } = await readList(directory.users.listUsers(request, ctx.call), usersIn);
        return { users: resources.map((user) => userAnswer(user, input)), ...page };
      }),
  });
}

function usersIn({ part }: ListUsersResponse) {
  const listed = part?.$case === 'users' ? part.value.users : [];
  return listed.flatMap(({ user, identity }) => (user ? [{ user, identity }] : []));
}

/** What is looked up for what was given. */
function questionOf(name: GetField, value: string): NonNullable<LookUp['by']> {
  if (name === 'id') return { $case: 'id', value };
  if (name === 'userName') return { $case: 'filter', value: equalsFilter(name, value) };
  return { $case: 'identity', value: { part: { $case: name, value } } };
}

/** The fields of a request that select what was given. */
function selection(
  name: 'name' | 'userName' | NonNullable<IdentityMatch['part']>['$case'],
  value: string,
): Pick<ListUsersRequest, 'filter' | 'identity'> {
  switch (name) {
    case 'userName':
      return { filter: equalsFilter('userName', value), identity: undefined };
    case 'name':
      return { filter: equalsFilter('displayName', value), identity: undefined };
    default:
      return { filter: undefined, identity: { part: { $case: name, value } } };
  }
}
