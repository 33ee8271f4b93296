import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { BatchGetAccessRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { createSharedReads, type SharedReads } from '#rpc/shared-reads.ts';
import type { AccessSnapshot } from './access-cache.ts';
import type { DirectoryClient } from './directory-client.ts';
import { groupOfUser } from './group-of-user.ts';
import { rolesAnswer } from './role-answer.ts';

/** What questions about users that travel together have in common. */
export type AccessSubject = Pick<BatchGetAccessRequest, 'connectionId' | 'freshness'>;

// As many as the directory takes.
const maxBatch = 100;

/** Makes what asks the directory about users by their ids. Fails for one who is unknown with RESOURCE_NOT_FOUND. */
export function createAccessReads(
  directory: Pick<DirectoryClient, 'roles'>,
): SharedReads<AccessSubject, string, AccessSnapshot> {
  return createSharedReads<AccessSubject, string, AccessSnapshot>({
    maxBatch,
    read: (subject, users) => readAccess(directory, subject, users),
  });
}

async function readAccess(
  directory: Pick<DirectoryClient, 'roles'>,
  subject: AccessSubject,
  userIds: readonly string[],
): Promise<(AccessSnapshot | RpcError)[]> {
  const request = BatchGetAccessRequest.fromPartial({ ...subject, userIds: [...userIds] });
  const answers: AccessSnapshot[] = [];
  let position: number | undefined;
  for await (const { asOf, users } of directory.roles.batchGetAccess(request)) {
    position ??= asOf;
    for (const { user, groups } of users) {
      if (user) answers.push({ ...rolesAnswer(user), groups: [], asOf: position });
      answers.at(-1)?.groups.push(...groups.map(groupOfUser));
    }
  }
  return answers.map((answer) => (answer.known ? answer : unknownUser(answer.user)));
}

function unknownUser(id: string): RpcError {
  const metadata = { resource_type: 'User', id };
  return new RpcError(ErrorReason.RESOURCE_NOT_FOUND, 'No User has this id.', metadata);
}
