/** A change, as far as what is remembered of users depends on it. */
export interface AffectingChange {
  /** Its place in the history of the connection. */
  readonly position: number;
  /** Whose groups and roles it may have altered. */
  readonly affected: {
    /** Ids of users. */
    readonly users: readonly string[];
    /** Ids of groups: they and everyone below them. */
    readonly groups: readonly string[];
    /** Everyone in the connection. */
    readonly everyone: boolean;
  };
}

/** What an answer about a user depends on. */
export interface AnswerSubject {
  /** The user's id. */
  readonly user: string;
  /** The ids of all groups that the user is in, nested ones included. */
  readonly groups: readonly string[];
}

/**
 * Which users and groups the changes of a connection have affected, and when last. An answer is judged by the position
 * that it shows, so it does not matter whether it was remembered before a change was heard of or after.
 */
export interface AffectedHistory {
  /** All changes up to this position are in it. */
  readonly position: number;
  /** Adds the next changes, save those that are in it already; `position` is then the given one, unless it was further. */
  advance(position: number, changes: readonly AffectingChange[]): void;
  /** Whether an answer that shows `shown` is the same at `position`. False also when that is no longer known. */
  holds(subject: AnswerSubject, shown: number): boolean;
}

/** Begins a history at a position. It remembers `maxIds` users and groups at most, those affected last. */
export function createAffectedHistory(start: number, maxIds: number): AffectedHistory {
  // In the order in which they were affected last.
  const affectedAt = new Map<string, number>();
  let position = start;
  // Of answers that show less than this nothing is known.
  let floor = start;

  function note(id: string, at: number): void {
    affectedAt.delete(id);
    affectedAt.set(id, at);
    if (affectedAt.size <= maxIds) return;
    for (const [oldest, affected] of affectedAt) {
      affectedAt.delete(oldest);
      floor = affected;
      return;
    }
  }

  return {
    get position() {
      return position;
    },
    advance(next, changes) {
      for (const change of changes) {
        if (change.position <= position) continue;
        const { users, groups, everyone } = change.affected;
        for (const id of users) note(id, change.position);
        for (const id of groups) note(id, change.position);
        if (!everyone) continue;
        affectedAt.clear();
        floor = change.position;
      }
      position = Math.max(position, next);
    },
    holds({ user, groups }, shown) {
      if (shown < floor) return false;
      if (shown >= position) return true;
      const isSame = (id: string) => (affectedAt.get(id) ?? 0) <= shown;
      return isSame(user) && groups.every(isSame);
    },
  };
}
