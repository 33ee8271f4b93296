import type { PreviewSummary, UserRoleChange } from '#proto/rollcall/directory/v1/role_service.ts';
import { printable } from './exchange-text.ts';
import { toTable } from './print.ts';

/** What role mappings would change, for people: numbers first, then some users, then what to look at. */
export function previewText(users: readonly UserRoleChange[], summary: PreviewSummary): string {
  const { roles, users: count, complete, lastHolderRoles, withoutGroup } = summary;
  const parts = [
    count === 0
      ? 'No user would gain or lose a role.'
      : `${complete ? count : `More than ${count}`} users would gain or lose a role.`,
    roles.length === 0
      ? ''
      : toTable(roles.map(({ role, gained, lost }) => ({ role, wouldGain: gained, wouldLose: lost }))),
    users.length === 0
      ? ''
      : toTable(
          users.map(({ userId, userName, gained, lost }) => ({
            user: printable(userName || userId),
            gains: gained,
            loses: lost,
          })),
        ),
    count > users.length ? `${users.length} of them are shown; --users shows more.` : '',
    withoutGroup.length === 0
      ? ''
      : `These mappings name a group that does not exist: ${withoutGroup.join(', ')}.`,
    lastHolderRoles.length === 0
      ? ''
      : `Nobody would have the protected role ${lastHolderRoles.join(', ')} any more: set refuses that without --force.`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
