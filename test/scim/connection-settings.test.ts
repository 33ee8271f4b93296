import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  CreateConnectionRequest,
  OnDelete,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { rollcallError } from '../../services/access/client.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf, until } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  groupBody,
  patchBody,
  patched,
  userBody,
  userUrn,
} from './scim-fixture.ts';

let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall();
});
after(() => rollcall[Symbol.asyncDispose]());

/** A connection set like that, with a client of its identity provider. */
async function connect(
  settings: Parameters<typeof CreateConnectionRequest.fromPartial>[0] = {},
): Promise<{ connection: TestConnection; scim: ScimClient }> {
  const { connection, token } = await rollcall.directory.connections.createConnection(
    CreateConnectionRequest.fromPartial({ name: 'test', ...settings }),
  );
  assert.ok(connection);
  const { id } = connection;
  const made = { id, token, baseUrl: `${rollcall.gatewayUrl}/scim/${id}/v2` };
  return { connection: made, scim: scimOf(made) };
}

const update = ({ id }: TestConnection, changes: Parameters<typeof UpdateConnectionRequest.fromPartial>[0]) =>
  rollcall.directory.connections.updateConnection(
    UpdateConnectionRequest.fromPartial({ connectionId: id, ...changes }),
  );

interface Published {
  readonly name: string;
  readonly required: boolean;
  readonly uniqueness: string;
  readonly subAttributes?: readonly Published[];
}

/** The paths that a connection publishes as required. */
async function publishedAsRequired(scim: ScimClient): Promise<string[]> {
  const { body } = await scim('GET', '/Schemas');
  return body.Resources.filter(({ id }: { id: string }) => id.includes(':User') || id.includes(':Group'))
    .flatMap(({ id, attributes }: { id: string; attributes: readonly Published[] }) =>
      attributes.flatMap(({ name, required, subAttributes = [] }) => [
        ...(required ? [`${id}:${name}`] : []),
        ...subAttributes.filter((sub) => sub.required).map((sub) => `${id}:${name}.${sub.name}`),
      ]),
    )
    .sort();
}

const extensionIsRequired = async (scim: ScimClient) =>
  (await scim('GET', '/ResourceTypes/User')).body.schemaExtensions[0].required;

suite('required attributes', () => {
  test('are published, as long as they are required, and in no other connection', async () => {
    const { connection, scim } = await connect();
    const other = await connect();
    const usual = await publishedAsRequired(scim);
    assert.ok(usual.includes(`${userUrn}:userName`));
    assert.equal(await extensionIsRequired(scim), false);

    const paths = ['userType', 'name.familyName', `${enterpriseUrn}:department`];
    await update(connection, { requiredAttributes: { paths } });
    await until(
      () => scim('GET', `/Schemas/${userUrn}`),
      ({ body }) => body.attributes.some(({ name, required }: Published) => name === 'userType' && required),
    );
    const added = [
      `${userUrn}:userType`,
      `${userUrn}:name`,
      `${userUrn}:name.familyName`,
      `${enterpriseUrn}:department`,
    ];
    assert.deepEqual(await publishedAsRequired(scim), [...usual, ...added].sort());
    assert.equal(await extensionIsRequired(scim), true);
    assert.deepEqual(await publishedAsRequired(other.scim), usual);
    assert.equal(await extensionIsRequired(other.scim), false);

    await update(connection, { requiredAttributes: {} });
    await until(
      () => scim('GET', '/ResourceTypes/User'),
      ({ body }) => body.schemaExtensions[0].required === false,
    );
    assert.deepEqual(await publishedAsRequired(scim), usual);
  });

  for (const strict of [false, true]) {
    test(`are demanded to write, and never to take access away, ${strict ? 'strict' : 'default'}`, async () => {
      const { connection, scim } = await connect({ strict, requiredAttributes: ['title'] });
      const refused = await scim('POST', '/Users', userBody());
      assertError(refused, 400, 'invalidValue');
      assert.match(refused.body.detail, /^title is required in this connection/);
      const ada = await createUser(scim, { title: 'Countess' });
      const path = `/Users/${ada.id}`;
      const without = userBody({ userName: ada.userName });
      assertError(await scim('PUT', path, without), 400, 'invalidValue');
      assertError(await scim('PATCH', path, patchBody({ op: 'remove', path: 'title' })), 400, 'mutability');
      assert.deepEqual((await scim('GET', path)).body, ada);
      const { Operations } = (
        await scim('POST', '/Bulk', {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
          Operations: [
            { method: 'POST', path: '/Users', bulkId: 'x', data: userBody() },
            { method: 'PUT', path, data: userBody({ userName: ada.userName, title: 'Programmer' }) },
          ],
        })
      ).body;
      assert.deepEqual(
        Operations.map(({ status }: { status: string }) => status),
        ['400', '200'],
      );

      await update(connection, { requiredAttributes: { paths: ['title', 'nickName'] } });
      const deactivated = await patched(scim, path, { op: 'replace', path: 'active', value: false });
      assert.equal(deactivated.active, false);
      await patched(scim, path, { op: 'replace', path: 'active', value: true });
      const replaced = await scim('PUT', path, { ...without, active: false });
      assert.deepEqual([replaced.status, replaced.body.active, replaced.body.title], [200, false, undefined]);
      assert.equal((await scim('DELETE', path)).status, 204);
    });
  }
});

