import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import { ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import { DeleteConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  GetRoleMappingsRequest,
  ListRoleMappingsVersionsRequest,
  RollBackRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { oddIds, refused, writesNothing } from '../../support/connection-driver.ts';
import {
  byId,
  byName,
  everyone,
  hour,
  type PartialMapping,
  type RolesFixture,
  type Subject,
  start,
} from './roles-fixture.ts';

/** Setting mappings, their versions and what is refused. */
export function testRoleMappings({ rollcall, clock, createRoles }: RolesFixture): void {
  suite('role mappings', () => {
    test('are set as versions, read, gone back to, and listed with who set them', async () => {
      const acme = await createRoles();
      const { connectionId } = acme;
      const { roles } = rollcall.directory;
      const read = async (version?: number) => {
        const answer = await roles.getRoleMappings(
          GetRoleMappingsRequest.fromPartial({ connectionId, version }),
        );
        return [answer.version?.version, answer.mappings?.mappings.map(({ id }) => id)];
      };
      assert.deepEqual(await read(), [0, []]);
      const one: PartialMapping = { id: 'one', subject: byName('Staff'), roles: ['staff'] };
      const two: PartialMapping = { id: 'two', subject: everyone, roles: ['member'], precedence: -3 };
      const first = await acme.set([two, one], { author: ' ada@example.com ' });
      assert.deepEqual([first.version, first.changed, first.position], [1, true, await acme.position()]);
      assert.deepEqual(await read(), [1, ['one', 'two']]);

      await writesNothing(acme, async () => {
        // The same in another order is the same.
        assert.deepEqual(await acme.set([one, two]), {
          version: 1,
          changed: false,
          position: first.position,
        });
        assert.equal((await acme.set([one], { validateOnly: true })).changed, true);
        await refused(acme.set([one], { expectedVersion: 0 }), ErrorReason.VERSION_MISMATCH, {
          version: '1',
        });
      });
      clock.now += hour;
      assert.equal(
        (await acme.set([{ ...one, roles: ['crew'] }], { expectedVersion: 1, author: 'bob' })).version,
        2,
      );
      const back = (version: number, expectedVersion?: number) =>
        roles.rollBackRoleMappings(
          RollBackRoleMappingsRequest.fromPartial({ connectionId, version, author: 'cy', expectedVersion }),
        );
      await refused(back(1, 1), ErrorReason.VERSION_MISMATCH, { version: '2' });
      await refused(back(7), ErrorReason.MAPPINGS_VERSION_NOT_FOUND, { version: '7' });
      await refused(read(3), ErrorReason.MAPPINGS_VERSION_NOT_FOUND, { version: '3' });
      assert.equal((await back(1)).version?.version, 3);
      assert.equal((await back(1)).changed, false);
      assert.deepEqual(await read(), [3, ['one', 'two']]);
      assert.deepEqual(await read(2), [2, ['one']]);
      assert.equal((await back(0)).version?.mappings, 0);

      const history = async (before = 0, pageSize = 0) => {
        const request = ListRoleMappingsVersionsRequest.fromPartial({ connectionId, before, pageSize });
        return (await roles.listRoleMappingsVersions(request)).versions;
      };
      assert.deepEqual(
        (await history()).map(({ version, author, mappings, rolledBackTo, time }) => [
          version,
          author,
          mappings,
          rolledBackTo,
          time?.getTime(),
        ]),
        [
          [4, 'cy', 0, 0, clock.now],
          [3, 'cy', 2, 1, clock.now],
          [2, 'bob', 1, 0, clock.now],
          [1, 'ada@example.com', 2, 0, clock.now - hour],
        ],
      );
      assert.deepEqual(
        (await history(4, 2)).map(({ version }) => version),
        [3, 2],
      );
      const changes = await acme.listChanges();
      assert.deepEqual(
        changes.map(({ type, affected, what }) => [
          type,
          affected?.everyone,
          what?.$case === 'mappings' && [what.value.version, what.value.author, what.value.mappingIds],
        ]),
        [
          [ChangeType.MAPPINGS_CHANGED, true, [1, 'ada@example.com', ['one', 'two']]],
          [ChangeType.MAPPINGS_CHANGED, true, [2, 'bob', ['one', 'two']]],
          [ChangeType.MAPPINGS_CHANGED, true, [3, 'cy', ['one', 'two']]],
          [ChangeType.MAPPINGS_CHANGED, true, [4, 'cy', ['one', 'two']]],
        ],
      );
    });

    test('that cannot be are refused with what to change, and change nothing', async () => {
      const acme = await createRoles();
      const good: PartialMapping = { id: 'a', subject: everyone, roles: ['r'] };
      const field = (mapping: Partial<PartialMapping>, name: string) =>
        refused(acme.set([good, { ...good, id: 'b', ...mapping }]), ErrorReason.REQUEST_INVALID, {
          field: `mappings[1].${name}`,
        });
      const unusable = (name: string): Subject => ({
        $case: 'userFilter',
        value: {
          node: {
            $case: 'present',
            value: { extension: '', attribute: name, subAttribute: '', valueFilter: undefined },
          },
        },
      });
      await writesNothing(acme, async () => {
        await field({ id: 'a' }, 'id');
        await field({ id: 'No' }, 'id');
        await field({ subject: undefined }, 'subject');
        await field({ subject: byName('') }, 'subject');
        for (const id of oddIds) await field({ subject: byId(id) }, 'group_id');
        await field({ roles: [] }, 'roles');
        await field({ roles: ['white space'] }, 'roles');
        await field({ notBefore: new Date(start), notAfter: new Date(start) }, 'not_after');
        await refused(acme.set([good], { protectedRoles: [''] }), ErrorReason.REQUEST_INVALID, {
          field: 'protected_roles',
        });
        for (const attribute of ['nothing', 'password'])
          await refused(acme.set([{ ...good, subject: unusable(attribute) }]), ErrorReason.FILTER_INVALID, {
            attribute,
          });
        const many = Array.from({ length: 501 }, (_, index) => ({ ...good, id: `m${index}` }));
        await refused(acme.set(many), ErrorReason.LIMIT_EXCEEDED, { limit: 'role mappings', maximum: '500' });
      });
      assert.deepEqual(await acme.rolesOf(await acme.createUsers(['ada']).then(([id = '']) => id)), []);
    });

    test('of a connection that is deleted go with it', async () => {
      const acme = await createRoles();
      await acme.set([{ id: 'a', subject: everyone, roles: ['r'] }]);
      const { connectionId } = acme;
      await rollcall.directory.connections.deleteConnection(
        DeleteConnectionRequest.fromPartial({ connectionId }),
      );
      await refused(acme.set([]), ErrorReason.CONNECTION_NOT_FOUND, { connection: connectionId });
      await using client = await new MongoClient(rollcall.database.uri).connect();
      const count = (collection: string) =>
        client.db().collection<Document>(collection).find({ connection: connectionId }).toArray();
      while ((await count('connections')).length > 0);
      assert.deepEqual(await count('role_mappings'), []);
    });
  });
}
