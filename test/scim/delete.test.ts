import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  filtered,
  patchBody,
  userBody,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'DELETE', ({ scim }) => {
  test('answers 204; afterwards everything about the id is 404 and no list has it (DEL-01, DEL-02, DEL-03, QRY-08)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const deleted = await scim('DELETE', path);
    assert.deepEqual([deleted.status, deleted.body], [204, undefined]);
    assert.ok(Number(deleted.headers.get('rollcall-position')) > 0);
    assertError(await scim('GET', path), 404);
    assertError(await scim('DELETE', path), 404);
    assertError(await scim('PUT', path, userBody()), 404);
    assertError(await scim('PATCH', path, patchBody({ op: 'add', path: 'title', value: 'x' })), 404);
    for (const filter of [`id eq "${user.id}"`, `userName eq "${user.userName}"`]) {
      assert.equal((await scim('GET', `/Users?${filtered(filter)}`)).body.totalResults, 0);
    }
  });

  test('frees the userName for a new id (DEL-04, DEL-08)', async () => {
    const user = await createUser(scim);
    await scim('DELETE', `/Users/${user.id}`);
    const again = await createUser(scim, { userName: user.userName });
    assert.notEqual(again.id, user.id);
  });

  test('ends memberships, and a media type without a body does no harm (DEL-07)', async () => {
    const user = await createUser(scim);
    const group = await createGroup(scim, { members: [{ value: user.id }] });
    const headers = { 'content-type': 'application/scim+json' };
    assert.equal((await scim('DELETE', `/Users/${user.id}`, undefined, headers)).status, 204);
    assert.equal((await scim('GET', `/Groups/${group.id}`)).body.members, undefined);
    const other = await createUser(scim);
    const second = await createGroup(scim, { members: [{ value: other.id }] });
    assert.equal((await scim('DELETE', `/Groups/${second.id}`)).status, 204);
    assert.equal((await scim('GET', `/Users/${other.id}`)).body.groups, undefined);
  });
});
