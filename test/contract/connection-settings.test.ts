import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { v7 as newUuid } from 'uuid';
import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  CreateConnectionRequest,
  OnDelete,
  PauseConnectionRequest,
  Provider,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { User } from '#proto/rollcall/scim/v1/user.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import { checkStored } from '../support/check-stored.ts';
import {
  type ConnectionDriver,
  driveConnection,
  idOf,
  inParallel,
  members,
  operation,
  refusal,
  refused,
  resourceTypes,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

type Settings = Parameters<typeof CreateConnectionRequest.fromPartial>[0];
type Update = Parameters<typeof UpdateConnectionRequest.fromPartial>[0];

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

/** A connection set like that. */
async function connect(settings: Settings = {}): Promise<ConnectionDriver> {
  const { connection } = await directory.clients.connections.createConnection(
    CreateConnectionRequest.fromPartial({ name: 'Acme', ...settings }),
  );
  assert.ok(connection);
  return driveConnection(directory.clients, connection.id);
}

async function update({ connectionId }: { readonly connectionId: string }, changes: Update) {
  const { connection } = await directory.clients.connections.updateConnection(
    UpdateConnectionRequest.fromPartial({ connectionId, ...changes }),
  );
  return connection;
}

const requireOnly = (...paths: string[]) => ({ requiredAttributes: { paths } });
const maskOnly = (...paths: string[]) => ({ maskedAttributes: { paths } });
const remove = (path: string) => operation(resourceTypes.user, 'REMOVE', path);
const replace = (path: string, value: string | boolean) =>
  operation(resourceTypes.user, 'REPLACE', path, value);
const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** How many documents of a connection a collection has. */
async function stored(collection: string, connection: string): Promise<number> {
  await using client = await MongoClient.connect(directory.uri);
  return await client.db().collection(collection).countDocuments({ connection });
}

suite('updating a connection', () => {
  test('changes what is given and nothing else', async () => {
    const acme = await connect({ organization: ' Acme AG ', onDelete: OnDelete.DEACTIVATE });
    let expected = await acme.connection();
    assert.deepEqual([expected.organization, expected.onDelete], ['Acme AG', OnDelete.DEACTIVATE]);
    const changes: Update[] = [
      { name: 'Globex' },
      { provider: Provider.OKTA },
      { strict: true },
      { organization: 'Globex SE' },
      { uniqueGroupNames: false },
      { uniqueGroupNames: true },
      requireOnly('title'),
      maskOnly('userName', 'emails'),
      { onDelete: OnDelete.REMOVE },
      { organization: '' },
      requireOnly(),
      maskOnly(),
      {},
    ];
    for (const change of changes) {
      const { requiredAttributes, maskedAttributes, ...rest } = change;
      expected = Object.assign(
        {},
        expected,
        rest,
        requiredAttributes && { requiredAttributes: requiredAttributes.paths },
        maskedAttributes && { maskedAttributes: maskedAttributes.paths },
      );
      assert.deepEqual(await update(acme, change), expected);
      assert.deepEqual(await acme.connection(), expected);
    }
    assert.equal(await acme.position(), 0, 'settings are not in the log of changes');
  });

  test('works on a paused connection and leaves it paused', async () => {
    const acme = await connect();
    const { connectionId } = acme;
    await directory.clients.connections.pauseConnection(PauseConnectionRequest.fromPartial({ connectionId }));
    const paused = await acme.connection();
    assert.deepEqual(await update(acme, { organization: 'x' }), { ...paused, organization: 'x' });
  });

  test('is refused for what cannot be', async () => {
    const acme = await connect();
    const before = await acme.connection();
    const long = 'x'.repeat(201);
    for (const [field, change] of [
      ['name', { name: ' ' }],
      ['name', { name: long }],
      ['organization', { organization: long }],
      ['required_attributes', requireOnly(...Array.from({ length: 51 }, (_, index) => `title${index}`))],
      ['masked_attributes', maskOnly(...Array.from({ length: 51 }, (_, index) => `title${index}`))],
    ] as const) {
      await refused(update(acme, { ...change, strict: true }), ErrorReason.REQUEST_INVALID, { field });
    }
    assert.deepEqual(await acme.connection(), before);
    const connection = 'nobody12';
    await refused(update({ connectionId: connection }, { name: 'x' }), ErrorReason.CONNECTION_NOT_FOUND, {
      connection,
    });
    const gone = await connect();
    await directory.clients.connections.deleteConnection({ connectionId: gone.connectionId });
    await refused(update(gone, { name: 'x' }), ErrorReason.CONNECTION_NOT_FOUND, {
      connection: gone.connectionId,
    });
  });

  test('concerns one connection alone', async () => {
    const [acme, globex] = [await connect(), await connect()];
    const before = await globex.connection();
    await update(acme, {
      ...requireOnly('title', 'externalId'),
      ...maskOnly('title'),
      organization: 'Acme',
      strict: true,
      uniqueGroupNames: false,
      onDelete: OnDelete.DEACTIVATE,
    });
    assert.deepEqual(await globex.connection(), before);
    const { user } = await globex.createUser('ada');
    await globex.groupOf('Staff');
    await refused(globex.groupOf('STAFF'), ErrorReason.UNIQUENESS, {
      resource_type: 'Group',
      attribute: 'displayName',
    });
    await globex.deleteUser(idOf(user));
    const notFound = [ErrorReason.RESOURCE_NOT_FOUND, { resource_type: 'User', id: idOf(user) }] as const;
    await refused(globex.getUser(idOf(user), { includeDeleted: true }), ...notFound);
  });

  test('is followed by writes of every directory at once', async () => {
    await using second = await startTestDirectory(directory.uri);
    const acme = await connect();
    const elsewhere = driveConnection(second.clients, acme.connectionId);
    await elsewhere.createUser('ada');
    await update(acme, requireOnly('title'));
    await refused(elsewhere.createUser('bob'), ErrorReason.VALUE_INVALID, { attribute: 'title' });
    await update(acme, requireOnly());
    await elsewhere.createUser('bob');
  });

  test('takes up a connection from before there were these settings', async () => {
    const acme = await connect();
    await acme.groupOf('Staff');
    const { connectionId } = acme;
    {
      await using client = await MongoClient.connect(directory.uri);
      const db = client.db();
      await db.collection('heads').updateOne({ connection: connectionId }, { $unset: { settings: '' } });
      const $unset = { organization: '', requiredAttributes: '', maskedAttributes: '', onDelete: '' };
      await db.collection('connections').updateOne({ connection: connectionId }, { $unset });
    }
    const { organization, requiredAttributes, maskedAttributes, onDelete, uniqueGroupNames } =
      await acme.connection();
    assert.deepEqual(
      [organization, requiredAttributes, maskedAttributes, onDelete, uniqueGroupNames],
      ['', [], [], OnDelete.REMOVE, true],
    );
    const clash = { resource_type: 'Group', attribute: 'displayName' };
    await refused(acme.groupOf('staff'), ErrorReason.UNIQUENESS, clash);
    await update(acme, requireOnly('title'));
    await refused(acme.groupOf('staff'), ErrorReason.UNIQUENESS, clash);
    await refused(acme.createUser('ada'), ErrorReason.VALUE_INVALID, { attribute: 'title' });
  });
});

suite('masked attributes', () => {
  test('are spelled by the schema, each once, at creation and later', async () => {
    const given = ['TITLE', 'title', ' name.familyname ', `${enterpriseUrn.toUpperCase()}:department`];
    const acme = await connect({ maskedAttributes: given });
    const spelled = ['title', 'name.familyName', `${enterpriseUrn}:department`];
    assert.deepEqual((await acme.connection()).maskedAttributes, spelled);
    // Also what nobody can be held to send.
    const updated = await update(acme, maskOnly('groups', 'MEMBERS', 'password', 'meta.created'));
    assert.deepEqual(updated?.maskedAttributes, ['groups', 'members', 'password', 'meta.created']);
  });

  test('are refused with the reason when they are unknown or cannot be told from others', async () => {
    const acme = await connect({ maskedAttributes: ['title'] });
    for (const [path, reason] of [
      ['shoeSize', /"shoeSize" is not an attribute of User/],
      ['department', /did you mean urn:.*:department/],
      ['emails[type eq "work"].value', /./],
      [enterpriseUrn, /is a schema; name one of its attributes/],
      ['', /./],
      ['ID', /ID cannot be masked, because it is in the URLs of requests/],
      ['emails.value', /other attributes have a part of this name too; mask emails$/],
      ['name.formatted', /mask name$/],
      [`${enterpriseUrn}:manager.displayName`, /mask manager$/],
    ] as const) {
      const error = await refusal(update(acme, maskOnly('title', path)));
      assert.equal(error.reason, ErrorReason.REQUEST_INVALID, path);
      assert.deepEqual({ ...error.metadata }, { field: 'masked_attributes' });
      assert.match(error.message, /^masked_attributes: /);
      assert.match(error.message, reason);
      await refused(connect({ maskedAttributes: [path] }), ErrorReason.REQUEST_INVALID, {
        field: 'masked_attributes',
      });
    }
    assert.deepEqual((await acme.connection()).maskedAttributes, ['title']);
  });
});

suite('required attributes', () => {
  test('are spelled by the schema, each once, at creation and later', async () => {
    const given = [
      'TITLE',
      'title',
      ' name.familyname ',
      `${enterpriseUrn.toUpperCase()}:department`,
      'externalid',
    ];
    const spelled = ['title', 'name.familyName', `${enterpriseUrn}:department`, 'externalId'];
    const acme = await connect({ requiredAttributes: given });
    assert.deepEqual((await acme.connection()).requiredAttributes, spelled);
    const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
    const updated = await update(acme, requireOnly(`${userUrn.toLowerCase()}:externalId`, 'emails.value'));
    assert.deepEqual(updated?.requiredAttributes, [`${userUrn}:externalId`, 'emails.value']);
  });

  test('are refused with the reason when no client can send them', async () => {
    const acme = await connect();
    for (const [path, reason] of [
      ['shoeSize', /"shoeSize" is not an attribute of User/],
      ['department', /did you mean urn:.*:department/],
      ['name.shoeSize', /"shoeSize" is not a sub-attribute of name: it has /],
      ['emails[type eq "work"].value', /./],
      [enterpriseUrn, /is a schema; name one of its attributes/],
      ['urn:example:Nothing:title', /schema is not known/],
      ['', /./],
      ['id', /read-only/],
      ['meta.created', /read-only/],
      ['groups', /read-only/],
      [`${enterpriseUrn}:manager.displayName`, /read-only/],
      ['password', /never returned/],
      ['members', /computed and not kept/],
    ] as const) {
      const error = await refusal(update(acme, requireOnly('title', path)));
      assert.equal(error.reason, ErrorReason.REQUEST_INVALID, path);
      assert.deepEqual({ ...error.metadata }, { field: 'required_attributes' });
      assert.match(error.message, /^required_attributes: /);
      assert.match(error.message, reason);
      await refused(connect({ requiredAttributes: [path] }), ErrorReason.REQUEST_INVALID, {
        field: 'required_attributes',
      });
    }
    assert.deepEqual((await acme.connection()).requiredAttributes, []);
  });

  const full = {
    userName: 'ada',
    title: 'Countess',
    externalId: 'E-1',
    name: { familyName: 'Lovelace', givenName: 'Ada' },
    emails: [{ value: 'ada@example.com', type: 'work' }],
    enterprise: { department: 'Engines', costCenter: '1' },
  };
  /** Without one attribute, as a user may look who lacks it. */
  const lacks: Readonly<Record<string, readonly Parameters<typeof User.fromPartial>[0][]>> = {
    title: [{ title: undefined }, { title: '' }, { title: '  ' }],
    externalId: [{ externalId: undefined }],
    'name.familyName': [{ name: undefined }, { name: { givenName: 'Ada' } }],
    emails: [{ emails: [] }],
    'emails.value': [{ emails: [] }, { emails: [{ value: 'x@example.com' }, { type: 'home' }] }],
    [`${enterpriseUrn}:department`]: [{ enterprise: undefined }, { enterprise: { costCenter: '1' } }],
  };

  for (const [attribute, users] of Object.entries(lacks)) {
    test(`${attribute} must be there to create and to replace, and stays when it was`, async () => {
      const acme = await connect({ requiredAttributes: [attribute] });
      const { user } = await acme.createUser(full);
      const id = idOf(user);
      const position = await acme.position();
      for (const part of users) {
        const lacking = User.fromPartial(Object.assign({}, full, part));
        await refused(acme.createUser({ ...lacking, userName: 'bob' }), ErrorReason.VALUE_INVALID, {
          attribute,
        });
        await refused(acme.replaceUser(id, lacking), ErrorReason.VALUE_INVALID, { attribute });
        await refused(acme.replaceUser(id, { ...lacking, active: true }), ErrorReason.VALUE_INVALID, {
          attribute,
        });
      }
      await refused(acme.patchUser(id, [remove(attribute)]), ErrorReason.MUTABILITY, { attribute });
      assert.equal(await acme.position(), position);
      await acme.patchUser(id, [replace('nickName', 'Ada')]);
      await acme.replaceUser(id, full);
    });

    test(`${attribute} is asked of nobody whom a write leaves inactive`, async () => {
      const acme = await connect({ requiredAttributes: [attribute] });
      for (const part of users) {
        const userName = `${users.indexOf(part)}`;
        const lacking = { ...User.fromPartial(Object.assign({}, full, part, { userName })), active: false };
        const { user } = await acme.createUser({ ...full, userName });
        assert.equal((await acme.replaceUser(idOf(user), lacking)).user.active, false);
        // It is no way in: who is created is asked.
        await refused(acme.createUser({ ...lacking, userName: 'other' }), ErrorReason.VALUE_INVALID, {
          attribute,
        });
      }
      const { user } = await acme.createUser(full);
      const { user: after } = await acme.patchUser(idOf(user), [remove(attribute), replace('active', false)]);
      assert.equal(after.active, false);
    });
  }

  test('change nothing for what was stored before, until it is replaced', async () => {
    const acme = await connect();
    const { user } = await acme.createUser({ userName: 'ada' });
    const id = idOf(user);
    const position = await acme.position();
    await update(acme, requireOnly('title', 'name.familyName'));
    assert.deepEqual((await acme.getUser(id)).user, user);
    assert.equal(await acme.position(), position);
    // What it lacks and leaves alone is no reason to refuse a PATCH, whatever else it takes or gives.
    await acme.patchUser(id, [replace('nickName', 'A')]);
    await acme.patchUser(id, [replace('title', 'Countess')]);
    await acme.patchUser(id, [replace('active', false)]);
    await acme.patchUser(id, [replace('active', true)]);
    await acme.patchUser(id, [remove('name.familyName')]);
    await refused(acme.patchUser(id, [remove('title')]), ErrorReason.MUTABILITY, { attribute: 'title' });
    await refused(acme.replaceUser(id, { userName: 'ada', title: 'x' }), ErrorReason.VALUE_INVALID, {
      attribute: 'name.familyName',
    });
    await acme.deleteUser(id);
  });

  test('of groups hold, and never keep a member in', async () => {
    const acme = await connect();
    const { user } = await acme.createUser('ada');
    const id = await acme.groupOf('Staff', [idOf(user)]);
    await update(acme, requireOnly('externalId'));
    const attribute = 'externalId';
    await refused(acme.createGroup('Crew'), ErrorReason.VALUE_INVALID, { attribute });
    await refused(acme.createUser('bob'), ErrorReason.VALUE_INVALID, { attribute });
    await refused(acme.replaceGroup(id, { displayName: 'Staff' }, undefined), ErrorReason.VALUE_INVALID, {
      attribute,
    });
    await acme.changeMembers(id, [members.remove(idOf(user))]);
    await acme.changeMembers(id, [members.add(idOf(user))]);
    const { members: left } = await acme.replaceGroup(id, { displayName: 'Staff' }, []);
    assert.deepEqual(left, []);
    await update(acme, requireOnly('urn:ietf:params:scim:schemas:core:2.0:Group:externalId'));
    await acme.createUser('bob');
    await refused(acme.createGroup('Crew'), ErrorReason.VALUE_INVALID, {
      attribute: `urn:ietf:params:scim:schemas:core:2.0:Group:${attribute}`,
    });
    await acme.createGroup({ displayName: 'Crew', externalId: 'G-1' });
  });
});

suite('unique group names', () => {
  const clash = { resource_type: 'Group', attribute: 'displayName' };

  test('are switched off and on again, with what is stored as it is', async () => {
    const acme = await connect();
    await acme.groupOf('Staff');
    await refused(acme.groupOf('staff'), ErrorReason.UNIQUENESS, clash);
    await update(acme, { uniqueGroupNames: false });
    const second = await acme.groupOf('staff');
    const error = await refusal(update(acme, { uniqueGroupNames: true, name: 'not changed' }));
    assert.equal(error.reason, ErrorReason.UNIQUENESS);
    const { ids = '', ...metadata } = error.metadata;
    assert.deepEqual(metadata, clash);
    const pair = ids.split('=').sort();
    assert.deepEqual(pair, (await acme.listGroups()).ids.sort());
    for (const id of pair) assert.ok(error.message.includes(id));
    const { uniqueGroupNames, name } = await acme.connection();
    assert.deepEqual([uniqueGroupNames, name], [false, 'Acme']);
    await acme.groupOf('STAFF');
    await acme.groupOf('Crew');

    for (const id of (await acme.listGroups({ filter: 'displayName eq "staff"' })).ids)
      if (id !== second) await acme.deleteGroup(id);
    await update(acme, { uniqueGroupNames: true });
    await refused(acme.groupOf('Staff'), ErrorReason.UNIQUENESS, clash);
    const rename = (name: string) => [operation(resourceTypes.group, 'REPLACE', 'displayName', name)];
    await refused(acme.patchGroup(second, rename('CREW')), ErrorReason.UNIQUENESS, clash);
    await refused(acme.replaceGroup(second, { displayName: 'crew' }, []), ErrorReason.UNIQUENESS, clash);
    await acme.patchGroup(second, rename('sTAFF'));
    await acme.deleteGroup(second);
    await acme.groupOf('Staff');
    await checkStored(directory.uri, acme.connectionId, await holdingsAsLogged(acme));
  });

  test('name some of many groups that share one', async () => {
    const acme = await connect({ uniqueGroupNames: false });
    await inParallel(
      Array.from({ length: 60 }, (_, index) => index),
      (index) => acme.groupOf(`group ${index % 20}`),
    );
    const { metadata, message } = await refusal(update(acme, { uniqueGroupNames: true }));
    assert.equal(metadata.ids?.split(',').length, 5);
    assert.ok(message.length < 1_000);
  });

  test('let no pair of equal names slip in while they are switched on, in any directory', async () => {
    await using second = await startTestDirectory(directory.uri);
    for (let round = 0; round < 10; round++) {
      const acme = await connect({ uniqueGroupNames: false });
      const both = [acme, driveConnection(second.clients, acme.connectionId)];
      const creating = both.flatMap((side) =>
        Array.from({ length: 4 }, (_, index) => side.groupOf(`group ${round} ${index}`)),
      );
      const switching = update(acme, { uniqueGroupNames: true });
      const [switched, ...created] = await Promise.allSettled([switching, ...creating]);
      const names = (await acme.listGroups()).groups.map(({ group }) => group.displayName);
      assert.equal(names.length, created.filter(({ status }) => status === 'fulfilled').length);
      const { uniqueGroupNames } = await acme.connection();
      assert.equal(uniqueGroupNames, switched.status === 'fulfilled');
      if (uniqueGroupNames) assert.equal(new Set(names).size, names.length, 'each name once');
      else assert.ok(new Set(names).size < names.length, 'it was refused for a reason');
    }
  });
});

suite('a user that is deleted where deleted users are kept', () => {
  test('is gone in every way but to who asks for deleted ones by id', async () => {
    const acme = await connect({ onDelete: OnDelete.DEACTIVATE });
    const { user } = await acme.createUser({ userName: 'ada', externalId: 'E-1', displayName: 'Ada' });
    const { user: bob } = await acme.createUser({
      userName: 'bob',
      enterprise: { manager: { value: idOf(user) } },
    });
    const id = idOf(user);
    const group = await acme.groupOf('Staff', [id, idOf(bob)]);
    const { position } = await acme.deleteUser(id);
    const notFound = [ErrorReason.RESOURCE_NOT_FOUND, { resource_type: 'User', id }] as const;
    await refused(acme.getUser(id), ...notFound);
    await refused(acme.patchUser(id, []), ...notFound);
    await refused(acme.replaceUser(id, { userName: 'ada' }), ...notFound);
    await refused(acme.deleteUser(id), ...notFound);
    const list = await acme.listUsers();
    assert.deepEqual([list.ids, list.header.totalSize], [[idOf(bob)], 1]);
    for (const filter of [`id eq "${id}"`, 'userName eq "ada"', 'externalId eq "E-1"', 'active eq false'])
      assert.deepEqual((await acme.listUsers({ filter })).ids, [], filter);
    assert.equal((await acme.connection()).users, 1);
    assert.deepEqual((await acme.listMembers(group, { includeInactive: true })).ids, [idOf(bob)]);
    assert.equal((await acme.check(id, group, { includeInactive: true })).member, false);
    await refused(acme.changeMembers(group, [members.add(id)]), ErrorReason.MEMBER_NOT_FOUND, {
      member: id,
      operation: '0',
    });

    const kept = await acme.getUser(id, { includeDeleted: true });
    const change = (await acme.listChanges(position - 1)).at(-1);
    assert.deepEqual(kept.deletedAt, change?.time);
    const meta = { ...user.meta, version: '2', lastModified: kept.deletedAt };
    assert.deepEqual(kept.user, { ...user, active: false, meta });
    assert.deepEqual(change?.what, {
      $case: 'resource',
      value: {
        resourceType: 'User',
        id,
        action: ResourceAction.DEACTIVATED,
        version: '2',
        active: false,
        attributes: [],
      },
    });
    const { active, ids } = await acme.listUserGroups(id, { nested: true, includeInactive: true });
    assert.deepEqual([active, ids], [false, []]);
    assert.equal((await acme.listUserGroups(id)).active, false);

    const { user: again } = await acme.createUser({ userName: 'ADA', externalId: 'E-1' });
    assert.notEqual(again.id, id);
    assert.equal((await acme.getUser(idOf(again), { includeDeleted: true })).deletedAt, undefined);
    assert.equal((await acme.getUser(id, { includeDeleted: true })).user.userName, 'ada');
    await checkStored(directory.uri, acme.connectionId, await holdingsAsLogged(acme));
  });

  test('is kept by what the setting is when it is deleted', async () => {
    const acme = await connect();
    const users = await acme.createUsers(['ada', 'bob', 'cy']);
    const [ada = '', bob = '', cy = ''] = users;
    await acme.deleteUser(ada);
    await update(acme, { onDelete: OnDelete.DEACTIVATE });
    await acme.deleteUser(bob, { validateOnly: true });
    assert.equal((await acme.getUser(bob, { includeDeleted: true })).deletedAt, undefined);
    await acme.deleteUser(bob);
    await update(acme, { onDelete: OnDelete.REMOVE });
    await acme.deleteUser(cy);
    for (const id of [ada, cy])
      await refused(acme.getUser(id, { includeDeleted: true }), ErrorReason.RESOURCE_NOT_FOUND, {
        resource_type: 'User',
        id,
      });
    assert.ok((await acme.getUser(bob, { includeDeleted: true })).deletedAt);
    const chosen = '0190a2cd-698c-73d9-852b-338c6b9c09b4';
    await update(acme, { onDelete: OnDelete.DEACTIVATE });
    for (const userName of ['first', 'second']) {
      await acme.createUser({ userName }, { id: chosen });
      await acme.deleteUser(chosen);
      assert.equal((await acme.getUser(chosen, { includeDeleted: true })).user.userName, userName);
    }
  });

  test('is kept also when the same transaction creates and deletes it', async () => {
    const acme = await connect({ onDelete: OnDelete.DEACTIVATE });
    const ids = Array.from({ length: 40 }, () => newUuid());
    const deleted = await inParallel(ids, async (id) => {
      const creating = acme.createUser(id, { id });
      const deleting = acme.deleteUser(id).then(
        () => true,
        () => false,
      );
      await creating;
      return deleting;
    });
    assert.ok(deleted.includes(true));
    for (const [index, id] of ids.entries()) {
      const { deletedAt } = await acme.getUser(id, { includeDeleted: true });
      assert.equal(deletedAt !== undefined, deleted[index]);
    }
    await checkStored(directory.uri, acme.connectionId, await holdingsAsLogged(acme));
  });

  test('is not found in another connection, and goes with its own', async () => {
    const [acme, globex] = [
      await connect({ onDelete: OnDelete.DEACTIVATE }),
      await connect({ onDelete: OnDelete.DEACTIVATE }),
    ];
    for (const connection of [acme, globex])
      for (const id of await connection.createUsers(['ada', 'bob'])) await connection.deleteUser(id);
    const group = await acme.groupOf('Staff');
    await acme.deleteGroup(group);
    assert.equal(await stored('deleted_users', acme.connectionId), 2);
    const [change] = await acme.listChanges();
    assert.ok(change?.what?.$case === 'resource');
    const { id } = change.what.value;
    assert.ok((await acme.getUser(id, { includeDeleted: true })).deletedAt);
    await refused(globex.getUser(id, { includeDeleted: true }), ErrorReason.RESOURCE_NOT_FOUND, {
      resource_type: 'User',
      id,
    });
    const { connectionId } = acme;
    await directory.clients.connections.deleteConnection({ connectionId });
    while ((await stored('connections', connectionId)) > 0);
    assert.equal(await stored('deleted_users', connectionId), 0);
    assert.equal(await stored('deleted_users', globex.connectionId), 2);
  });
});
