import type { JsonObject } from '#scim/json.ts';
import { atOnce } from './at-once.ts';
import { expectSame, idOf, objectsOf, type ScimConnection } from './scim-connection.ts';

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const bulkSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const writesAtOnce = 32;
const membersPerPatch = 100;
const bulksAtOnce = 4;

/** How many users a bulk request brings. */
export const usersPerBulk = 100;

/** A user that was created. */
export interface BenchUser {
  /** The id that the server gave. */
  readonly id: string;
  /** As it was sent; also its e-mail address. */
  readonly userName: string;
  /** As it was sent. */
  readonly externalId: string;
}

/** A group that was created. */
export interface BenchGroup {
  /** The id that the server gave. */
  readonly id: string;
  /** The ids of its members. */
  readonly members: readonly string[];
}

/** A user as identity providers send one; `name` is used for no other user of the connection. */
export function userResource(name: string): JsonObject & { userName: string; externalId: string } {
  const email = `${name}@example.com`;
  return {
    schemas: [userSchema],
    userName: email,
    externalId: `ext-${name}`,
    displayName: `Ada ${name}`,
    name: { givenName: 'Ada', familyName: name, formatted: `Ada ${name}` },
    title: 'Engineer',
    active: true,
    emails: [{ value: email, type: 'work', primary: true }],
    phoneNumbers: [{ value: '+44 20 7946 0000', type: 'work' }],
  };
}

/** A PATCH of one operation. */
export function patchOf(operation: JsonObject): JsonObject {
  return { schemas: [patchSchema], Operations: [operation] };
}

/** The PATCH that adds members to a group. */
export function addMembers(ids: readonly string[]): JsonObject {
  return patchOf({ op: 'add', path: 'members', value: ids.map((value) => ({ value })) });
}

/** The PATCH that takes a member out of a group. */
export function removeMember(id: string): JsonObject {
  return patchOf({ op: 'remove', path: `members[value eq "${id}"]` });
}

/** Creates a user. */
export async function createUser(scim: ScimConnection, name: string): Promise<BenchUser> {
  const resource = userResource(name);
  const { json } = await scim.send('POST', '/Users', [201], resource);
  return { id: idOf(json), userName: resource.userName, externalId: resource.externalId };
}

/** Creates users, many at a time; their names begin with `prefix`. */
export function createUsers(scim: ScimConnection, prefix: string, count: number): Promise<BenchUser[]> {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  return atOnce(writesAtOnce, names, (name) => createUser(scim, name));
}

/** Creates users in one bulk request. */
export async function createUsersInBulk(
  scim: ScimConnection,
  names: readonly string[],
): Promise<BenchUser[]> {
  const resources = names.map(userResource);
  const Operations = resources.map((data, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: `user-${index}`,
    data,
  }));
  const { json } = await scim.send('POST', '/Bulk', [200], { schemas: [bulkSchema], Operations });
  const created = objectsOf(json, 'Operations').filter(({ status }) => status === '201');
  expectSame('the number of users created', created.length, names.length);
  return resources.map(({ userName, externalId }, index) => {
    const { location } = created[index] ?? {};
    return { id: String(location).split('/').at(-1) ?? '', userName, externalId };
  });
}

/** Creates many users, which `createUsers` takes longer for: in bulk requests, some of them at a time. */
export async function createManyUsers(
  scim: ScimConnection,
  prefix: string,
  count: number,
): Promise<BenchUser[]> {
  const parts = Array.from({ length: Math.ceil(count / usersPerBulk) }, (_, part) => {
    const from = part * usersPerBulk;
    const length = Math.min(usersPerBulk, count - from);
    return Array.from({ length }, (_, index) => `${prefix}-${from + index}`);
  });
  return (await atOnce(bulksAtOnce, parts, (names) => createUsersInBulk(scim, names))).flat();
}

/** Creates a group and fills it in batches of 100, as identity providers do. */
export async function createGroup(
  scim: ScimConnection,
  displayName: string,
  members: readonly string[],
): Promise<BenchGroup> {
  const { json } = await scim.send('POST', '/Groups', [201], { schemas: [groupSchema], displayName });
  const id = idOf(json);
  for (let from = 0; from < members.length; from += membersPerPatch) {
    const batch = members.slice(from, from + membersPerPatch);
    await scim.send('PATCH', `/Groups/${id}`, [200, 204], addMembers(batch));
  }
  return { id, members };
}
