import type { MappingsInForce } from '#proto/rollcall/directory/v1/change_service.ts';
import type { Identity } from '#proto/rollcall/directory/v1/identity.ts';
import { Group } from '#proto/rollcall/scim/v1/group.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import type { CurrentSubject } from '../current-subjects.ts';
import type { RoleMappingsVersion } from '../decision.ts';
import { createIdentityReader, type IdentityReader, mappingOf } from '../identity.ts';
import type { HeadDocument } from '../mongo/documents.ts';
import { answerMessage } from './answer-message.ts';

/** What a change is about, or an export holds, as a part of a message: as it is stored, with nothing computed. */
export interface SubjectPart {
  /** The user, the group or the role mappings. */
  readonly part:
    | { readonly $case: 'user'; readonly value: User }
    | { readonly $case: 'group'; readonly value: Group }
    | { readonly $case: 'mappingsInForce'; readonly value: MappingsInForce };
  /** What internal services know a user by; absent for what is none. */
  readonly identity: Identity | undefined;
}

/** Makes what turns what was read of a connection, with this head, into parts of messages. */
export function createSubjectParts(head: HeadDocument): (subject: CurrentSubject) => SubjectPart {
  let identityOf: IdentityReader | undefined;
  return (subject) => {
    if (subject.kind === 'roleMappings')
      return {
        part: { $case: 'mappingsInForce', value: mappingsInForce(subject.current) },
        identity: undefined,
      };
    const { type, state } = subject;
    const message = answerMessage(type, state, {});
    if (type.name !== 'User')
      return { part: { $case: 'group', value: Group.fromPartial(message) }, identity: undefined };
    identityOf ??= createIdentityReader(type, mappingOf(head));
    return {
      part: { $case: 'user', value: User.fromPartial(message) },
      identity: identityOf(state.resource),
    };
  };
}

function mappingsInForce({ version, mappings }: RoleMappingsVersion): MappingsInForce {
  return { version, mappings };
}
