import type {
  LookUp as LookUpMessage,
  LookUpResourcesRequest,
  LookUpResourcesResponse,
} from '#proto/rollcall/directory/v1/search_service.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { CallContext } from '#rpc/rpc-handlers.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { IdentityReaderOf } from '../identity.ts';
import type { LookUpResources } from '../look-up-resources.ts';
import type { LookUp } from '../mongo/find-looked-up.ts';
import { answerMessage } from './answer-message.ts';
import {
  checkConnection,
  readFreshness,
  readIdentityMatch,
  readLimits,
  readMask,
  requestInvalid,
  required,
} from './request-checks.ts';

const maxLookUps = 100;

/** What answers look-ups. */
export interface LookUpSources {
  /** Finds the resources. */
  readonly lookUpResources: LookUpResources;
  /** Reads the identities of users. */
  readonly identityReaderOf: IdentityReaderOf;
}

/** Answers LookUpResources. */
export async function answerLookUps(
  type: ResourceType,
  { lookUpResources, identityReaderOf }: LookUpSources,
  request: LookUpResourcesRequest,
  call: CallContext,
): Promise<LookUpResourcesResponse> {
  if (request.lookUps.length > maxLookUps)
    throw requestInvalid('look_ups', `must be at most ${maxLookUps} questions`);
  const lookUps = request.lookUps.map((question) => readLookUp(question, type));
  const { asOf, result } = await lookUpResources(
    type,
    checkConnection(request.connectionId),
    lookUps,
    readMask(request.mask),
    readFreshness(request.freshness),
    readLimits(call),
  );
  const identityOf = request.withIdentities ? identityReaderOf(result.type, result.head) : undefined;
  const answers = result.answers.map((found) => {
    const messages = found?.map(({ state, derived }) => answerMessage(result.type, state, derived)) ?? [];
    const ofType = (name: string) => (type.name === name ? messages : []);
    return {
      alone: found === undefined,
      users: ofType('User').map((message) => User.fromPartial(message)),
      groups: ofType('Group').map((message) => Group.fromPartial(message)),
      identities: (identityOf && found?.map(({ state }) => identityOf(state.resource))) ?? [],
    };
  });
  return { answers, asOf };
}

function readLookUp({ by }: LookUpMessage, type: ResourceType): LookUp {
  const { $case, value } = required(by, 'look_ups.by');
  if ($case === 'id') return { id: value };
  if ($case === 'filter') return { filter: value };
  if (type.name !== 'User') throw requestInvalid('look_ups.identity', 'only users have an identity');
  return { identity: required(readIdentityMatch(value), 'look_ups.identity') };
}
