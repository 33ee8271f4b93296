import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import { pino } from 'pino';
import { ChangeType } from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  ListRoleHoldersRequest,
  PreviewRoleMappingsRequest,
  SetRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { readConfig } from '#runtime/config.ts';
import { directoryConfig } from '../../../services/directory/config.ts';
import { startDirectory } from '../../../services/directory/start-directory.ts';
import {
  createDriver,
  operation,
  refused,
  resourceTypes,
  writesNothing,
} from '../../support/connection-driver.ts';
import { ownDatabase, startTestDirectory } from '../../support/directory.ts';
import { scimOf } from '../../support/scim-client.ts';
import {
  byFilter,
  byId,
  changesAfter,
  type PartialMapping,
  type RolesFixture,
  setActive,
} from './roles-fixture.ts';

/** Who has a role, and what becomes of one that nobody may be without. */
export function testRoleHolders({ rollcall, clock, createRoles }: RolesFixture): void {
  suite('the holders of a role', () => {
    test('are met once each, in pages that end when the mappings change', async () => {
      const acme = await createRoles();
      const { connectionId } = acme;
      const ids = await acme.createUsers(Array.from({ length: 60 }, (_, index) => `user ${index}`));
      for (const id of ids.slice(50, 55))
        await acme.patchUser(id, [operation(resourceTypes.user, 'ADD', 'title', 'Boss')]);
      const inner = await acme.groupOf('Inner', ids.slice(20, 52));
      const outer = await acme.groupOf('Outer', [...ids.slice(0, 25), inner]);
      await setActive(acme, ids[3] ?? '', false);
      await acme.set([
        { id: 'outer', subject: byId(outer), roles: ['r'] },
        { id: 'inner', subject: byId(inner), roles: ['r'] },
        { id: 'boss', subject: byFilter('title eq "boss"'), roles: ['r'] },
      ]);
      const expected = ids.filter((id, index) => index < 55 && id !== ids[3]).sort();
      assert.deepEqual(await acme.holders('r'), expected);
      assert.deepEqual(await acme.holders('r', 7), expected);
      assert.deepEqual(await acme.holders('unknown'), []);

      const { roles } = rollcall.directory;
      const page = (pageToken = '', role = 'r', pageSize = 5) =>
        Array.fromAsync(
          roles.listRoleHolders(
            ListRoleHoldersRequest.fromPartial({ connectionId, role, pageSize, pageToken }),
          ),
        );
      const [first] = await page();
      const token = first?.nextPageToken ?? '';
      assert.notEqual(token, '');
      await refused(page(token, 'other'), ErrorReason.PAGE_TOKEN_INVALID);
      await refused(page('', 'r', 1_001), ErrorReason.REQUEST_INVALID, { field: 'page_size' });
      await acme.set([{ id: 'outer', subject: byId(outer), roles: ['r'] }]);
      await refused(page(token), ErrorReason.PAGE_TOKEN_INVALID);
    });
  });

  suite('a protected role', () => {
    const admins = (group: string): PartialMapping => ({
      id: 'admins',
      subject: byId(group),
      roles: ['admin'],
    });

    test('keeps its last holder in an edit of mappings, unless that is forced', async () => {
      const acme = await createRoles();
      const { connectionId } = acme;
      const [ada = ''] = await acme.createUsers(['ada', 'bob']);
      const group = await acme.groupOf('Admins', [ada]);
      const empty = await acme.groupOf('Empty');
      const protectedRoles = ['admin', 'owner'];
      // That nobody has a role is no reason to refuse what protects it.
      await acme.set([admins(group)], { protectedRoles });
      await writesNothing(acme, async () => {
        for (const [mappings, rest] of [
          [[], { protectedRoles }],
          // Not by taking the protection away in the same edit either.
          [[], {}],
          [[admins(empty)], { protectedRoles }],
          [[{ ...admins(group), notBefore: new Date(clock.now + 1) }], { protectedRoles }],
        ] as const)
          await refused(
            acme.set(mappings, { ...rest, protectedRoles: [...(rest.protectedRoles ?? [])] }),
            ErrorReason.LAST_HOLDER,
            {
              roles: 'admin',
            },
          );
      });
      const preview = PreviewRoleMappingsRequest.fromPartial({
        connectionId,
        proposal: { $case: 'version', value: 0 },
        maxUsers: 10,
      });
      const parts = await Array.fromAsync(rollcall.directory.roles.previewRoleMappings(preview));
      assert.deepEqual(parts.at(-1)?.summary?.lastHolderRoles, ['admin']);
      assert.deepEqual(parts[0]?.users, [{ userId: ada, userName: 'ada', gained: [], lost: ['admin'] }]);

      assert.equal((await acme.set([admins(empty)], { protectedRoles, force: true })).version, 2);
      // Now nobody has it, so nobody loses it.
      assert.equal((await acme.set([], { protectedRoles })).version, 3);
    });

    test('lets an identity provider take its last holder, and the log tells of it once', async () => {
      const acme = await createRoles();
      const scim = scimOf(acme.connection_);
      const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
      const group = await acme.groupOf('Admins', [ada, bob]);
      await acme.set([admins(group)], { protectedRoles: ['admin'] });
      const patch = (user: string, active: boolean) =>
        scim('PATCH', `/Users/${user}`, {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'replace', path: 'active', value: active }],
        });
      let { position } = await acme.connection();
      for (let round = 1; round <= 2; round++) {
        assert.equal((await patch(ada, false)).status, 200);
        assert.equal((await patch(bob, false)).status, 200);
        const changes = await changesAfter(acme, position, 3);
        assert.deepEqual(
          changes.map(({ type, what }) => [type, what?.$case === 'protectedRole' && what.value.role]),
          [
            [ChangeType.USER_DEACTIVATED, false],
            [ChangeType.USER_DEACTIVATED, false],
            [ChangeType.ROLE_UNHELD, 'admin'],
          ],
          `round ${round}`,
        );
        assert.deepEqual(await acme.holders('admin'), []);
        await patch(ada, true);
        await patch(bob, true);
        position += 5;
        await untilHeld(acme.connectionId);
      }
    });

    test('of which the last holder went while no directory ran is told of by the next one', async () => {
      const uri = await ownDatabase();
      let connection: string;
      let ada: string;
      {
        await using first = await startTestDirectory(uri);
        const acme = await createDriver(first.clients);
        connection = acme.connectionId;
        [ada = ''] = await acme.createUsers(['ada']);
        const mappings = {
          mappings: [admins(await acme.groupOf('Admins', [ada]))],
          protectedRoles: ['admin'],
        };
        await first.clients.roles.setRoleMappings(
          SetRoleMappingsRequest.fromPartial({ connectionId: connection, mappings }),
        );
      }
      // As if that directory had ended between a write and the look at what it took.
      await using client = await new MongoClient(uri).connect();
      const users = client.db().collection<{ _id: string }>('users');
      await users.updateOne({ _id: `${connection}/${ada}` }, { $set: { 'resource.active': false } });

      const lines: string[] = [];
      const config = { ROLLCALL_DIRECTORY_PORT: '0', ROLLCALL_DATA_DIR: rollcall.dataDir };
      await using _ = await startDirectory(readConfig(directoryConfig, config), {
        database: { uri },
        secretKeys: [randomBytes(32)],
        logger: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
      });
      const changes = client.db().collection('changes');
      while (lines.length === 0) await changes.findOne({ connection });
      const warning = JSON.parse(lines[0] ?? '');
      assert.deepEqual([warning.level, warning.connection, warning.role], [40, connection, 'admin']);
      const records = await changes.find({ connection, 'content.kind': 'protectedRole' }).toArray();
      assert.deepEqual(
        records.map(({ content }) => content.role),
        ['admin'],
      );
    });

    /** Waits until the head knows that the role is held again; only then its loss is news. */
    async function untilHeld(connection: string) {
      await using client = await new MongoClient(rollcall.database.uri).connect();
      const heads = client.db().collection<Document & { _id: string }>('heads');
      while ((await heads.findOne({ _id: connection }))?.roleMappings.unheld.length !== 0);
    }
  });
}
