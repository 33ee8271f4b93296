import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import { v7 as newUuid } from 'uuid';
import { ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  DeclareExtensionRequest,
  GetConnectionRequest,
  OnDelete,
  RemoveExtensionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  CheckUserRoleRequest,
  ListUserRolesRequest,
  RollBackRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { idOf, members, oddIds, operation, refused, resourceTypes } from '../../support/connection-driver.ts';
import {
  byExternalId,
  byFilter,
  byId,
  byName,
  changesAfter,
  everyone,
  hour,
  type RolesFixture,
  setActive,
  start,
} from './roles-fixture.ts';

/** What roles users have, and why. */
export function testRolesOfUsers({ rollcall, clock, createRoles }: RolesFixture): void {
  suite('the roles of a user', () => {
    test('come from groups by id, externalId and name at any depth, from conditions, and by default', async () => {
      const acme = await createRoles();
      const [ada = '', bob = ''] = await acme.createUsers(['ada@example.com', 'bob@example.com']);
      await acme.patchUser(ada, [operation(resourceTypes.user, 'ADD', 'title', 'Engineer')]);
      const inner = await acme.groupOf('Inner', [ada]);
      const { group: middleGroup } = await acme.createGroup({ displayName: 'Middle', externalId: 'M-1' }, [
        inner,
      ]);
      const middle = idOf(middleGroup);
      const outer = await acme.groupOf('Straße', [middle]);
      // A circle.
      await acme.changeMembers(inner, [members.add(outer)]);
      const { version } = await acme.set([
        { id: 'by-id', subject: byId(inner), roles: ['editor', 'viewer'], precedence: 1 },
        { id: 'by-external', subject: byExternalId('M-1'), roles: ['viewer'] },
        { id: 'by-name', subject: byName('STRASSE'), roles: ['nothing'] },
        { id: 'by-name-2', subject: byName('STRAßE'), roles: ['admin'], precedence: 2 },
        {
          id: 'filter',
          subject: byFilter(`title sw "Eng" and groups[value eq "${inner}"]`),
          roles: ['coder'],
        },
        { id: 'all', subject: everyone, roles: ['member'], precedence: 0 },
        { id: 'nobody', subject: byName('Typo'), roles: ['admin'] },
      ]);
      assert.deepEqual(await acme.rolesOf(ada), ['admin', 'coder', 'editor', 'member', 'viewer']);
      assert.deepEqual(await acme.why(ada, 'viewer'), [
        `by-external: ${inner} < ${middle}`,
        `by-id: ${inner}`,
      ]);
      assert.deepEqual(await acme.why(ada, 'admin'), [`by-name-2: ${inner} < ${middle} < ${outer}`]);
      assert.deepEqual(await acme.why(ada, 'coder'), ['filter: userFilter']);
      assert.deepEqual(await acme.rolesOf(bob), ['member']);
      assert.deepEqual(await acme.why(bob, 'member'), ['all: everyone']);

      const { connectionId } = acme;
      const request = ListUserRolesRequest.fromPartial({ connectionId, userId: ada });
      const { user, asOf } = await rollcall.directory.roles.listUserRoles(request);
      assert.deepEqual([user?.known, user?.active, user?.primaryRole], [true, true, 'admin']);
      assert.equal(asOf, await acme.position());
      assert.ok(
        user?.roles.every(({ because }) => because.every((reason) => reason.mappingsVersion === version)),
      );

      await acme.patchGroup(outer, [operation(resourceTypes.group, 'REPLACE', 'displayName', 'Other')]);
      assert.ok(!(await acme.rolesOf(ada)).includes('admin'));
      await acme.deleteGroup(inner);
      assert.deepEqual(await acme.rolesOf(ada), ['member']);
    });

    test('are none for who is inactive or deleted, and unknown users are said to be', async () => {
      const acme = await createRoles();
      const { connectionId } = acme;
      await rollcall.directory.connections.updateConnection(
        UpdateConnectionRequest.fromPartial({ connectionId, onDelete: OnDelete.DEACTIVATE }),
      );
      const [ada = '', bob = '', cy = ''] = await acme.createUsers(['ada', 'bob', 'cy']);
      const staff = await acme.groupOf('Staff', [ada, bob]);
      await acme.set([
        { id: 'staff', subject: byId(staff), roles: ['staff'], notAfter: new Date(start + 100 * hour) },
        { id: 'all', subject: everyone, roles: ['member'] },
      ]);
      await setActive(acme, ada, false);
      await acme.deleteUser(bob);
      const { roles } = rollcall.directory;
      for (const id of [ada, bob]) {
        const { user } = await roles.listUserRoles(
          ListUserRolesRequest.fromPartial({ connectionId, userId: id }),
        );
        assert.deepEqual(user, {
          userId: id,
          known: true,
          active: false,
          roles: [],
          primaryRole: '',
          validUntil: undefined,
        });
      }
      assert.deepEqual(await acme.holders('staff'), []);
      assert.deepEqual(await acme.holders('member'), [cy]);
      await setActive(acme, ada, true);
      assert.deepEqual(await acme.rolesOf(ada), ['member', 'staff']);
      for (const userId of [...oddIds, newUuid(), staff]) {
        const request = { connectionId, userId };
        await refused(
          roles.listUserRoles(ListUserRolesRequest.fromPartial(request)),
          ErrorReason.RESOURCE_NOT_FOUND,
          {
            resource_type: 'User',
            id: userId.slice(0, 64),
          },
        );
        const check = await roles.checkUserRole(
          CheckUserRoleRequest.fromPartial({ ...request, role: 'member' }),
        );
        assert.deepEqual([check.hasRole, check.active, check.because], [false, false, []]);
      }
    });

    test('begin and end on time, in answers at once and once in the log of whichever instance notices', async () => {
      const acme = await createRoles();
      const { connectionId } = acme;
      const [ada = ''] = await acme.createUsers(['ada']);
      const times = [1, 2, 3].map((hours) => new Date(clock.now + hours * hour));
      const [begins, changes, ends] = times;
      await acme.set([
        { id: 'guest', subject: everyone, roles: ['guest'], notAfter: changes },
        { id: 'host', subject: everyone, roles: ['host'], notBefore: begins, notAfter: ends },
        {
          id: 'far',
          subject: byName('Nobody'),
          roles: ['host'],
          notBefore: new Date(clock.now + 1000 * hour),
        },
      ]);
      const seen = async () => {
        const { user } = await rollcall.directory.roles.listUserRoles(
          ListUserRolesRequest.fromPartial({ connectionId, userId: ada }),
        );
        return [user?.roles.map(({ role }) => role), user?.validUntil];
      };
      let { position } = await acme.connection();
      assert.deepEqual(await seen(), [['guest'], begins]);
      for (const [time, roles, until, began, ended] of [
        [begins, ['guest', 'host'], changes, ['host'], []],
        [changes, ['host'], ends, [], ['guest']],
        [ends, [], undefined, [], ['host']],
      ] as const) {
        clock.now = (time?.getTime() ?? 0) - 1;
        assert.deepEqual((await seen())[1], time);
        clock.now += 1;
        assert.deepEqual(await seen(), [roles, until]);
        assert.deepEqual((await acme.holders('host')).length, roles.includes('host' as never) ? 1 : 0);
        const [record] = await changesAfter(acme, position, 1);
        assert.deepEqual(record?.what, { $case: 'validity', value: { began, ended } });
        assert.deepEqual([record?.type, record?.affected?.everyone], [ChangeType.ACCESS_CHANGED, true]);
        position += 1;
      }
      // Whoever else looked did not write.
      const [other = ''] = await acme.createUsers(['bob']);
      const last = await acme.listChanges(position);
      assert.deepEqual(
        last.map(({ what }) => what?.$case === 'resource' && what.value.id),
        [other],
      );
    });

    test('come from attributes that the connection declares, which it keeps as long as a mapping goes by them', async () => {
      const acme = await createRoles();
      const { connectionId } = acme;
      const urn = 'urn:example:params:scim:schemas:extension:badge:2.0:User';
      const schema = { id: urn, name: 'Badge', attributes: [{ name: 'clearance', type: 'string' }] };
      const { connections } = rollcall.directory;
      const declare = (clearance: object = {}) =>
        connections.declareExtension(
          DeclareExtensionRequest.fromPartial({
            connectionId,
            extension: {
              resourceType: 'User',
              schema: { ...schema, attributes: [{ ...schema.attributes[0], ...clearance }] },
            },
          }),
        );
      const folded = async () => {
        for (;;) {
          const request = GetConnectionRequest.fromPartial({ connectionId });
          if ((await connections.getConnection(request)).connection?.refolding === undefined) return;
        }
      };
      const remove = () =>
        connections.removeExtension(RemoveExtensionRequest.fromPartial({ connectionId, urn }));
      const { connection } = await declare();
      const declared = createDeclaredRegistry(connection?.extensions ?? []).resourceType('User');
      const { user } = await acme.createUser({
        userName: 'ada',
        extensions: { [urn]: { Clearance: 'Top' } },
      });
      const bob = idOf((await acme.createUser('bob')).user);
      const type = declared ?? assert.fail();
      const filter = parseFilter(type, `${urn}:clearance eq "top"`);
      const spies = [{ id: 'top', subject: { $case: 'userFilter', value: filter } as const, roles: ['spy'] }];
      await folded();
      await acme.set(spies);
      const holders = [idOf(user), bob].sort();
      assert.deepEqual(await acme.rolesOf(idOf(user)), ['spy']);
      assert.deepEqual(await acme.rolesOf(bob), []);
      assert.deepEqual(await acme.holders('spy'), [idOf(user)]);
      await acme.patchUser(bob, [operation(type, 'ADD', `${urn}:clearance`, 'TOP')]);
      assert.deepEqual(await acme.rolesOf(bob), ['spy']);
      assert.deepEqual(await acme.holders('spy'), holders);

      await declare({ caseExact: true });
      assert.deepEqual(await acme.rolesOf(bob), []);
      await folded();
      assert.deepEqual(await acme.holders('spy'), []);
      await declare();
      await folded();

      // As it is while what is stored is brought to that: what one user is given is known, and who has it all is not.
      await using client = await new MongoClient(rollcall.database.uri).connect();
      const refolding = (names: readonly string[]) =>
        client
          .db()
          .collection<Document & { _id: string }>('heads')
          .updateOne({ _id: connectionId }, { $set: { 'settings.refolding': names } });
      const attribute = `${urn}:clearance`;
      await refolding([attribute]);
      assert.deepEqual(await acme.rolesOf(bob), ['spy']);
      await refused(acme.holders('spy'), ErrorReason.DEFINITIONS_CHANGING, { attribute });
      await refused(
        acme.set([...spies, { id: 'z', subject: everyone, roles: ['z'] }]),
        ErrorReason.DEFINITIONS_CHANGING,
        {
          attribute,
        },
      );
      await refolding([]);
      assert.deepEqual(await acme.holders('spy'), holders);

      await refused(remove(), ErrorReason.REQUEST_INVALID, { field: 'extension' });
      assert.deepEqual(await acme.rolesOf(bob), ['spy']);
      // Whichever comes first: never is a mapping in force that names what is not declared.
      await acme.set([]);
      const [removed, set] = await Promise.allSettled([remove(), acme.set(spies)]);
      assert.notEqual(removed.status, set.status);
      if (removed.status === 'rejected') {
        assert.equal(removed.reason.reason, ErrorReason.REQUEST_INVALID);
        await acme.set([]);
        await remove();
      }
      await folded();
      assert.deepEqual(await acme.rolesOf(bob), []);
      await refused(acme.set(spies), ErrorReason.FILTER_INVALID, { attribute });
      const back = rollcall.directory.roles.rollBackRoleMappings(
        RollBackRoleMappingsRequest.fromPartial({ connectionId, version: 1 }),
      );
      await refused(back, ErrorReason.FILTER_INVALID, { attribute });
    });

    test('can be asked for so many at once, in their order', async () => {
      const acme = await createRoles();
      const { id: connectionId } = acme.connection_;
      const names = Array.from({ length: 230 }, (_, index) => `user ${index}`);
      const ids = await acme.createUsers(names);
      const odd = ids.filter((_, index) => index % 2);
      await acme.set([{ id: 'odd', subject: byId(await acme.groupOf('Odd', odd)), roles: ['odd'] }]);
      const unknown = newUuid();
      const asked = [...ids.toReversed(), unknown, ids[0] ?? ''];
      const access = await rollcall.accessFor(acme.connection_);
      const { users, asOf } = await access.roles.ofUsers.query({ connection: connectionId, users: asked });
      assert.equal(asOf, await acme.position());
      assert.deepEqual(
        users.map(({ user, known, roles }) => [user, known, roles.map(({ role }) => role)]),
        asked.map((id) => [id, id !== unknown, odd.includes(id) ? ['odd'] : []]),
      );
      assert.deepEqual(await acme.holders('odd', 50), odd.toSorted());
    });
  });
}
