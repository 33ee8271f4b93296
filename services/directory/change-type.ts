import { ChangeType, ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import type { ChangeContent, ResourceChangeContent } from './decision.ts';

/** What a change is called for those who follow the log. */
export function changeType(content: ChangeContent): ChangeType {
  switch (content.kind) {
    case 'membership':
      return ChangeType.MEMBERS_CHANGED;
    case 'resource':
      return content.resourceType === 'User' ? userChangeType(content) : groupChangeType(content);
    case 'roleMappings':
      return ChangeType.MAPPINGS_CHANGED;
    case 'validity':
      return ChangeType.ACCESS_CHANGED;
    case 'protectedRole':
      return ChangeType.ROLE_UNHELD;
    case 'connection':
      return ChangeType.CONNECTION_CHANGED;
  }
}

function userChangeType({ action, active, wasActive }: ResourceChangeContent): ChangeType {
  switch (action) {
    case ResourceAction.CREATED:
      return ChangeType.USER_CREATED;
    case ResourceAction.DELETED:
    case ResourceAction.DEACTIVATED:
      return ChangeType.USER_DELETED;
    default:
      if (wasActive === undefined) return ChangeType.USER_UPDATED;
      return active ? ChangeType.USER_ACTIVATED : ChangeType.USER_DEACTIVATED;
  }
}

function groupChangeType({ action }: ResourceChangeContent): ChangeType {
  switch (action) {
    case ResourceAction.CREATED:
      return ChangeType.GROUP_CREATED;
    case ResourceAction.DELETED:
      return ChangeType.GROUP_DELETED;
    default:
      return ChangeType.GROUP_UPDATED;
  }
}
