import {
  CreateUserResponse,
  DeleteUserResponse,
  GetUserResponse,
  ListUsersResponse,
  PatchUserResponse,
  ReplaceUserResponse,
  type UserServiceService,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { ResourceService } from './resource-service.ts';

/** Serves UserService. */
export function userService(users: ResourceService): ServiceHandlers<typeof UserServiceService> {
  return {
    async createUser(request, call) {
      const { message, position } = await users.create(request, request.user, undefined, call);
      return CreateUserResponse.fromPartial({ user: User.fromPartial(message), position });
    },
    async getUser(request, call) {
      const { message, asOf, deletedAt } = await users.get(request, call);
      return GetUserResponse.fromPartial({ user: User.fromPartial(message), asOf, deletedAt });
    },
    async *listUsers(request, call) {
      const { header, messages } = await users.list(request, call);
      yield ListUsersResponse.fromPartial({ part: { $case: 'header', value: header } });
      for (const message of messages)
        yield ListUsersResponse.fromPartial({ part: { $case: 'user', value: User.fromPartial(message) } });
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
