/** One change of a group's members, as a client means it. */
export type NaiveMemberChange =
  | { readonly op: 'add' | 'remove' | 'replace'; readonly ids: readonly string[] }
  | { readonly op: 'removeKind'; readonly kind: 'User' | 'Group' };

/**
 * The members of a group after some changes, one after the other: the oracle for PATCH of `members`.
 * @param kinds what the ids are that name something
 * @returns undefined when a member would be left that names nothing
 */
export function naiveMembers(
  members: readonly string[],
  changes: readonly NaiveMemberChange[],
  kinds: ReadonlyMap<string, 'User' | 'Group'>,
): readonly string[] | undefined {
  let result = new Set(members);
  for (const change of changes) {
    if (change.op === 'removeKind') {
      for (const id of result) if (kinds.get(id) === change.kind) result.delete(id);
      continue;
    }
    if (change.op === 'replace') result = new Set();
    for (const id of change.ids) {
      if (change.op === 'remove') result.delete(id);
      else result.add(id);
    }
  }
  const ids = [...result];
  return ids.every((id) => kinds.has(id)) ? ids.sort() : undefined;
}
