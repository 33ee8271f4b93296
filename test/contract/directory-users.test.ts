import assert from 'node:assert/strict';
import { after, before, suite } from 'node:test';
import { v7 as newUuid } from 'uuid';
import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import { CreateUserRequest } from '#proto/rollcall/directory/v1/user_service.ts';
import type { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import type { JsonValue } from '#scim/json.ts';
import { maxResourceBytes } from '../../services/directory/resources.ts';
import {
  idOf,
  oddIds,
  operation,
  refused,
  resourceTypes,
  testInConnection,
  writesNothing,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

const patch = (op: keyof typeof PatchOp, path: string, value?: JsonValue, index = 0) =>
  operation(resourceTypes.user, op, path, value, index);

const inConnection = testInConnection(() => directory.clients);

suite('creating a user', () => {
  inConnection('answers what was stored, with what the server sets', async (acme) => {
    const started = Date.now();
    const { user, position } = await acme.createUser(
      {
        userName: 'Ada@Example.com',
        externalId: 'E-1',
        name: { givenName: 'Ada' },
        emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
        enterprise: { department: 'Engines' },
      },
      { requestId: 'request-1' },
    );
    assert.match(idOf(user), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(user.userName, 'Ada@Example.com');
    assert.equal(user.active, true);
    assert.equal(user.name?.givenName, 'Ada');
    assert.equal(user.enterprise?.department, 'Engines');
    assert.deepEqual(
      user.emails.map(({ value, type, primary }) => ({ value, type, primary })),
      [{ value: 'ada@example.com', type: 'work', primary: true }],
    );
    assert.equal(user.meta?.resourceType, 'User');
    assert.equal(user.meta?.version, '1');
    assert.ok((user.meta?.created?.getTime() ?? 0) >= started);
    assert.deepEqual(user.meta?.lastModified, user.meta?.created);
    assert.equal(position, 1);

    const read = await acme.getUser(idOf(user));
    const identity = { login: 'Ada@Example.com', email: 'ada@example.com', externalId: 'E-1' };
    assert.deepEqual(read, { user, asOf: 1, deletedAt: undefined, identity });
    const [change, ...others] = await acme.listChanges();
    assert.equal(others.length, 0);
    assert.equal(change?.requestId, 'request-1');
    assert.deepEqual(change?.what, {
      $case: 'resource',
      value: {
        resourceType: 'User',
        id: user.id,
        action: ResourceAction.CREATED,
        version: '1',
        active: true,
        attributes: [],
      },
    });
  });

  inConnection('leaves out what only the server sets, and the password', async (acme) => {
    const { user } = await acme.createUser({
      userName: 'ada',
      id: newUuid(),
      meta: { version: '9', resourceType: 'Robot' },
      groups: [{ value: newUuid() }],
      password: 'correct horse',
    });
    const read = await acme.getUser(idOf(user));
    assert.equal(read.user.id, user.id);
    assert.equal(read.user.meta?.version, '1');
    assert.equal(read.user.meta?.resourceType, 'User');
    assert.deepEqual(read.user.groups, []);
    assert.equal(read.user.password, undefined);
  });

  inConnection('keeps active as it was sent, and is true when it was not', async (acme) => {
    for (const active of [true, false, undefined]) {
      const { user } = await acme.createUser({ userName: `user ${active}`, active });
      assert.equal((await acme.getUser(idOf(user))).user.active, active ?? true);
    }
  });

  inConnection('takes an id that was made before, once', async (acme) => {
    const id = newUuid();
    const { user } = await acme.createUser('ada', { id });
    assert.equal(user.id, id);
    const taken = { resource_type: 'User', attribute: 'id' };
    await refused(acme.createUser('ada', { id }), ErrorReason.UNIQUENESS, taken);
    await refused(acme.createUser('bob', { id }), ErrorReason.UNIQUENESS, taken);
    assert.equal((await acme.getUser(id)).user.userName, 'ada');
    for (const odd of oddIds)
      await refused(acme.createUser('cat', { id: odd }), ErrorReason.REQUEST_INVALID, { field: 'id' });
  });

  inConnection('refuses the id of a group, so that a member id names one thing', async (acme) => {
    const group = await acme.groupOf('Staff');
    await refused(acme.createUser('ada', { id: group }), ErrorReason.UNIQUENESS, {
      resource_type: 'User',
      attribute: 'id',
    });
    const { user } = await acme.createUser('ada');
    await refused(acme.createGroup('Others', [], { id: idOf(user) }), ErrorReason.UNIQUENESS, {
      resource_type: 'Group',
      attribute: 'id',
    });
  });

  inConnection(
    'refuses a userName that another user has in any case, until that one is gone',
    async (acme) => {
      const { user } = await acme.createUser('Ada@Example.com');
      await writesNothing(acme, () =>
        refused(acme.createUser('aDA@example.COM'), ErrorReason.UNIQUENESS, {
          resource_type: 'User',
          attribute: 'userName',
        }),
      );
      await acme.deleteUser(idOf(user));
      const again = await acme.createUser('aDA@example.COM');
      assert.notEqual(again.user.id, user.id);
    },
  );

  inConnection('refuses a missing or blank userName and a missing user', async (acme) => {
    await writesNothing(acme, async () => {
      for (const user of [{}, { userName: '' }, { userName: '  ' }])
        await refused(acme.createUser(user), ErrorReason.VALUE_INVALID, { attribute: 'userName' });
      const { connectionId } = acme;
      await refused(
        directory.clients.users.createUser(CreateUserRequest.fromPartial({ connectionId })),
        ErrorReason.REQUEST_INVALID,
        { field: 'user' },
      );
    });
  });

  inConnection('refuses values that do not fit their type and names where they stand', async (acme) => {
    const x509Certificates = [{ value: 'not base64!' }];
    await refused(acme.createUser({ userName: 'ada', x509Certificates }), ErrorReason.VALUE_INVALID, {
      attribute: 'x509Certificates.value',
    });
  });

  inConnection('refuses a resource above the limit', async (acme) => {
    const tooLong = { userName: 'ada', title: 'x'.repeat(maxResourceBytes) };
    const limit = { limit: 'resource bytes', maximum: String(256 * 1024) };
    const { user } = await acme.createUser({ userName: 'ada', nickName: 'x'.repeat(maxResourceBytes / 2) });
    await writesNothing(acme, async () => {
      await refused(acme.createUser(tooLong), ErrorReason.LIMIT_EXCEEDED, limit);
      await refused(acme.replaceUser(idOf(user), tooLong), ErrorReason.LIMIT_EXCEEDED, limit);
      const growing = [patch('ADD', 'title', 'x'.repeat(maxResourceBytes / 2))];
      await refused(acme.patchUser(idOf(user), growing), ErrorReason.LIMIT_EXCEEDED, limit);
    });
  });

  inConnection('keeps a request id of at most 64 characters', async (acme) => {
    await acme.createUser('ada', { requestId: 'r'.repeat(64) });
    assert.equal((await acme.listChanges())[0]?.requestId, 'r'.repeat(64));
    await refused(acme.createUser('bob', { requestId: 'r'.repeat(65) }), ErrorReason.REQUEST_INVALID, {
      field: 'request_id',
    });
  });
});

suite('validate_only', () => {
  inConnection('answers what a write would, and writes nothing', async (acme) => {
    const { user } = await acme.createUser({ userName: 'ada', title: 'Countess' });
    const id = idOf(user);
    const validateOnly = true;
    await writesNothing(acme, async () => {
      const created = await acme.createUser('bob', { validateOnly });
      await refused(acme.getUser(idOf(created.user)), ErrorReason.RESOURCE_NOT_FOUND, {
        resource_type: 'User',
        id: idOf(created.user),
      });
      const replaced = await acme.replaceUser(id, { userName: 'lovelace' }, { validateOnly });
      assert.equal(replaced.user.userName, 'lovelace');
      assert.equal(replaced.changed, true);
      const patched = await acme.patchUser(id, [patch('REPLACE', 'title', 'Analyst')], { validateOnly });
      assert.equal(patched.user.title, 'Analyst');
      assert.equal(patched.user.meta?.version, '2');
      assert.equal((await acme.deleteUser(id, { validateOnly })).position, 1);
      assert.deepEqual((await acme.getUser(id)).user, user);
    });
    await acme.createUser('lovelace');
  });

  inConnection('refuses what a write would', async (acme) => {
    const { user } = await acme.createUser('ada');
    await acme.createUser('bob');
    const id = idOf(user);
    const validateOnly = true;
    const taken = { resource_type: 'User', attribute: 'userName' };
    await writesNothing(acme, async () => {
      await refused(acme.createUser('BOB', { validateOnly }), ErrorReason.UNIQUENESS, taken);
      await refused(
        acme.replaceUser(id, { userName: 'BOB' }, { validateOnly }),
        ErrorReason.UNIQUENESS,
        taken,
      );
      await refused(
        acme.patchUser(id, [patch('REPLACE', 'userName', 'BOB')], { validateOnly }),
        ErrorReason.UNIQUENESS,
        taken,
      );
      await refused(
        acme.deleteUser(id, { validateOnly, expectedVersion: '2' }),
        ErrorReason.VERSION_MISMATCH,
        {
          version: '1',
        },
      );
    });
  });
});

suite('replacing a user', () => {
  inConnection('drops what is not sent, but keeps active', async (acme) => {
    const { user } = await acme.createUser({
      userName: 'ada',
      title: 'Countess',
      active: false,
      externalId: 'E-1',
    });
    const { user: next, changed, position } = await acme.replaceUser(idOf(user), { userName: 'lovelace' });
    assert.equal(changed, true);
    assert.equal(position, 2);
    assert.deepEqual((await acme.getUser(idOf(user))).user, next);
    assert.equal(next.title, undefined);
    assert.equal(next.externalId, undefined);
    assert.equal(next.active, false);
    assert.equal(next.meta?.version, '2');
    assert.deepEqual(next.meta?.created, user.meta?.created);
    const [change] = await acme.listChanges(1);
    assert.deepEqual(change?.what, {
      $case: 'resource',
      value: {
        resourceType: 'User',
        id: user.id,
        action: ResourceAction.UPDATED,
        version: '2',
        active: false,
        attributes: ['externalId', 'title', 'userName'],
      },
    });
  });

  inConnection('writes nothing when nothing changes', async (acme) => {
    const emails = [{ value: 'ada@example.com', type: 'work' }];
    const { user } = await acme.createUser({ userName: 'ada', emails });
    await writesNothing(acme, async () => {
      const answer = await acme.replaceUser(idOf(user), { userName: 'ada', emails });
      assert.equal(answer.changed, false);
      assert.deepEqual(answer.user, user);
    });
  });

  inConnection('may change the case of its own userName', async (acme) => {
    const { user } = await acme.createUser('ada');
    const { user: next } = await acme.replaceUser(idOf(user), { userName: 'ADA' });
    assert.equal(next.userName, 'ADA');
    await refused(acme.createUser('Ada'), ErrorReason.UNIQUENESS, {
      resource_type: 'User',
      attribute: 'userName',
    });
  });
});

suite('patching a user', () => {
  inConnection('applies operations in order, as one change', async (acme) => {
    const { user } = await acme.createUser('ada');
    const { user: next, position } = await acme.patchUser(idOf(user), [
      patch('ADD', 'emails', [{ value: 'ada@example.com', type: 'work' }]),
      patch('REPLACE', 'emails[type eq "work"].value', 'countess@example.com', 1),
      patch('ADD', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', 'Engines', 2),
    ]);
    assert.equal(position, 2);
    assert.equal(next.emails[0]?.value, 'countess@example.com');
    assert.equal(next.enterprise?.department, 'Engines');
    assert.equal(next.meta?.version, '2');
    assert.deepEqual((await acme.getUser(idOf(user))).user, next);
    const [change] = await acme.listChanges(1);
    assert.ok(change?.what?.$case === 'resource');
    assert.deepEqual(change.what.value.attributes, ['emails', 'enterprise']);
  });

  inConnection('writes nothing when nothing changes', async (acme) => {
    const { user } = await acme.createUser({ userName: 'ada', title: 'Countess' });
    await writesNothing(acme, async () => {
      const operations = [patch('REPLACE', 'title', 'X'), patch('REPLACE', 'title', 'Countess', 1)];
      const answer = await acme.patchUser(idOf(user), operations);
      assert.equal(answer.changed, false);
      assert.deepEqual(answer.user, user);
      assert.equal((await acme.patchUser(idOf(user), [])).changed, false);
    });
  });

  inConnection('is refused whole when one operation cannot be applied', async (acme) => {
    const { user } = await acme.createUser({
      userName: 'ada',
      emails: [{ value: 'a@example.com', type: 'work' }],
    });
    const id = idOf(user);
    const first = patch('REPLACE', 'title', 'Analyst');
    const refuses = (second: ReturnType<typeof patch>, reason: ErrorReason, attribute: string) =>
      refused(acme.patchUser(id, [first, second]), reason, { attribute, operation: '1' });
    await writesNothing(acme, async () => {
      const home = patch('REPLACE', 'emails[type eq "home"].value', 'b@example.com', 1);
      await refuses(home, ErrorReason.NO_TARGET, 'emails.value');
      await refuses(patch('REPLACE', 'id', newUuid(), 1), ErrorReason.MUTABILITY, 'id');
      await refuses(patch('ADD', 'groups', [{ value: newUuid() }], 1), ErrorReason.MUTABILITY, 'groups');
      await refuses(patch('REMOVE', 'userName', undefined, 1), ErrorReason.MUTABILITY, 'userName');
      await refuses(patch('REPLACE', 'active', 'maybe', 1), ErrorReason.VALUE_INVALID, 'active');
      const unknown = {
        ...patch('ADD', 'title', 'x', 1),
        path: { extension: '', attribute: 'shoeSize', subAttribute: '' },
      };
      await refuses(unknown, ErrorReason.PATH_INVALID, 'shoeSize');
      const bracketed = patch('ADD', 'emails[type eq "work"].value', 'x', 1);
      if (
        bracketed.path?.valueFilter?.node?.$case === 'comparison' &&
        bracketed.path.valueFilter.node.value.path
      )
        bracketed.path.valueFilter.node.value.path.attribute = 'shoeSize';
      await refused(acme.patchUser(id, [first, bracketed]), ErrorReason.FILTER_INVALID, {
        attribute: 'emails.shoeSize',
      });
    });
  });

  inConnection('makes the value that its filter describes when told to', async (acme) => {
    const { user } = await acme.createUser('ada');
    const operations = [patch('REPLACE', 'emails[type eq "work"].value', 'ada@example.com')];
    const { user: next } = await acme.patchUser(idOf(user), operations, { onNoTarget: OnNoTarget.CREATE });
    assert.equal(next.emails[0]?.value, 'ada@example.com');
    assert.equal(next.emails[0]?.type, 'work');
  });

  inConnection('takes at most 1,000 operations', async (acme) => {
    const { user } = await acme.createUser('ada');
    const many = Array.from({ length: 1_001 }, (_, index) => patch('REPLACE', 'title', `t${index}`, index));
    const limit = { limit: 'operations', maximum: '1000' };
    await refused(acme.patchUser(idOf(user), many), ErrorReason.LIMIT_EXCEEDED, limit);
    const { user: next } = await acme.patchUser(idOf(user), many.slice(1));
    assert.equal(next.title, 't1000');
    assert.equal(next.meta?.version, '2');
  });

  inConnection('without active says so in the change record', async (acme) => {
    const { user } = await acme.createUser('ada');
    const { user: next } = await acme.patchUser(idOf(user), [patch('REMOVE', 'active')]);
    assert.equal(next.active, undefined);
    const [change] = await acme.listChanges(1);
    assert.ok(change?.what?.$case === 'resource');
    assert.equal(change.what.value.active, false);
  });
});

suite('expected_version', () => {
  inConnection('lets a write through only at that version', async (acme) => {
    const { user } = await acme.createUser('ada');
    const id = idOf(user);
    await acme.patchUser(id, [patch('ADD', 'title', 'Countess')], { expectedVersion: '1' });
    await writesNothing(acme, async () => {
      for (const expectedVersion of ['1', '3', '', 'W/"2"']) {
        const mismatch = [ErrorReason.VERSION_MISMATCH, { version: '2' }] as const;
        await refused(acme.replaceUser(id, { userName: 'x' }, { expectedVersion }), ...mismatch);
        await refused(acme.patchUser(id, [patch('REMOVE', 'title')], { expectedVersion }), ...mismatch);
        await refused(acme.deleteUser(id, { expectedVersion }), ...mismatch);
      }
    });
    await acme.replaceUser(id, { userName: 'lovelace' }, { expectedVersion: '2' });
    await acme.deleteUser(id, { expectedVersion: '3' });
  });
});

suite('deleting a user', () => {
  inConnection('ends it and every membership it has', async (acme) => {
    const { user } = await acme.createUser('ada');
    const id = idOf(user);
    const [first, second] = [await acme.groupOf('One', [id]), await acme.groupOf('Two', [id])];
    const { position } = await acme.deleteUser(id);
    assert.equal(position, await acme.position());
    for (const group of [first, second]) assert.deepEqual((await acme.getGroup(group)).members, []);
    const gone = [ErrorReason.RESOURCE_NOT_FOUND, { resource_type: 'User', id }] as const;
    await refused(acme.getUser(id), ...gone);
    await refused(acme.deleteUser(id), ...gone);
    await refused(acme.patchUser(id, []), ...gone);
    await refused(acme.replaceUser(id, { userName: 'ada' }), ...gone);
    const change = (await acme.listChanges()).at(-1);
    assert.ok(change?.what?.$case === 'resource');
    assert.equal(change.what.value.action, ResourceAction.DELETED);
    assert.equal((await acme.connection()).users, 0);
  });
});

suite('an id of another form', () => {
  inConnection('names no user, in every method', async (acme) => {
    await writesNothing(acme, async () => {
      for (const id of oddIds) {
        const none = [
          ErrorReason.RESOURCE_NOT_FOUND,
          { resource_type: 'User', id: id.slice(0, 64) },
        ] as const;
        await refused(acme.getUser(id), ...none);
        await refused(acme.replaceUser(id, { userName: 'ada' }), ...none);
        await refused(acme.patchUser(id, [patch('ADD', 'title', 'x')]), ...none);
        await refused(acme.deleteUser(id), ...none);
      }
    });
  });
});

suite('what is derived', () => {
  inConnection('is filled when read, unless masked', async (acme) => {
    const boss = await acme.createUser({ userName: 'boss', displayName: 'The Boss' });
    const { user } = await acme.createUser({
      userName: 'ada',
      enterprise: { manager: { value: idOf(boss.user) } },
    });
    const inner = await acme.groupOf('Inner', [idOf(user)]);
    await acme.groupOf('Outer', [inner]);

    const groups = [{ value: inner, ref: undefined, display: 'Inner', type: 'direct' }];
    const whole = await acme.getUser(idOf(user));
    assert.deepEqual(whole.user.groups, groups);
    assert.equal(whole.user.enterprise?.manager?.displayName, 'The Boss');
    const listed = await acme.listUsers({ filter: 'userName eq "ada"' });
    assert.deepEqual(listed.users, [whole.user]);
    const patched = await acme.patchUser(idOf(user), [patch('ADD', 'title', 'x')]);
    assert.deepEqual(patched.user.groups, groups);

    const withoutGroups = await acme.getUser(idOf(user), { mask: { withoutGroups: true } });
    assert.deepEqual(withoutGroups.user.groups, []);
    assert.equal(withoutGroups.user.enterprise?.manager?.displayName, 'The Boss');
    const withoutNames = await acme.getUser(idOf(user), { mask: { withoutNames: true } });
    assert.deepEqual(withoutNames.user.groups, [{ ...groups[0], display: undefined }]);
    assert.equal(withoutNames.user.enterprise?.manager?.displayName, undefined);
  });
});
