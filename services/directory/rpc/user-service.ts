import {
  CreateUserResponse,
  DeleteUserResponse,
  GetUserResponse,
  PatchUserResponse,
  ReplaceUserResponse,
  type UserServiceService,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { IdentityReaderOf } from '../identity.ts';
import { readIdentityMatch } from './request-checks.ts';
import { chunksOf } from './resource-chunks.ts';
import type { ResourceService } from './resource-service.ts';

/** Serves UserService. */
export function userService(
  users: ResourceService,
  identityReaderOf: IdentityReaderOf,
): ServiceHandlers<typeof UserServiceService> {
  return {
    async createUser(request, call) {
      const { message, position } = await users.create(request, request.user, undefined, call);
      return CreateUserResponse.fromPartial({ user: User.fromPartial(message), position });
    },
    async getUser(request, call) {
      const { type, message, state, asOf, head, deletedAt } = await users.get(request, call);
      const identity = identityReaderOf(type, head)(state.resource);
      return GetUserResponse.fromPartial({ user: User.fromPartial(message), asOf, deletedAt, identity });
    },
    async *listUsers(request, call) {
      const identity = readIdentityMatch(request.identity);
      const { header, resources, head } = await users.list({ ...request, identity }, call);
      yield { part: { $case: 'header', value: header } };
      for (const { type, resources: chunk } of chunksOf(resources, () => false)) {
        const identityOf = identityReaderOf(type, head);
        const listed = chunk.map(({ message, state }) => ({
          user: User.fromPartial(message),
          identity: identityOf(state.resource),
        }));
        yield { part: { $case: 'users', value: { users: listed } } };
      }
    },
    async replaceUser(request, call) {
      const { message, position, changed } = await users.replace(request, request.user, undefined, call);
      return ReplaceUserResponse.fromPartial({ user: User.fromPartial(message), position, changed });
    },
    async patchUser(request, call) {
      const { message, position, changed } = await users.patch(request, [], call);
      return PatchUserResponse.fromPartial({ user: User.fromPartial(message), position, changed });
    },
    async deleteUser(request, call) {
      return DeleteUserResponse.fromPartial(await users.delete(request, call));
    },
  };
}
