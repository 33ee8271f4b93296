import {
  CreateUserRequest,
  DeleteUserRequest,
  GetUserRequest,
  PatchUserRequest,
  ReplaceUserRequest,
  type UserServiceService,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { RpcClient } from '#rpc/rpc-client.ts';
import type { SharedLookUps } from '#rpc/shared-look-ups.ts';
import { type ResourceCalls, requestOf } from './resource-calls.ts';

/** The calls for users. */
export function createUserCalls(
  users: RpcClient<typeof UserServiceService>,
  lookUp: SharedLookUps,
): ResourceCalls {
  return {
    async create(call, id, { resource }, mask) {
      const user = User.fromPartial(resource);
      const request = { ...requestOf(call), id, user, mask };
      return written(await users.createUser(CreateUserRequest.fromPartial(request), call));
    },
    async get(call, id, mask) {
      const subject = { connectionId: call.connectionId, resourceType: 'User', mask };
      const [found] = (await lookUp(subject, { $case: 'id', value: id }, call.signal))?.users ?? [];
      if (found) return { message: { ...found } };
      const { user } = await users.getUser(
        GetUserRequest.fromPartial({ ...requestOf(call), id, mask }),
        call,
      );
      return { message: { ...user } };
    },
    async replace(call, id, { resource }, mask, expectedVersion) {
      const user = User.fromPartial(resource);
      const request = { ...requestOf(call), id, user, mask, expectedVersion };
      return written(await users.replaceUser(ReplaceUserRequest.fromPartial(request), call));
    },
    async patch(call, id, { operations, onNoTarget }, mask, expectedVersion) {
      const request = {
        ...requestOf(call),
        id,
        operations: [...operations],
        onNoTarget,
        mask,
        expectedVersion,
      };
      return written(await users.patchUser(PatchUserRequest.fromPartial(request), call));
    },
    async delete(call, id, expectedVersion) {
      const request = { ...requestOf(call), id, expectedVersion };
      return (await users.deleteUser(DeleteUserRequest.fromPartial(request), call)).position;
    },
  };
}

function written({ user, position }: { user: User | undefined; position: number }) {
  return { message: { ...user }, position };
}
