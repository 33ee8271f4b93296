import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { v7 as newUuid } from 'uuid';
import { type Rollcall, rollcallError } from '../../../services/access/client.ts';
import { scimOf } from '../../support/scim-client.ts';
import { byFilter, byName, everyone, hour, type Roles, type RolesFixture } from './roles-fixture.ts';

/** What the access service answers. */
export function testRolesForServices({ rollcall, clock, createRoles }: RolesFixture): void {
  suite('the access service', () => {
    let acme: Roles;
    let access: Rollcall;
    let connection: string;
    let ada: string;
    let group: string;
    before(async () => {
      acme = await createRoles();
      connection = acme.connectionId;
      access = await rollcall.accessFor(acme.connection_);
      [ada = ''] = await acme.createUsers(['ada@example.com']);
      const inner = await acme.groupOf('Inner', [ada]);
      group = await acme.groupOf('Editors', [inner]);
      await acme.set([
        { id: 'editors', subject: byName('editors'), roles: ['editor'], precedence: 1 },
        {
          id: 'ada',
          subject: byFilter('userName eq "ada@example.com"'),
          roles: ['viewer'],
          notAfter: new Date(clock.now + 90 * hour),
        },
        { id: 'all', subject: everyone, roles: ['viewer'] },
      ]);
    });

    test('answers roles, checks, holders and a snapshot', async () => {
      const answer = await access.roles.ofUser.query({ connection, user: ada });
      const path = answer.roles[0]?.because[0]?.path ?? [];
      assert.equal(path.at(-1), group);
      const validUntil = new Date(clock.now + 90 * hour).toISOString();
      const editor = [{ mapping: 'editors', version: 1, cause: 'membership', path }];
      const viewer = [
        { mapping: 'ada', version: 1, cause: 'filter', filter: 'userName eq "ada@example.com"' },
        { mapping: 'all', version: 1, cause: 'everyone' },
      ];
      const position = await acme.position();
      const expected = {
        user: ada,
        known: true,
        active: true,
        roles: [
          { role: 'editor', because: editor },
          { role: 'viewer', because: viewer },
        ],
        primaryRole: 'editor',
        validUntil,
        asOf: position,
      };
      assert.deepEqual(answer, expected);
      assert.deepEqual(await access.roles.check.query({ connection, user: ada, role: 'editor' }), {
        hasRole: true,
        active: true,
        because: editor,
        asOf: position,
      });
      assert.deepEqual(await access.roles.holders.query({ connection, role: 'viewer' }), {
        holders: [{ user: ada, because: viewer }],
        validUntil,
        asOf: position,
      });
      const { groups, ...snapshot } = await access.access.snapshot.query({ connection, user: ada });
      assert.deepEqual(snapshot, expected);
      assert.deepEqual(
        groups.map(({ displayName, path: chain }) => [displayName, chain.length]),
        [
          ['Inner', 1],
          ['Editors', 2],
        ],
      );
    });

    test('shows a SCIM write to who names its position, and to who asks for a fresh answer', async () => {
      const scim = scimOf(acme.connection_);
      for (const active of [false, true]) {
        const { headers } = await scim('PATCH', `/Users/${ada}`, {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'replace', path: 'active', value: active }],
        });
        const atLeast = Number(headers.get('rollcall-position'));
        for (const current of [{ atLeast }, { fresh: true }]) {
          const question = { connection, user: ada, ...current };
          const snapshot = await access.access.snapshot.query(question);
          assert.deepEqual(
            [snapshot.active, snapshot.roles.length, snapshot.groups.length],
            active ? [true, 2, 2] : [false, 0, 0],
          );
          assert.ok(snapshot.asOf >= atLeast);
          assert.equal((await access.roles.ofUser.query(question)).roles.length, active ? 2 : 0);
          assert.equal((await access.roles.check.query({ ...question, role: 'editor' })).hasRole, active);
          const { user: _, ...rest } = question;
          assert.equal(
            (await access.roles.holders.query({ ...rest, role: 'editor' })).holders.length,
            active ? 1 : 0,
          );
          const { users } = await access.roles.ofUsers.query({ ...rest, users: [ada] });
          assert.equal(users[0]?.roles.length, active ? 2 : 0);
        }
      }
    });

    test('refuses what it cannot answer, and says why', async () => {
      const reasonOf = (query: Promise<unknown>) =>
        query.then(
          () => assert.fail('not refused'),
          (error) => [rollcallError(error)?.reason, rollcallError(error)?.code],
        );
      const user = newUuid();
      const notFound = ['ERROR_REASON_RESOURCE_NOT_FOUND', 'NOT_FOUND'];
      const invalid = ['ERROR_REASON_REQUEST_INVALID', 'BAD_REQUEST'];
      assert.deepEqual(await reasonOf(access.roles.ofUser.query({ connection, user })), notFound);
      assert.deepEqual(await reasonOf(access.access.snapshot.query({ connection, user })), notFound);
      assert.deepEqual(await reasonOf(access.roles.ofUser.query({ connection, user: '' })), invalid);
      assert.deepEqual(await reasonOf(access.roles.ofUsers.query({ connection, users: [] })), invalid);
      assert.deepEqual(await reasonOf(access.roles.check.query({ connection, user, role: '' })), invalid);
      assert.deepEqual(
        await reasonOf(access.roles.holders.query({ connection, role: 'viewer', pageToken: 'x' })),
        ['ERROR_REASON_PAGE_TOKEN_INVALID', 'BAD_REQUEST'],
      );
      const other = await rollcall.connect();
      assert.deepEqual(await reasonOf(access.roles.ofUser.query({ connection: other.id, user })), [
        'ERROR_REASON_CALLER_FORBIDDEN',
        'FORBIDDEN',
      ]);
    });
  });
}