test('unique group names are published when they are switched on and off', async () => {
  const { connection, scim } = await connect();
  const published = async (uniqueness: string) =>
    until(
      () => scim('GET', '/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group'),
      ({ body }) =>
        body.attributes.find(({ name }: Published) => name === 'displayName').uniqueness === uniqueness,
    );
  await published('server');
  await createGroup(scim, { displayName: 'Staff' });
  assertError(await scim('POST', '/Groups', groupBody({ displayName: 'staff' })), 409, 'uniqueness');
  await update(connection, { uniqueGroupNames: false });
  await published('none');
  await createGroup(scim, { displayName: 'staff' });
});

test('strict is followed within a second', async () => {
  const { connection, scim } = await connect();
  const send = () => scim('POST', '/Users', userBody({ shoeSize: 43 }));
  assert.equal((await send()).status, 201);
  await update(connection, { strict: true });
  assertError(await until(send, ({ status }) => status !== 201), 400, 'invalidSyntax');
});

test('a paused connection refuses with Retry-After and loses nothing', async () => {
  const { connection, scim } = await connect();
  const ada = await createUser(scim);
  const { connections } = rollcall.directory;
  await connections.pauseConnection({ connectionId: connection.id });
  const user = userBody();
  // A write is refused by the directory at once, whatever the gateway still knows.
  const refused = await scim('POST', '/Users', user);
  assertError(refused, 503);
  assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  const read = await until(
    () => scim('GET', `/Users/${ada.id}`),
    ({ status }) => status === 503,
  );
  assert.match(read.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  await connections.resumeConnection({ connectionId: connection.id });
  const back = await until(
    () => scim('GET', `/Users/${ada.id}`),
    ({ status }) => status === 200,
  );
  assert.deepEqual(back.body, ada);
  assert.equal((await scim('POST', '/Users', user)).status, 201);
});

test('a user deleted where deleted users are kept is gone for SCIM, and inactive for services', async () => {
  const { connection, scim } = await connect({ onDelete: OnDelete.DEACTIVATE });
  const other = await connect({ onDelete: OnDelete.DEACTIVATE });
  const removing = await connect();
  const ada = await createUser(scim, { externalId: 'E-1', title: 'Countess' });
  const bob = await createUser(scim);
  const group = await createGroup(scim, { members: [{ value: ada.id }, { value: bob.id }] });
  const path = `/Users/${ada.id}`;
  assert.equal((await scim('DELETE', path)).status, 204);

  assertError(await scim('GET', path), 404);
  assertError(await scim('DELETE', path), 404);
  assertError(await scim('PUT', path, userBody()), 404);
  assertError(await scim('PATCH', path, patchBody({ op: 'replace', path: 'active', value: true })), 404);
  const list = (await scim('GET', '/Users')).body;
  assert.deepEqual([list.totalResults, list.Resources[0].id], [1, bob.id]);
  assert.equal((await scim('GET', '/Users?filter=active%20eq%20false')).body.totalResults, 0);
  assert.equal((await scim('GET', '/')).body.totalResults, 2);
  const { members } = (await scim('GET', `/Groups/${group.id}`)).body;
  assert.deepEqual(
    members.map(({ value }: { value: string }) => value),
    [bob.id],
  );
  const again = await createUser(scim, { userName: ada.userName, externalId: 'E-1' });
  assert.notEqual(again.id, ada.id);

  const access = await rollcall.accessFor(connection, other.connection, removing.connection);
  const ask = { connection: connection.id, fresh: true };
  const { user } = await access.users.get.query({ ...ask, id: ada.id, withGroups: true });
  assert.deepEqual(
    [user.id, user.userName, user.title, user.active, user.groups],
    [ada.id, ada.userName, 'Countess', false, []],
  );
  assert.equal(user.deletedAt, user.meta?.lastModified);
  const newest = await access.users.get.query({ ...ask, userName: ada.userName });
  assert.deepEqual([newest.user.id, newest.user.deletedAt], [again.id, undefined]);
  assert.equal((await access.users.find.query({ ...ask })).users.length, 2);
  const nested = { ...ask, nested: true, includeInactive: true };
  const { active, groups } = await access.memberships.ofUser.query({ ...nested, user: ada.id });
  assert.deepEqual([active, groups], [false, []]);
  const check = await access.memberships.check.query({ ...nested, user: ada.id, group: group.id });
  assert.deepEqual([check.member, check.active], [false, false]);
  const ofGroup = await access.memberships.ofGroup.query({ ...nested, group: group.id });
  assert.deepEqual(
    ofGroup.members.map(({ id }) => id),
    [bob.id],
  );

  const removed = await createUser(removing.scim);
  await removing.scim('DELETE', `/Users/${removed.id}`);
  for (const [where, id] of [
    [other, ada.id],
    [removing, removed.id],
  ]) {
    const query = { connection: where.connection.id, fresh: true };
    for (const call of [
      () => access.users.get.query({ ...query, id }),
      () => access.memberships.ofUser.query({ ...query, user: id, includeInactive: true }),
    ]) {
      const error = await call().catch((thrown: unknown) => thrown);
      assert.equal(rollcallError(error)?.reason, 'ERROR_REASON_RESOURCE_NOT_FOUND');
    }
  }
});
