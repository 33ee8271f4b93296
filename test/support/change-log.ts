import assert from 'node:assert/strict';
import { type Change, ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import type { ConnectionDriver } from './connection-driver.ts';

/** What a connection holds. */
export interface Holdings {
  /** Versions of users, by id. */
  readonly users: ReadonlyMap<string, string>;
  /** Versions and members of groups, by id. */
  readonly groups: ReadonlyMap<string, { readonly version: string; readonly members: ReadonlySet<string> }>;
}

/**
 * Applies a connection's whole log from its beginning. Fails where a record contradicts those before it: a position or
 * version that does not follow, a change of what is not there, a member that comes twice or never came.
 */
export function replay(changes: readonly Change[]): Holdings {
  const users = new Map<string, string>();
  const groups = new Map<string, { version: string; members: Set<string> }>();
  for (const [index, { position, what }] of changes.entries()) {
    assert.equal(position, index + 1, 'positions are dense');
    const where = `at position ${position}`;
    if (what?.$case === 'resource') {
      const { resourceType, id, action, version } = what.value;
      const known = resourceType === 'User' ? users.get(id) : groups.get(id)?.version;
      if (action === ResourceAction.CREATED) {
        assert.equal(known, undefined, where);
        assert.equal(version, '1', where);
        if (resourceType === 'User') users.set(id, version);
        else groups.set(id, { version, members: new Set() });
      } else if (action === ResourceAction.UPDATED) {
        assert.equal(version, next(known), where);
        if (resourceType === 'User') users.set(id, version);
        else groups.set(id, { version, members: groups.get(id)?.members ?? new Set() });
      } else {
        // What stays of a deactivated user is a version of it.
        assert.equal(version, action === ResourceAction.DEACTIVATED ? next(known) : known, where);
        users.delete(id);
        groups.delete(id);
        for (const { members } of groups.values()) members.delete(id);
      }
    } else if (what?.$case === 'membership') {
      const { groupId, added, removed, version } = what.value;
      const group = groups.get(groupId);
      assert.ok(group, where);
      // A write of attributes and members, or of many members, has several records with one version.
      assert.ok(version === group.version || version === next(group.version), where);
      group.version = version;
      for (const id of removed) assert.ok(group.members.delete(id), where);
      for (const id of added) {
        assert.ok(users.has(id) || groups.has(id), where);
        assert.ok(!group.members.has(id), where);
        group.members.add(id);
      }
    } else assert.ok(what, `nothing ${where}`);
  }
  return { users, groups };
}

/** Checks that everything a connection's reads show is what its log says, and gives that. */
export async function holdingsAsLogged(connection: ConnectionDriver): Promise<Holdings> {
  const changes: Change[] = [];
  for (;;) {
    const page = await connection.listChanges(changes.length);
    changes.push(...page);
    if (page.length === 0) break;
  }
  const logged = replay(changes);
  const { users, groups, position } = await connection.connection();
  assert.equal(position, changes.length);
  assert.equal(users, logged.users.size);
  assert.equal(groups, logged.groups.size);

  const memberOf = Map.groupBy(
    [...logged.groups].flatMap(([group, { members }]) => [...members].map((member) => ({ group, member }))),
    ({ member }) => member,
  );
  const listed = await whole((page) => connection.listUsers({ page }));
  assert.deepEqual(
    listed
      .flatMap((page) => page.users)
      .map(({ id = '', meta, groups }) => [id, meta?.version, groups.map(({ value }) => value)])
      .sort(),
    [...logged.users]
      .map(([id, version]) => [id, version, (memberOf.get(id) ?? []).map(({ group }) => group).sort()])
      .sort(),
  );
  const teams = await whole((page) => connection.listGroups({ page }));
  assert.deepEqual(
    teams
      .flatMap((page) => page.groups)
      .map(({ group: { id = '', meta }, memberIds }) => [id, meta?.version, memberIds.sort()])
      .sort(),
    [...logged.groups].map(([id, { version, members }]) => [id, version, [...members].sort()]).sort(),
  );
  return logged;
}

type Page = { pageSize: number; start?: { $case: 'pageToken'; value: string } };

/** All pages of a list. */
async function whole<Answer extends { readonly header: { readonly nextPageToken: string } }>(
  read: (page: Page) => Promise<Answer>,
): Promise<Answer[]> {
  const pages: Answer[] = [];
  let page: Page = { pageSize: 1_000 };
  for (;;) {
    const answer = await read(page);
    pages.push(answer);
    const value = answer.header.nextPageToken;
    if (value === '') return pages;
    page = { pageSize: 1_000, start: { $case: 'pageToken', value } };
  }
}

function next(version: string | undefined): string {
  assert.notEqual(version, undefined);
  return String(Number(version) + 1);
}
