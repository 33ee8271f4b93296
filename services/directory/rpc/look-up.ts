import type {
  LookUpResourcesRequest,
  LookUpResourcesResponse,
} from '#proto/rollcall/directory/v1/search_service.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { LookUpResources } from '../look-up-resources.ts';
import type { LookUp } from '../mongo/find-looked-up.ts';
import { answerMessage } from './answer-message.ts';
import {
  checkConnection,
  readFreshness,
  readLimits,
  readMask,
  requestInvalid,
  required,
} from './request-checks.ts';

const maxLookUps = 100;

/** Answers LookUpResources. */
export async function answerLookUps(
  type: ResourceType,
  lookUpResources: LookUpResources,
  request: LookUpResourcesRequest,
  call: CallContext,
): Promise<LookUpResourcesResponse> {
  if (request.lookUps.length > maxLookUps)
    throw requestInvalid('look_ups', `must be at most ${maxLookUps} questions`);
  const lookUps = request.lookUps.map(({ by }): LookUp => {
    const { $case, value } = required(by, 'look_ups.by');
    return $case === 'id' ? { id: value } : { filter: value };
  });
  const { asOf, result } = await lookUpResources(
    type,
    checkConnection(request.connectionId),
    lookUps,
    readMask(request.mask),
    readFreshness(request.freshness),
    readLimits(call),
  );
  const answers = result.answers.map((found) => {
    const messages = found?.map(({ state, derived }) => answerMessage(result.type, state, derived)) ?? [];
    const ofType = (name: string) => (type.name === name ? messages : []);
    return {
      alone: found === undefined,
      users: ofType('User').map((message) => User.fromPartial(message)),
      groups: ofType('Group').map((message) => Group.fromPartial(message)),
    };
  });
  return { answers, asOf };
}
