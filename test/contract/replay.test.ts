import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { v7 as newUuid } from 'uuid';
import {
  CreateTokenRequest,
  DeclareExtensionRequest,
  UnknownAttributes,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import type { RpcChannel } from '#rpc/rpc-client.ts';
import type { ReplayReport } from '#scim/replay-report.ts';
import { createDirectoryClient, settingsOf } from '../../gateway/directory/directory-client.ts';
import { replayExchange } from '../../gateway/replay/replay-exchange.ts';
import { createGroup, createUser, enterpriseUrn, patchBody, userBody } from '../scim/scim-fixture.ts';
import { testLogger } from '../support/directory.ts';
import { watchExchanges } from '../support/exchange-watch.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

let rollcall: TestRollcall;
let channel: RpcChannel;
before(async () => {
  rollcall = await startRollcall();
  channel = await openDirectoryChannel(
    { ROLLCALL_DATA_DIR: rollcall.dataDir, ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress },
    'admin',
    { timeoutMs: 30_000 },
  );
});
after(async () => {
  channel[Symbol.dispose]();
  await rollcall[Symbol.asyncDispose]();
});

/** Sends a request and gives its exchange. */
type Record = (...request: Parameters<ScimClient>) => Promise<{ answer: ScimAnswer; exchange: Exchange }>;

/** A test in a connection of its own, in which a replay changes nothing. */
function replaying(
  name: string,
  run: (parts: {
    scim: ScimClient;
    record: Record;
    replay: (exchange: Exchange, readOnly?: boolean) => Promise<ReplayReport>;
    connection: TestConnection;
  }) => Promise<void>,
  strict = false,
): void {
  test(name, async () => {
    const connection = await rollcall.connect({ strict });
    const scim = scimOf(connection);
    const current = async () => {
      const request = { connectionId: connection.id, freshness: undefined };
      return (await rollcall.directory.connections.getConnection(request)).connection;
    };
    await run({
      scim,
      connection,
      async record(...request) {
        await using watch = await watchExchanges(rollcall.directory, connection.id);
        const answer = await scim(...request);
        const requestId = answer.headers.get('x-request-id');
        for (;;) {
          const exchange = await watch.next();
          if (exchange.requestId === requestId) return { answer, exchange };
        }
      },
      async replay(exchange, readOnly = false) {
        const before = await current();
        const report = await replayExchange(exchange, {
          directory: createDirectoryClient(channel),
          settings: settingsOf(before),
          readOnly,
          logger: testLogger('replay'),
        });
        assert.deepEqual(await current(), before, 'nothing is written');
        return report;
      },
    });
  });
}

suite('a replay', () => {
  replaying(
    'of a PATCH says what it would change today, and what was repaired',
    async ({ scim, record, replay }) => {
      const user = await createUser(scim, { title: 'Analyst', [enterpriseUrn]: { department: 'Old' } });
      const operation = {
        op: 'Replace',
        value: { active: 'False', title: 'Countess', department: 'New', shoeSize: 1 },
      };
      const { exchange, answer } = await record('PATCH', `/Users/${user.id}`, patchBody(operation));
      assert.equal(answer.status, 200);
      // As it is now, nothing would change.
      const again = await replay(exchange);
      assert.deepEqual([again.exchange.status, again.writes[0]?.differences], [200, []]);
      await scim('PUT', `/Users/${user.id}`, { ...user, title: 'Other' });
      const report = await replay(exchange);
      assert.deepEqual(report.writes, [
        {
          action: 'change',
          resourceType: 'User',
          id: user.id,
          differences: [
            { attribute: 'title', before: 'Other', after: 'Countess' },
            { attribute: 'active', before: true, after: false },
            { attribute: `${enterpriseUrn}:department`, before: 'Old', after: 'New' },
          ],
        },
      ]);
      assert.deepEqual(report.exchange.repairs, exchange.repairs);
      assert.ok(exchange.repairs.includes('textBooleans'));
      assert.deepEqual(report.exchange.ignored, ['shoeSize']);
      assert.equal(JSON.parse(report.exchange.responseBody).title, 'Countess');
      assert.equal((await scim('GET', `/Users/${user.id}`)).body.title, 'Other');
    },
  );

  replaying(
    'of a POST says what it would create, or why it is refused now',
    async ({ scim, record, replay }) => {
      const body = userBody({ password: 'hunter2', title: 'x' });
      const { exchange, answer } = await record('POST', '/Users', body);
      assert.deepEqual(exchange.masked, ['password']);
      const refused = await replay(exchange);
      assert.deepEqual(
        [refused.exchange.status, refused.exchange.scimType, refused.writes],
        [409, 'uniqueness', []],
      );
      await scim('DELETE', `/Users/${answer.body.id}`);
      const { exchange: now, writes } = await replay(exchange);
      assert.equal(now.status, 201);
      assert.deepEqual(
        writes.map(({ action, differences }) => [
          action,
          differences.map(({ attribute, before }) => [attribute, before]),
        ]),
        [
          [
            'create',
            [
              ['userName', undefined],
              ['title', undefined],
              ['active', undefined],
            ],
          ],
        ],
      );
    },
  );

  replaying('of a change of members says who would come and go', async ({ scim, record, replay }) => {
    const [ada, bob] = [await createUser(scim), await createUser(scim)];
    const group = await createGroup(scim, { members: [{ value: ada.id }] });
    const { exchange } = await record(
      'PATCH',
      `/Groups/${group.id}`,
      patchBody(
        { op: 'add', path: 'members', value: [{ value: bob.id }] },
        { op: 'remove', path: `members[value eq "${ada.id}"]` },
        { op: 'replace', path: 'displayName', value: 'Renamed' },
      ),
    );
    await scim('PUT', `/Groups/${group.id}`, { ...group, members: [{ value: ada.id }] });
    const { writes } = await replay(exchange);
    assert.deepEqual(writes, [
      {
        action: 'change',
        resourceType: 'Group',
        id: group.id,
        differences: [{ attribute: 'displayName', before: group.displayName, after: 'Renamed' }],
        members: { added: 1, removed: 1, firstAdded: [bob.id], firstRemoved: [ada.id] },
      },
    ]);
  });

  replaying('of a deletion says what would go', async ({ scim, record, replay }) => {
    const user = await createUser(scim, { title: 'x' });
    const { exchange } = await record('DELETE', `/Users/${user.id}`, undefined, { 'if-match': 'W/"9"' });
    assert.equal(exchange.status, 412);
    assert.equal((await replay(exchange)).exchange.status, 412, 'its precondition counts');
    const { writes } = await replay({ ...exchange, headers: {} });
    assert.deepEqual(writes, [
      {
        action: 'delete',
        resourceType: 'User',
        id: user.id,
        differences: [
          { attribute: 'userName', before: user.userName },
          { attribute: 'title', before: 'x' },
          { attribute: 'active', before: true },
        ],
      },
    ]);
  });

  replaying('of a bulk request tries each operation', async ({ scim, record, replay }) => {
    const user = await createUser(scim);
    const body = {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        {
          method: 'PATCH',
          path: `/Users/${user.id}`,
          data: patchBody({ op: 'add', path: 'title', value: 'x' }),
        },
        { method: 'DELETE', path: `/Users/${newUuid()}` },
      ],
    };
    const { exchange } = await record('POST', '/Bulk', body);
    await scim('PUT', `/Users/${user.id}`, user);
    const report = await replay(exchange);
    const { Operations } = JSON.parse(report.exchange.responseBody);
    assert.deepEqual(
      Operations.map(({ status }: { status: string }) => status),
      ['200', '404'],
    );
    assert.deepEqual(
      report.writes.map(({ id, differences }) => [id, differences]),
      [[user.id, [{ attribute: 'title', after: 'x' }]]],
    );
  });

  replaying(
    'holds the request to what is set for the connection',
    async ({ record, replay }) => {
      const { exchange } = await record('POST', '/Users', { userName: 'ada', active: 'False' });
      const report = await replay(exchange);
      assert.deepEqual(
        [report.exchange.status, report.exchange.repairs, report.exchange.errorDetail],
        [exchange.status, [], exchange.errorDetail],
      );
      assert.equal(report.exchange.status, 400);
    },
    true,
  );

  replaying('acts for whom the request acted for', async ({ scim, connection, record, replay }) => {
    const user = await createUser(scim);
    const { exchange } = await record(
      'PATCH',
      `/Users/${user.id}`,
      patchBody({ op: 'add', path: 'title', value: 'x' }),
    );
    assert.equal((await replay(exchange, true)).exchange.status, 403);
    const request = CreateTokenRequest.fromPartial({ connectionId: connection.id, userId: user.id });
    const { secret } = await rollcall.directory.connections.createToken(request);
    await using watch = await watchExchanges(rollcall.directory, connection.id);
    const ada = scimOf({ ...connection, token: secret });
    await ada('PATCH', '/Me', patchBody({ op: 'add', path: 'title', value: 'y' }));
    await scim('PUT', `/Users/${user.id}`, user);
    const { writes } = await replay(await watch.next());
    assert.deepEqual(
      writes.map(({ id, differences }) => [id, differences]),
      [[user.id, [{ attribute: 'title', after: 'y' }]]],
    );
  });

  replaying(
    'knows what the connection declares and keeps now',
    async ({ scim, connection: { id: connectionId }, record, replay }) => {
      const urn = 'urn:example:badge:1.0';
      const user = await createUser(scim);
      const value = { [urn]: { LEVEL: 2 }, shoeSize: 43 };
      const { exchange, answer } = await record(
        'PATCH',
        `/Users/${user.id}`,
        patchBody({ op: 'add', value: { title: 'x', ...value } }),
      );
      assert.deepEqual([answer.body[urn], answer.body.shoeSize], [undefined, undefined]);
      const { connections } = rollcall.directory;
      const schema = { id: urn, attributes: [{ name: 'level', type: 'integer' }] };
      const extension = { resourceType: 'User', schema };
      await connections.declareExtension(DeclareExtensionRequest.fromPartial({ connectionId, extension }));
      const unknownAttributes = UnknownAttributes.KEEP;
      await connections.updateConnection(
        UpdateConnectionRequest.fromPartial({ connectionId, unknownAttributes }),
      );
      for (;;) {
        const { connection } = await connections.getConnection({ connectionId, freshness: undefined });
        if (!connection?.refolding) break;
      }
      const { writes, exchange: now } = await replay(exchange);
      assert.deepEqual(writes[0]?.differences, [
        { attribute: `${urn}:level`, after: 2 },
        { attribute: 'shoeSize', after: 43 },
      ]);
      assert.deepEqual([exchange.ignored, now.ignored], [['shoeSize', urn], ['shoeSize']]);
    },
  );

  replaying('shows nothing of what the connection masks', async ({ scim, connection, record, replay }) => {
    const { exchange, answer } = await record(
      'POST',
      '/Users',
      userBody({ title: 'Countess', nickName: 'A' }),
    );
    const request = { connectionId: connection.id, maskedAttributes: { paths: ['title'] } };
    await rollcall.directory.connections.updateConnection(UpdateConnectionRequest.fromPartial(request));
    await scim('DELETE', `/Users/${answer.body.id}`);
    const { exchange: now, writes } = await replay(exchange);
    assert.equal(now.status, 201);
    // It was sent as it was recorded, and is not shown.
    assert.deepEqual([exchange.masked, now.masked], [[], ['title']]);
    const shown = new Map(writes[0]?.differences.map(({ attribute, after }) => [attribute, after]));
    assert.deepEqual([shown.get('title'), shown.get('nickName')], ['<masked text>', 'A']);
    assert.ok(!JSON.stringify([now, writes]).includes('Countess'));
  });

  replaying('is refused, with the reason, for what cannot be sent again', async ({ record, replay }) => {
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
    const cases: readonly [Parameters<ScimClient>, RegExp][] = [
      [['GET', '/Users'], /^A GET changes nothing/],
      [['POST', '/Users/.search?x=1', search], /^A search changes nothing/],
      [
        ['POST', '/Users', userBody({ nickName: 'n'.repeat(20_000) })],
        /only the beginning.*cannot be replayed/,
      ],
      [['POST', '/Users', 'nonsense'], /no body.*cannot be replayed/],
    ];
    for (const [request, message] of cases) {
      const { exchange } = await record(...request);
      await assert.rejects(replay(exchange), { message });
    }
    const { exchange } = await record('GET', '/Users');
    const token = { ...exchange, method: 'POST', path: '/oauth/token', requestBody: '{}' };
    await assert.rejects(replay(token), { message: /changes no user and no group/ });
  });
});
