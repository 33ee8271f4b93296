import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  filtered,
  groupBody,
  ids,
  patchBody,
  patched,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'references', async ({ scim, connection: { baseUrl } }) => {
  const user = await createUser(scim, { [enterpriseUrn]: { department: 'Sales' } });
  const other = await createUser(scim);
  const team = await createGroup(scim, { members: [{ value: user.id }] });
  const parent = await createGroup(scim, { members: [{ value: team.id }] });
  /** The ways to write one URI (RFC 7643, sections 2.3.7 and 2.4). */
  const urisOf = (path: string) => [
    `${baseUrl}${path}`,
    `${baseUrl.replace('/v2', '')}${path}`,
    path,
    path.slice(1),
    `..${path}`,
    `/v2${path}`,
  ];

  test('a member can be named by its URI alone (MV-05, MV-07, GRP-02)', async () => {
    for (const $ref of urisOf(`/Users/${user.id}`)) {
      const group = await createGroup(scim, { members: [{ $ref }, { $REF: `/Groups/${team.id}` }] });
      assert.deepEqual(ids(group.members), [user.id, team.id].sort(), $ref);
      const path = `/Groups/${group.id}`;
      const removed = await patched(scim, path, { op: 'remove', path: `members[$ref eq "${$ref}"]` });
      assert.deepEqual(ids(removed.members), [team.id]);
      const added = await patched(scim, path, { op: 'add', path: 'members', value: [{ $ref }] });
      assert.deepEqual(ids(added.members), [user.id, team.id].sort());
    }
  });

  test('a member named by its URI and its id is one member (MV-05, GRP-06)', async () => {
    const members = [
      { value: user.id },
      { $ref: user.meta.location },
      { value: user.id, $ref: user.meta.location },
    ];
    const group = await createGroup(scim, { members });
    assert.deepEqual(group.members, [{ value: user.id, type: 'User', $ref: user.meta.location }]);
  });

  test('the URI of anything else names no member', async () => {
    for (const $ref of ['', 'x', 'https://other.example/Users/1', `${baseUrl}/Users/${user.id}?x=1`]) {
      const answer = await scim('POST', '/Groups', groupBody({ members: [{ $ref }] }));
      assertError(answer, 400, 'invalidValue');
    }
  });

  test('a manager can be named by the URI alone (MV-05, ENT-02)', async () => {
    const manager = { value: user.id, $ref: user.meta.location };
    for (const $ref of urisOf(`/Users/${user.id}`)) {
      const created = await createUser(scim, { [enterpriseUrn]: { manager: { $ref } } });
      assert.deepEqual(created[enterpriseUrn], { manager }, $ref);
    }
    const path = `/Users/${other.id}`;
    const named = { op: 'replace', path: `${enterpriseUrn}:manager.$ref`, value: `../Users/${user.id}` };
    assert.deepEqual((await patched(scim, path, named))[enterpriseUrn], { manager });
    const removed = await patched(scim, path, { op: 'remove', path: `${enterpriseUrn}:manager.$ref` });
    assert.equal(removed[enterpriseUrn], undefined);
    const whole = { op: 'add', value: { [enterpriseUrn]: { manager: { $ref: `Users/${user.id}` } } } };
    assert.deepEqual((await patched(scim, path, whole))[enterpriseUrn], { manager });
    for (const value of [team.meta.location, 'x', 7]) {
      assertError(await scim('PATCH', path, patchBody({ ...named, value })), 400, 'invalidValue');
    }
  });

  const find = async (path: string, filter: string) => {
    const { status, body } = await scim('GET', `${path}?${filtered(filter)}`);
    assert.equal(status, 200, `${filter}: ${JSON.stringify(body)}`);
    return ids(body.Resources);
  };

  test('references and locations are compared as URIs (FLT-38, FLT-43, MV-05)', async () => {
    for (const uri of urisOf(`/Users/${user.id}`)) {
      assert.deepEqual(await find('/Users', `meta.location eq "${uri}"`), [user.id], uri);
      assert.ok((await find('/Groups', `members.$ref eq "${uri}"`)).includes(team.id), uri);
      assert.ok((await find('/Users', `${enterpriseUrn}:manager.$ref eq "${uri}"`)).includes(other.id), uri);
    }
    for (const uri of urisOf(`/Groups/${team.id}`)) {
      assert.ok((await find('/Users', `groups[$ref eq "${uri}"]`)).includes(user.id), uri);
      assert.ok((await find('/Groups', `members[$ref eq "${uri}"]`)).includes(parent.id), uri);
    }
    assert.deepEqual(await find('/Groups', `members.$ref eq "${baseUrl}/Groups/${user.id}"`), []);
    assert.deepEqual(await find('/Users', 'meta.location eq "https://other.example/"'), []);
    assert.equal((await find('/Users', `meta.location ne "/Users/${user.id}"`)).includes(user.id), false);
    assertError(await scim('GET', `/Users?${filtered('meta.location sw "http"')}`), 400, 'invalidFilter');
  });

  test('schemas finds the resources that use an extension (FLT-37)', async () => {
    const using = await find('/Users', `schemas eq "${enterpriseUrn}"`);
    assert.ok(using.includes(user.id));
    const plain = await createUser(scim);
    assert.equal((await find('/Users', `schemas co "enterprise"`)).includes(plain.id), false);
    assert.ok((await find('/Users', `not (schemas eq "${enterpriseUrn}")`)).includes(plain.id));
    assert.deepEqual(await find('/Groups', `schemas eq "${enterpriseUrn}"`), []);
  });
});

eachProfile(rollcall, 'schemas', ({ scim }) => {
  test('cannot lose the schema of the type (PAT-24)', async () => {
    const user = await createUser(scim, { [enterpriseUrn]: { department: 'Sales' } });
    const [core, extension] = user.schemas;
    const refused = [
      { op: 'remove', path: 'schemas' },
      { op: 'remove', path: `${core}:schemas` },
      { op: 'remove', path: `schemas[value eq "${core}"]` },
      { op: 'replace', path: 'schemas', value: [extension] },
      { op: 'replace', path: 'Schemas', value: null },
    ];
    for (const operation of refused) {
      const answer = await scim('PATCH', `/Users/${user.id}`, patchBody(operation));
      assertError(answer, 400, 'mutability');
    }
    const same = { op: 'replace', path: 'schemas', value: [core.toUpperCase()] };
    assert.deepEqual(await patched(scim, `/Users/${user.id}`, same), user);
  });
});
