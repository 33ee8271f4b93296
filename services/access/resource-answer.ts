import type { Identity } from '#proto/rollcall/directory/v1/identity.ts';
import type { Group } from '#proto/rollcall/scim/v1/group.ts';
import type { User } from '#proto/rollcall/scim/v1/user.ts';
import { isJsonObject, type JsonObject, toJsonValue } from '#scim/json.ts';

/** A message as JSON: times are text in RFC 3339 form. */
export type JsonOf<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? JsonOf<Item>[]
    : T extends object
      ? { [Key in keyof T]: JsonOf<T[Key]> }
      : T;

/**
 * What a product knows a user by, whichever attributes the identity provider keeps it in: those that the connection maps
 * (`rollcall connections mapping`). A part is absent when the user has no value there.
 */
export interface IdentityAnswer {
  /** What the user signs in with; `userName` unless mapped otherwise. */
  login?: string;
  /** Where mail reaches the user; the primary e-mail address, else the first, unless mapped otherwise. */
  email?: string;
  /** The id that the customer's own systems give the user; the attribute `externalId` unless mapped otherwise. */
  externalId?: string;
}

/**
 * A user: what your service knows it by under `identity`, beside it the attributes of RFC 7643 under their names, as the
 * identity provider wrote them. Lists without values are empty.
 */
export interface UserAnswer
  extends JsonOf<
    Omit<User, 'id' | 'userName' | 'active' | 'password' | 'groups' | 'extensions' | 'unknown'>
  > {
  /** Names the user; never reused. */
  id: string;
  /** What the product knows the user by. */
  identity: IdentityAnswer;
  /** The attribute `userName`: unique in the connection, whatever the letter case. What the user signs in with is `identity.login`. */
  userName: string;
  /** Whether the user may have access; false also when the identity provider removed the attribute. */
  active: boolean;
  /**
   * When the identity provider deleted the user, in RFC 3339 form; absent for one that is not. Only where the connection
   * keeps deleted users, and only by `users.get` with the user's id.
   */
  deletedAt?: string;
  /** The groups the user is a direct member of; only when `withGroups` was asked for. */
  groups?: JsonOf<User['groups']>;
  /** The values of the extensions that the connection declares, by URN; times are text. */
  extensions: { [urn: string]: JsonObject };
  /** Attributes that no schema knows, as they were sent; only where the connection keeps them and there are any. */
  unknown?: JsonObject;
}

/** A group, with the attributes of RFC 7643 under their names; `memberships.ofGroup` answers its members. */
export interface GroupAnswer
  extends JsonOf<Omit<Group, 'id' | 'displayName' | 'members' | 'extensions' | 'unknown'>> {
  /** Names the group; never reused. */
  id: string;
  /** The name of the group; several may share one unless the connection says otherwise. */
  displayName: string;
  /** The values of the extensions that the connection declares, by URN; times are text. */
  extensions: { [urn: string]: JsonObject };
  /** Attributes that no schema knows, as they were sent; only where the connection keeps them and there are any. */
  unknown?: JsonObject;
}

/** Renders a user as the directory sent it. */
export function userAnswer(
  { user, identity }: { readonly user: User; readonly identity: Identity | undefined },
  { withGroups }: { readonly withGroups: boolean },
  deletedAt?: Date,
): UserAnswer {
  const { password: _, groups, meta, extensions, unknown, ...attributes } = user;
  const { id = '', userName = '', active = false, ...rest } = attributes;
  return {
    ...rest,
    id,
    identity: identityAnswer(identity),
    userName,
    active,
    meta: metaAnswer(meta),
    ...openAnswer(extensions, unknown),
    ...(withGroups ? { groups } : {}),
    ...(deletedAt && { deletedAt: deletedAt.toISOString() }),
  };
}

/** Renders a group as the directory sent it. */
export function groupAnswer(group: Group): GroupAnswer {
  const { members: _, meta, extensions, unknown, id = '', displayName = '', ...rest } = group;
  return { ...rest, id, displayName, meta: metaAnswer(meta), ...openAnswer(extensions, unknown) };
}

function identityAnswer({ login, email, externalId }: Partial<Identity> = {}): IdentityAnswer {
  return {
    ...(login !== undefined && { login }),
    ...(email !== undefined && { email }),
    ...(externalId !== undefined && { externalId }),
  };
}

function metaAnswer(meta: User['meta']): UserAnswer['meta'] {
  return (
    meta && {
      ...meta,
      created: meta.created?.toISOString(),
      lastModified: meta.lastModified?.toISOString(),
    }
  );
}

/** What no built-in schema knows. */
function openAnswer(
  extensions: User['extensions'],
  unknown: User['unknown'],
): Pick<UserAnswer, 'extensions' | 'unknown'> {
  const kept = objectOf(unknown);
  const values = Object.entries(objectOf(extensions));
  return {
    extensions: Object.fromEntries(
      values.filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1])),
    ),
    ...(Object.keys(kept).length > 0 && { unknown: kept }),
  };
}

function objectOf(value: unknown): JsonObject {
  const json = toJsonValue(value);
  return isJsonObject(json) ? json : {};
}
