import type { Change } from '#proto/rollcall/directory/v1/change_service.ts';
import { affectedBy } from '../affected.ts';
import { changeType } from '../change-type.ts';
import type { ChangeContent } from '../decision.ts';
import type { ChangeDocument } from '../mongo/documents.ts';
import type { SubjectPart } from './subject-part.ts';

/** A change as callers get it, with what it is about as that is now, when that is given. */
export function changeMessage(
  { position, time, requestId, content }: ChangeDocument,
  subject: SubjectPart | undefined,
): Change {
  const { users, groups, everyone } = affectedBy(content);
  return {
    position,
    time,
    requestId,
    what: whatOf(content),
    type: changeType(content),
    affected: { userIds: [...users], groupIds: [...groups], everyone },
    resourceAfter: subject?.part,
    identity: subject?.identity,
  };
}

function whatOf(content: ChangeContent): Change['what'] {
  switch (content.kind) {
    case 'membership': {
      const { group, added, removed } = content;
      const version = String(content.version);
      return {
        $case: 'membership',
        value: { groupId: group, added: [...added], removed: [...removed], version },
      };
    }
    case 'resource': {
      const { resourceType, id, action, active, attributes } = content;
      const version = String(content.version);
      return {
        $case: 'resource',
        value: { resourceType, id, action, version, active, attributes: [...attributes] },
      };
    }
    case 'roleMappings': {
      const { version, author, mappings } = content;
      return { $case: 'mappings', value: { version, author, mappingIds: [...mappings] } };
    }
    case 'validity':
      return { $case: 'validity', value: { began: [...content.began], ended: [...content.ended] } };
    case 'protectedRole':
      return { $case: 'protectedRole', value: { role: content.role } };
    case 'connection':
      return { $case: 'connection', value: { settings: [...content.settings] } };
  }
}
