import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { GetUserRequest, ListUsersRequest } from '#proto/rollcall/directory/v1/user_service.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import type { DirectorySession } from './directory-session.ts';

/** By what a user may stand in the log: what the operator typed, and the id or userName that go with it today. */
export async function namesOfUser(
  { users }: DirectorySession,
  connectionId: string,
  typed: string,
): Promise<readonly string[]> {
  try {
    const request = GetUserRequest.fromPartial({ connectionId, id: typed.toLowerCase() });
    const { user } = await users.getUser(request);
    return [typed, user?.userName ?? ''].filter((name) => name !== '');
  } catch (error) {
    const isUnknown = error instanceof RpcError && error.reason === ErrorReason.RESOURCE_NOT_FOUND;
    if (!isUnknown) throw error;
  }
  const type = createSchemaRegistry().resourceType('User');
  if (type === undefined) throw new Error('There is no resource type User.');
  const filter = parseFilter(type, `userName eq ${JSON.stringify(typed)}`);
  const names = [typed];
  for await (const { part } of users.listUsers(ListUsersRequest.fromPartial({ connectionId, filter }))) {
    if (part?.$case !== 'users') continue;
    for (const { user } of part.value.users) if (user?.id !== undefined) names.push(user.id);
  }
  return names;
}
