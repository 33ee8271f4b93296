import type { ClientSession } from 'mongodb';
import type { ResourceState } from '../decision.ts';
import { loadGroupsBelow } from '../group-graph.ts';
import { membersAfter } from '../members-after.ts';
import { storedResource } from '../mongo/batch-reader.ts';
import type { Database } from '../mongo/database.ts';
import { type HeadDocument, idOfKey } from '../mongo/documents.ts';
import { edgesOf } from '../mongo/edges.ts';
import { openListPart } from '../mongo/list-part.ts';
import type { CompiledMapping } from './compiled-mappings.ts';
import { haveConditions, type RoleLoader, type UserWithRoles, usersAtOnce } from './role-loader.ts';

/**
 * Where a walk goes on. Its sources are, when a mapping is about everyone, all users; otherwise the users that match each
 * condition, mapping after mapping, and then the members of groups.
 */
export interface WalkPlace {
  /** Which source, from 0. */
  readonly source: number;
  /** The ordinal of the user after which it goes on; 0 for the first. */
  readonly ordinal: number;
  /** The id after which it goes on among members; empty for the first. */
  readonly afterId: string;
}

/** Where every walk begins. */
export const firstPlace: WalkPlace = { source: 0, ordinal: 0, afterId: '' };

/** A step of a walk. */
export interface WalkStep {
  /** Active users to whom a mapping applies, with the roles that the mappings of the walk give them. */
  readonly users: readonly UserWithRoles[];
  /** How many users were looked at. */
  readonly examined: number;
  /** Where it goes on; undefined at the end. */
  readonly next: WalkPlace | undefined;
}

/** What a walk is about. */
export interface Walk {
  /** The moment. */
  readonly head: HeadDocument;
  /** The transaction to read in. */
  readonly session: ClientSession | undefined;
  /** The mappings, all of them in force, by id. */
  readonly mappings: readonly CompiledMapping[];
  /** The time. */
  readonly now: Date;
}

/**
 * Takes a step of at most `limit` users. A whole walk meets everybody once to whom a mapping applies throughout it; what it
 * holds does not grow with how many there are.
 */
export type WalkMappedUsers = (walk: Walk, place: WalkPlace, limit: number) => Promise<WalkStep>;

// Beyond this a step ends early.
const maxStepBytes = 4 * 1024 * 1024;

/** The sources of a walk, in order; `conditions` come before `groups`. */
interface Sources {
  readonly everyone: boolean;
  readonly conditions: readonly CompiledMapping[];
  readonly groups: boolean;
}

/** Makes the walk. */
export function createWalk(database: Database, loader: RoleLoader): WalkMappedUsers {
  /** Users in the order of their creation, after one of them. */
  async function byOrdinal(
    { head, session, mappings }: Walk,
    condition: CompiledMapping | undefined,
    ordinal: number,
    limit: number,
  ) {
    const type = await loader.userType(head, session);
    const edges = edgesOf(database, head.connection, head.draining);
    const subject = condition?.mapping.subject;
    const filter = subject?.$case === 'userFilter' ? subject.value : undefined;
    const part = await openListPart(
      { database, head, edges, session, sorted: false, limit },
      { type, filter },
    );
    const users: ResourceState[] = [];
    const unread: string[] = [];
    let last: number | undefined;
    let bytes = 0;
    let count = 0;
    const range = { beyond: { ordinal, key: undefined }, up: true, skip: 0, limit: limit + 1 };
    for await (const some of part.entries(range))
      for (const { _id, ordinal: place, size, document } of some) {
        if (count === limit || bytes > maxStepBytes) return { users: await withUnread(), last };
        if (document) users.push(storedResource(document));
        else unread.push(idOfKey(_id));
        last = place;
        count += 1;
        bytes += size;
      }
    return { users: await withUnread(), last: undefined };

    async function withUnread() {
      const read = await loader.users(head, unread, mappings, session);
      return [...users, ...read.values()];
    }
  }

  /** Members of groups in the order of their ids, after one of them. */
  async function byId({ head, session, mappings }: Walk, afterId: string, limit: number) {
    const edges = edgesOf(database, head.connection, head.draining);
    const targets = await loader.targets(head, mappings, session);
    const groups = await loadGroupsBelow(edges, [...targets.values()].flat(), session);
    const most = haveConditions(mappings) ? Math.min(limit, usersAtOnce) : limit;
    const { memberships, last } = await membersAfter(edges, [...groups.keys()], afterId, most, session);
    const ids = [...memberships].filter(([, [edge]]) => edge?.kind === 'User').map(([id]) => id);
    const users = await loader.users(head, ids, mappings, session);
    return { users: [...users.values()], last };
  }

  return async (walk, place, limit) => {
    const { head, session, mappings, now } = walk;
    const sources = sourcesOf(mappings);
    const condition = sources.conditions[place.source];
    const ordered = sources.everyone || condition !== undefined;
    const { users, last } = ordered
      ? await byOrdinal(walk, condition, place.ordinal, limit)
      : sources.groups
        ? await byId(walk, place.afterId, limit)
        : { users: [], last: undefined };
    const found = await loader.rolesOf(head, mappings, users, now, session);
    const earlier = new Set(sources.conditions.slice(0, place.source).map(({ mapping }) => mapping.id));
    const next =
      last === undefined
        ? place.source + 1 < countOf(sources)
          ? { source: place.source + 1, ordinal: 0, afterId: '' }
          : undefined
        : typeof last === 'number'
          ? { ...place, ordinal: last }
          : { ...place, afterId: last };
    return {
      // Who was met by an earlier source is not met again.
      users: found.filter((user) => {
        const reasons = user.roles.flatMap(({ because }) => because);
        return reasons.length > 0 && !reasons.some(({ mapping }) => earlier.has(mapping.id));
      }),
      examined: users.length,
      next,
    };
  };
}

function sourcesOf(mappings: readonly CompiledMapping[]): Sources {
  const everyone = mappings.some(({ mapping }) => mapping.subject?.$case === 'everyone');
  return {
    everyone,
    conditions: everyone ? [] : mappings.filter(({ test }) => test !== undefined),
    groups: mappings.some(({ mapping }) => mapping.subject?.$case.startsWith('group')),
  };
}

function countOf({ everyone, conditions, groups }: Sources): number {
  return everyone ? 1 : conditions.length + (groups ? 1 : 0);
}
