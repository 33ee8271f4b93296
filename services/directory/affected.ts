import type { ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import { changeType } from './change-type.ts';
import type { ChangeContent } from './decision.ts';

/** Whose groups and access a change may have altered. */
export interface Affected {
  /** Ids of users. */
  readonly users: readonly string[];
  /** Ids of groups: they and everyone below them, as it was before the change and as it is after it. */
  readonly groups: readonly string[];
  /** Everyone in the connection. */
  readonly everyone: boolean;
}

/** Which changes somebody wants to hear of; an empty list leaves none out. */
export interface ChangeFilter {
  /** Only changes of these types. */
  readonly types: ReadonlySet<ChangeType>;
  /** Only changes that may affect one of these users. */
  readonly users: ReadonlySet<string>;
}

/** Says whom a change may have affected. Nothing is looked up, so it is a bound and not a list of who gained or lost. */
export function affectedBy(content: ChangeContent): Affected {
  switch (content.kind) {
    case 'membership': {
      const groups = new Set(content.groups);
      const members = [...content.removed, ...content.added];
      return {
        users: members.filter((id) => !groups.has(id)),
        groups: members.filter((id) => groups.has(id)),
        everyone: false,
      };
    }
    case 'resource':
      return content.resourceType === 'User'
        ? { users: [content.id], groups: [], everyone: false }
        : { users: [], groups: [content.id], everyone: false };
    case 'roleMappings':
    case 'validity':
    case 'connection':
      return { users: [], groups: [], everyone: true };
    // It tells what another change did.
    case 'protectedRole':
      return { users: [], groups: [], everyone: false };
  }
}

/** Whether a filter lets a change through. */
export function passes({ types, users }: ChangeFilter, content: ChangeContent): boolean {
  if (types.size > 0 && !types.has(changeType(content))) return false;
  if (users.size === 0) return true;
  const affected = affectedBy(content);
  return affected.everyone || affected.groups.length > 0 || affected.users.some((id) => users.has(id));
}
