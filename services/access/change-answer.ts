import { type Change, ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import { type MappingsAnswer, mappingsAnswer } from './mappings-answer.ts';
import { type GroupAnswer, groupAnswer, type UserAnswer, userAnswer } from './resource-answer.ts';

/** What happened, in the words of a product. */
export type ChangeName =
  | UserChangeName
  | GroupChangeName
  | 'members-changed'
  | 'mappings-changed'
  | 'access-changed'
  | 'role-unheld'
  | 'connection-changed';
/** What can happen to a user. `user-deactivated` and `user-deleted` end its access. */
export type UserChangeName =
  | 'user-created'
  | 'user-updated'
  | 'user-activated'
  | 'user-deactivated'
  | 'user-deleted';
/** What can happen to a group. */
export type GroupChangeName = 'group-created' | 'group-updated' | 'group-deleted';

/** What every change says. */
export interface ChangeFacts {
  /** Its place in the history of the connection, from 1. */
  position: number;
  /** When it was asked for, in RFC 3339 form. */
  time: string;
  /** The id of the request that made it; absent when that had none. */
  requestId?: string;
  /** Whose groups and roles it may have altered: ask again for those of them that you remember something of. */
  affected: {
    /** Ids of users. */
    users: string[];
    /** Ids of groups: they and everyone below them, at any depth. */
    groups: string[];
    /** Everyone in the connection. */
    everyone: boolean;
  };
}

/** A user was created, changed or deleted. */
export interface UserChange extends ChangeFacts {
  /** What happened. */
  type: UserChangeName;
  /** The user's id. */
  userId: string;
  /** Whether the user is active after it; false once it is deleted. */
  active: boolean;
  /** The attributes that changed; empty after a creation or a deletion. */
  attributes: string[];
  /** The user as it is now, at or after this change; only `withResources`, and absent when it is deleted by now. */
  user?: UserAnswer;
}

/** A group was created, changed or deleted. */
export interface GroupChange extends ChangeFacts {
  /** What happened. */
  type: GroupChangeName;
  /** The group's id. */
  groupId: string;
  /** The attributes that changed; empty after a creation or a deletion. */
  attributes: string[];
  /** The group as it is now, at or after this change; only `withResources`, and absent when it is deleted by now. */
  group?: GroupAnswer;
}

/** Members of a group came or went. */
export interface MembersChange extends ChangeFacts {
  /** What happened. */
  type: 'members-changed';
  /** The group's id. */
  groupId: string;
  /** Ids of users and groups that became members. */
  added: string[];
  /** Ids of users and groups that are members no more. */
  removed: string[];
  /** The group as it is now; only `withResources`, and absent when it is deleted by now. */
  group?: GroupAnswer;
}

/** The mappings from groups and users to roles were edited. */
export interface MappingsChange extends ChangeFacts {
  /** What happened. */
  type: 'mappings-changed';
  /** The version in force after it. */
  version: number;
  /** Who made it, in their own words. */
  author: string;
  /** Ids of mappings that are new, gone or other than before. */
  changed: string[];
  /** The mappings as they are now; only `withResources`, and on the last of several edits that come together. */
  mappings?: MappingsAnswer;
}

/** Access changed and nothing else did: mappings began or ended by their validity dates. */
export interface AccessChange extends ChangeFacts {
  /** What happened. */
  type: 'access-changed';
  /** Ids of mappings that give roles from now on. */
  began: string[];
  /** Ids of mappings that give none any more. */
  ended: string[];
}

/** A protected role lost its last holder, by something else than an edit of mappings. */
export interface RoleUnheld extends ChangeFacts {
  /** What happened. */
  type: 'role-unheld';
  /** The role. */
  role: string;
}

/**
 * Settings of the connection changed by which all its resources are read: a copy that holds identities or values of
 * extensions is to be exported again.
 */
export interface ConnectionChange extends ChangeFacts {
  /** What happened. */
  type: 'connection-changed';
  /** Which settings. */
  settings: string[];
}

/** One change. `type` says which. */
export type ChangeAnswer =
  | UserChange
  | GroupChange
  | MembersChange
  | MappingsChange
  | AccessChange
  | RoleUnheld
  | ConnectionChange;

const names: Readonly<Record<ChangeType, ChangeName | undefined>> = {
  [ChangeType.UNSPECIFIED]: undefined,
  [ChangeType.USER_CREATED]: 'user-created',
  [ChangeType.USER_UPDATED]: 'user-updated',
  [ChangeType.USER_ACTIVATED]: 'user-activated',
  [ChangeType.USER_DEACTIVATED]: 'user-deactivated',
  [ChangeType.USER_DELETED]: 'user-deleted',
  [ChangeType.GROUP_CREATED]: 'group-created',
  [ChangeType.GROUP_UPDATED]: 'group-updated',
  [ChangeType.GROUP_DELETED]: 'group-deleted',
  [ChangeType.MEMBERS_CHANGED]: 'members-changed',
  [ChangeType.MAPPINGS_CHANGED]: 'mappings-changed',
  [ChangeType.ACCESS_CHANGED]: 'access-changed',
  [ChangeType.ROLE_UNHELD]: 'role-unheld',
  [ChangeType.CONNECTION_CHANGED]: 'connection-changed',
};

const types = new Map(
  Object.values(ChangeType).flatMap((type) => {
    const name = names[type];
    return name === undefined ? [] : [[name, type] as const];
  }),
);

/** All names of changes. */
export const changeNames: readonly ChangeName[] = [...types.keys()];

/** The types that names stand for. */
export function changeTypes(asked: readonly ChangeName[]): ChangeType[] {
  return asked.flatMap((name) => types.get(name) ?? []);
}

/** Renders a change as the directory sent it. */
export function changeAnswer(change: Change): ChangeAnswer {
  const { what } = change;
  const facts = factsOf(change);
  switch (what?.$case) {
    case 'resource': {
      const { id, active = false, attributes } = what.value;
      const type = names[change.type];
      if (isUserChange(type)) return { ...facts, type, userId: id, active, attributes, ...userAfter(change) };
      if (isGroupChange(type)) return { ...facts, type, groupId: id, attributes, ...groupAfter(change) };
      throw new Error(`The directory calls a change of a resource ${change.type}`);
    }
    case 'membership': {
      const { groupId, added, removed } = what.value;
      return { ...facts, type: 'members-changed', groupId, added, removed, ...groupAfter(change) };
    }
    case 'mappings': {
      const { version, author, mappingIds: changed } = what.value;
      return { ...facts, type: 'mappings-changed', version, author, changed, ...mappingsAfter(change) };
    }
    case 'validity':
      return { ...facts, type: 'access-changed', began: what.value.began, ended: what.value.ended };
    case 'protectedRole':
      return { ...facts, type: 'role-unheld', role: what.value.role };
    case 'connection':
      return { ...facts, type: 'connection-changed', settings: what.value.settings };
    case undefined:
      throw new Error('The directory sent a change that says nothing');
  }
}

function factsOf({ position, time, requestId, affected }: Change): ChangeFacts {
  return {
    position,
    time: time?.toISOString() ?? '',
    ...(requestId === '' ? {} : { requestId }),
    affected: {
      users: affected?.userIds ?? [],
      groups: affected?.groupIds ?? [],
      everyone: affected?.everyone ?? false,
    },
  };
}

function userAfter({ resourceAfter, identity }: Change): { user?: UserAnswer } {
  if (resourceAfter?.$case !== 'user') return {};
  return { user: userAnswer({ user: resourceAfter.value, identity }, { withGroups: false }) };
}

function groupAfter({ resourceAfter }: Change): { group?: GroupAnswer } {
  return resourceAfter?.$case === 'group' ? { group: groupAnswer(resourceAfter.value) } : {};
}

function mappingsAfter({ resourceAfter }: Change): { mappings?: MappingsAnswer } {
  return resourceAfter?.$case === 'mappingsInForce' ? { mappings: mappingsAnswer(resourceAfter.value) } : {};
}

function isUserChange(name: ChangeName | undefined): name is UserChangeName {
  return name?.startsWith('user-') ?? false;
}

function isGroupChange(name: ChangeName | undefined): name is GroupChangeName {
  return name?.startsWith('group-') ?? false;
}
