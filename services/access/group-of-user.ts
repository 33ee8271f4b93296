import type { GroupEntry } from '#proto/rollcall/directory/v1/membership_service.ts';

/** A group that a user is in. */
export interface GroupOfUser {
  /** The group's id. */
  id: string;
  /** The group's name. */
  displayName: string;
  /** The id the identity provider gave; absent when it gave none. */
  externalId?: string;
  /** The groups that make it so, from the one the user is a direct member of up to this one; one entry when direct. */
  path: string[];
}

/** Renders a group that a user is in. */
export function groupOfUser({ id, displayName, externalId, path }: GroupEntry): GroupOfUser {
  return { id, displayName, path, ...(externalId === '' ? {} : { externalId }) };
}
