import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import { type Projection, projects } from '../scim/projection.ts';

/** Leaves out everything that costs the directory a query of its own. */
export const nothingMore: ResourceMask = { withoutGroups: true, withoutNames: true, withoutMembers: true };

/** What none of the projections has in its answer need not be read. */
export function maskOf(projections: readonly Projection[]): ResourceMask {
  const any = (test: (projection: Projection) => boolean) => projections.some(test);
  return {
    withoutGroups: !any((projection) => projects(projection, 'groups')),
    withoutNames: !any(
      (projection) => projects(projection, 'groups', 'display') || hasManagerName(projection),
    ),
    withoutMembers: !any((projection) => projects(projection, 'members')),
  };
}

function hasManagerName({ extensions }: Projection): boolean {
  return extensions.some(({ attributes }) =>
    attributes.some(({ subAttributes }) =>
      subAttributes.some(({ derived, name }) => derived && name !== '$ref'),
    ),
  );
}
