import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { v7 as newUuid } from 'uuid';
import { RegisterConsumerRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { assertError, createUser, userBody } from '../scim/scim-fixture.ts';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';
import { runCommand } from '../support/run-command.ts';
import { scimOf } from '../support/scim-client.ts';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'rollcall');

let rollcall: TestRollcall;
let link: string;
before(async () => {
  rollcall = await startRollcall();
  // As npx runs it: through a link, from another folder.
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-cli-'));
  link = join(folder, 'rollcall');
  await symlink(launcher, link);
});
after(async () => {
  await rm(join(link, '..'), { recursive: true });
  await rollcall[Symbol.asyncDispose]();
});

/** The command as a user runs it, without the Node.js of this test on the PATH. */
function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return runCommand(link, args, {
    cwd: tmpdir(),
    env: {
      PATH: '/usr/bin:/bin',
      ROLLCALL_DATA_DIR: rollcall.dataDir,
      ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
      ROLLCALL_PUBLIC_URL: rollcall.gatewayUrl,
      ...env,
    },
  });
}

/** The JSON a command prints; it must succeed and print nothing else. */
async function cliJson(...args: string[]) {
  const { code, stdout, stderr } = await cli([...args, '--json']);
  assert.deepEqual([code, stderr], [0, ''], `${args.join(' ')}\n${stderr}`);
  assert.match(stdout, /^[^\n]*\n$/, 'one line');
  return JSON.parse(stdout);
}

function listUsers(baseUrl: string, token: string): Promise<Response> {
  return fetch(`${baseUrl}/Users?count=0`, { headers: { authorization: `Bearer ${token}` } });
}

suite('connections', () => {
  test('create prints what the identity provider needs, and it works', async () => {
    const created = await cliJson('connections', 'create', '--name', 'Example Corp', '--provider', 'entra');
    assert.deepEqual(Object.keys(created), ['id', 'baseUrl', 'token']);
    assert.equal(created.baseUrl, `${rollcall.gatewayUrl}/scim/${created.id}/v2`);
    assert.equal((await listUsers(created.baseUrl, created.token)).status, 200);

    const { created: time, ...shown } = await cliJson('connections', 'show', created.id);
    assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual(shown, {
      id: created.id,
      name: 'Example Corp',
      organization: '',
      provider: 'entra',
      strict: false,
      uniqueGroupNames: true,
      onDelete: 'remove',
      requiredAttributes: [],
      maskedAttributes: [],
      unknownAttributes: 'drop',
      extensions: [],
      loginFrom: 'userName',
      emailFrom: 'emails.value',
      externalIdFrom: 'externalId',
      status: 'active',
      users: 0,
      groups: 0,
      position: 0,
      trustedIssuer: null,
      trustedIssuerLastUsed: null,
      baseUrl: created.baseUrl,
    });
  });

  test('pause, resume and delete do what they say', async () => {
    const { id, baseUrl, token } = await cliJson('connections', 'create', '--name', 'Brief', '--strict');
    const status = async () => (await cliJson('connections', 'show', id)).status;
    const listed = async () =>
      (await cliJson('connections', 'list')).find((connection: { id: string }) => connection.id === id);
    assert.equal((await listed()).strict, true);
    assert.deepEqual(await cliJson('connections', 'pause', id), { id, status: 'paused' });
    assert.equal(await status(), 'paused');
    await cliJson('connections', 'resume', id);
    assert.equal(await status(), 'active');
    assert.equal((await listUsers(baseUrl, token)).status, 200);
    await cliJson('connections', 'delete', id, '--yes');
    assert.notEqual((await listed())?.status, 'active');
  });

  test('delete wants to be meant, and says what would be lost', async () => {
    const { id, baseUrl, token } = await cliJson('connections', 'create', '--name', 'Dear');
    await createUser(scimOf({ baseUrl, token }));
    const { code, stdout, stderr } = await cli(['connections', 'delete', id]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^error: this deletes "Dear" for ever, .* \(users: 1, groups: 0\); .*--yes\n$/);
    assert.equal((await cliJson('connections', 'show', id)).status, 'active');
    const deleted = await cliJson('connections', 'delete', id, '--yes');
    assert.deepEqual(deleted, { id, status: 'deleting' });
  });

  test('settings are given at creation, shown, and changed one by one', async () => {
    const urn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
    const { id } = await cliJson(
      ...['connections', 'create', '--name', 'Set', '--strict', '--unique-group-names'],
      ...['--organization', 'Example Corp', '--on-delete', 'deactivate', '--provider', 'okta'],
      ...['--require', 'title', `${urn}:department`],
      ...['--mask', 'emails', 'name.FAMILYNAME', '--unknown', 'keep'],
    );
    const lists = ['requiredAttributes', 'maskedAttributes'] as const;
    const names = ['name', 'organization', 'provider', 'strict', 'uniqueGroupNames', 'onDelete'] as const;
    const valuesOf = (row: Readonly<Record<string, unknown>>) => [
      ...names.map((name) => row[name]),
      ...lists.map((name) => row[name]),
      row.unknownAttributes,
    ];
    const shown = async () => valuesOf(await cliJson('connections', 'show', id));
    let expected: unknown[] = [
      ...['Set', 'Example Corp', 'okta', true, true, 'deactivate'],
      ['title', `${urn}:department`],
      ['emails', 'name.familyName'],
      'keep',
    ];
    assert.deepEqual(await shown(), expected);
    const changes: [options: string[], place: number, value: unknown][] = [
      [['--name', 'Changed'], 0, 'Changed'],
      [['--organization', ''], 1, ''],
      [['--provider', 'entra'], 2, 'entra'],
      [['--no-strict'], 3, false],
      [['--strict'], 3, true],
      [['--no-unique-group-names'], 4, false],
      [['--unique-group-names'], 4, true],
      [['--on-delete', 'remove'], 5, 'remove'],
      [['--require', 'EMAILS', '--require', 'name.familyName'], 6, ['emails', 'name.familyName']],
      [['--require-none'], 6, []],
      [['--mask', 'title'], 7, ['title']],
      [['--mask-none'], 7, []],
      [['--unknown', 'drop'], 8, 'drop'],
    ];
    for (const [options, place, value] of changes) {
      expected = expected.with(place, value);
      const updated = await cliJson('connections', 'update', '--connection', id, ...options);
      assert.deepEqual(Object.keys(updated), ['id', ...names, ...lists, 'unknownAttributes']);
      assert.deepEqual(valuesOf(updated), expected, options.join(' '));
    }
    assert.deepEqual(await shown(), expected);
    const listed = (await cliJson('connections', 'list')).find((row: { id: string }) => row.id === id);
    assert.equal(listed.organization, '');
    const { stdout } = await cli(['connections', 'update', '--connection', id, '--name', 'For people']);
    assert.match(stdout, /^id +\S+\nname +For people\norganization +-\n/);
  });

  test('people get text: a table, and the parts of one connection', async () => {
    const { stdout } = await cli(['connections', 'create', '--name', 'For people']);
    assert.match(stdout, /^id +[a-z0-9]+\nbaseUrl +http.*\ntoken +rollcall_\S+\n$/);
    const list = await cli(['connections', 'list']);
    assert.match(list.stdout, /^id +name +organization +provider .*\n/);
    assert.match(list.stdout, /\n[a-z0-9]+ +For people +- +generic /);
  });
});

suite('tokens', () => {
  test('a further token works until it is revoked, and the first one goes on', async () => {
    const { id, baseUrl, token } = await cliJson('connections', 'create', '--name', 'Rotating');
    const further = await cliJson(
      'tokens',
      'create',
      '--connection',
      id,
      '--label',
      'next',
      '--expires',
      '2999-01-01',
    );
    assert.deepEqual(Object.keys(further), ['id', 'token']);
    assert.equal((await listUsers(baseUrl, further.token)).status, 200);
    const listed = await cliJson('tokens', 'list', '--connection', id);
    assert.equal(listed.length, 2);
    const { label, expires } = listed.find((entry: { id: string }) => entry.id === further.id);
    assert.deepEqual([label, expires], ['next', '2999-01-01T00:00:00.000Z']);
    assert.doesNotMatch(JSON.stringify(listed), new RegExp(further.token));

    await cliJson('tokens', 'revoke', further.id, '--connection', id);
    // What the gateway knew of the token may count for a moment; the test ends only when it no longer does.
    while ((await listUsers(baseUrl, further.token)).status !== 401);
    assert.equal((await listUsers(baseUrl, token)).status, 200);
    assert.equal((await cliJson('tokens', 'list', '--connection', id)).length, 1);
  });

  test('one that may only read, one that is tied to a user, and what the list says of them', async () => {
    const { id, baseUrl, token } = await cliJson('connections', 'create', '--name', 'Reading');
    const scim = scimOf({ baseUrl, token });
    const ada = await createUser(scim);
    const create = ['tokens', 'create', '--connection', id];
    const reader = await cliJson(...create, '--label', 'audit', '--read-only');
    const own = await cliJson(...create, '--user', ada.id);
    for (const made of [reader, own]) assert.deepEqual(Object.keys(made), ['id', 'token']);
    const [first, ...listed] = await cliJson('tokens', 'list', '--connection', id);
    assert.deepEqual(
      [first.readOnly, first.user, Object.keys(first)],
      [false, null, ['id', 'label', 'readOnly', 'user', 'created', 'expires', 'lastUsed']],
    );
    assert.deepEqual(
      listed.map((entry: { id: string; readOnly: boolean; user: string }) => [
        entry.id,
        entry.readOnly,
        entry.user,
      ]),
      [
        [reader.id, true, null],
        [own.id, false, ada.id],
      ],
    );
    assert.equal((await listUsers(baseUrl, reader.token)).status, 200);
    assertError(await scimOf({ baseUrl, token: reader.token })('POST', '/Users', userBody()), 403);
    await createUser(scimOf({ baseUrl, token: own.token }));
    const { stdout } = await cli(['tokens', 'list', '--connection', id]);
    assert.match(stdout, /^id +label +readOnly +user +created +expires +lastUsed\n/);
    assert.match(stdout, new RegExp(`\n${reader.id} +audit +true +- `));
    assert.match(stdout, new RegExp(`\n${own.id} +- +false +${ada.id} `));
  });
});

suite('clients', () => {
  test('a client gets tokens at the URL that is printed, until it is revoked', async () => {
    const { id, baseUrl } = await cliJson('connections', 'create', '--name', 'OAuth');
    const create = ['clients', 'create', '--connection', id];
    const client = await cliJson(...create, '--label', 'okta', '--expires', '2999-01-01');
    assert.deepEqual(Object.keys(client), ['id', 'secret', 'tokenUrl']);
    const ask = () =>
      fetch(client.tokenUrl, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
    const answer = await ask();
    assert.equal(answer.status, 200);
    const { access_token: token } = (await answer.json()) as { access_token: string };
    assert.equal((await listUsers(baseUrl, token)).status, 200);

    const reader = await cliJson(...create, '--read-only');
    const [first, second] = await cliJson('clients', 'list', '--connection', id);
    const { created, lastUsed, ...row } = first;
    assert.deepEqual(row, {
      id: client.id,
      label: 'okta',
      readOnly: false,
      expires: '2999-01-01T00:00:00.000Z',
    });
    for (const time of [created, lastUsed]) assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual([second.id, second.readOnly, second.lastUsed], [reader.id, true, null]);
    assert.equal((await cliJson('tokens', 'list', '--connection', id)).length, 1);

    assert.deepEqual(await cliJson('clients', 'revoke', client.id, '--connection', id), {
      id: client.id,
      revoked: true,
    });
    assert.equal((await ask()).status, 401);
    while ((await listUsers(baseUrl, token)).status !== 401);
    const { stdout } = await cli(['clients', 'list', '--connection', id]);
    assert.match(stdout, /^id +label +readOnly +created +expires +lastUsed\n/);
    assert.match(stdout, new RegExp(`\n${reader.id} +- +true `));
  });
});

suite('trusted issuers', () => {
  test('are set, shown and taken back', async () => {
    const { id } = await cliJson('connections', 'create', '--name', 'Entra');
    const issuer = 'https://sts.windows.net/tenant/';
    const options = ['--issuer', issuer, '--audience', 'a', '--jwks-uri', 'https://idp.example.com/keys'];
    const shown = async () => (await cliJson('connections', 'show', id)).trustedIssuer;
    const trusted = await cliJson('connections', 'trust', id, ...options, '--application-id', 'b');
    assert.deepEqual(trusted, { id, trustedIssuer: issuer });
    assert.equal(await shown(), issuer);
    // As a gateway records that one of the issuer's tokens came.
    const used = Exchange.fromPartial({ id: newUuid(), connectionId: id, tokenId: 'jwt_0123456789abcdef' });
    await rollcall.directory.exchanges.recordExchanges({ exchanges: [used] });
    const { trustedIssuerLastUsed } = await cliJson('connections', 'show', id);
    assert.ok(Math.abs(Date.parse(trustedIssuerLastUsed) - Date.now()) < 60_000, trustedIssuerLastUsed);
    assert.deepEqual(await cliJson('connections', 'distrust', id), { id, trustedIssuer: null });
    assert.equal(await shown(), null);
  });
});

suite('service tokens', () => {
  test('a token opens the connections it was made for, until it is revoked', async () => {
    const first = await cliJson('connections', 'create', '--name', 'First');
    const second = await cliJson('connections', 'create', '--name', 'Second');
    const { id, token } = await cliJson(
      ...['service-tokens', 'create', '--label', 'billing'],
      ...['--connection', first.id, '--connection', second.id],
    );
    const ask = (connection: string) =>
      fetch(`${rollcall.accessUrl}/trpc/users.find`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ connection }),
      });
    assert.equal((await ask(first.id)).status, 200);
    assert.equal((await ask(second.id)).status, 200);
    const find = async () =>
      (await cliJson('service-tokens', 'list')).find((entry: { id: string }) => entry.id === id);
    const { label, allConnections, connections } = await find();
    assert.deepEqual([label, allConnections, connections], ['billing', false, [first.id, second.id]]);
    await cliJson('service-tokens', 'revoke', id);
    assert.equal(await find(), undefined);
    const all = await cliJson('service-tokens', 'create', '--all-connections');
    const entry = (await cliJson('service-tokens', 'list')).find(
      ({ id: known }: { id: string }) => known === all.id,
    );
    assert.deepEqual([entry.allConnections, entry.connections], [true, []]);
  });
});

suite('consumers', () => {
  test('are listed with their lag, and forgotten', async () => {
    const connection = await rollcall.connect();
    const { id: connectionId } = connection;
    const { changes } = rollcall.directory;
    await changes.registerConsumer(RegisterConsumerRequest.fromPartial({ connectionId, name: 'billing' }));
    await createUser(scimOf(connection));
    const [consumer] = await cliJson('consumers', 'list', '--connection', connectionId);
    assert.deepEqual(Object.keys(consumer), [
      ...['name', 'position', 'lag', 'lagSeconds', 'acknowledged', 'registered'],
    ]);
    const { name, position, lag, acknowledged } = consumer;
    assert.deepEqual([name, position, lag, acknowledged], ['billing', 0, 1, null]);
    await cliJson('consumers', 'delete', 'billing', '--connection', connectionId);
    const { stdout } = await cli(['consumers', 'list', '--connection', connectionId]);
    assert.equal(stdout, 'No service has registered as a consumer.\n');
  });
});

suite('errors', () => {
  test('each is one line that says what to do, with code 1 for a failure and 2 for wrong use', async () => {
    const nothing = { ROLLCALL_DIRECTORY_ADDRESS: '127.0.0.1:9' };
    const { id } = await rollcall.connect();
    const cases: [args: string[], code: number, message: RegExp, env?: NodeJS.ProcessEnv][] = [
      [['connections', 'create'], 2, /--name/],
      [
        ['connections', 'create', '--name', 'x', '--provider', 'acme'],
        2,
        /Allowed choices are generic, entra, okta/,
      ],
      [['connections', 'update', '--name', 'x'], 2, /--connection/],
      [['connections', 'update', '--connection', id], 2, /at least one setting/],
      [['connections', 'update', '--connection', id, '--on-delete', 'keep'], 2, /remove, deactivate/],
      [
        ['connections', 'update', '--connection', id, '--require', 'x', '--require-none'],
        2,
        /cannot be used/,
      ],
      [['connections', 'update', '--connection', id, '--require', 'shoeSize'], 1, /"shoeSize" is not an/],
      [['connections', 'update', '--connection', id, '--mask', 'title', '--mask-none'], 2, /cannot be used/],
      [['connections', 'update', '--connection', id, '--mask', 'emails.value'], 1, /mask emails$/m],
      [
        ['connections', 'update', '--connection', id, '--require', 'id'],
        1,
        /id cannot be required, because it is/,
      ],
      [['connections', 'update', '--connection', 'nosuchconnection', '--name', 'x'], 1, /No connection has/],
      [['connections', 'shw'], 2, /unknown command 'shw'/],
      [['connections', 'list', '--jsn'], 2, /unknown option '--jsn'.*/],
      [['tokens', 'create', '--connection', 'x', '--expires', 'soon'], 2, /2030-12-31T18:00:00Z/],
      [['tokens', 'create', '--connection', 'x', '--user', ''], 2, /Give the id of a user, or leave/],
      [['tokens', 'create', '--connection', id, '--user', 'x'], 1, /No User has this id/],
      [['service-tokens', 'create'], 2, /--connection .*--all-connections/],
      [['service-tokens', 'create', '--connection', 'demo0000', '--all-connections'], 2, /one of the two/],
      [['connections', 'show', 'nosuchconnection'], 1, /connection/i],
      [['connections', 'create', '--name', ' '], 1, /name/],
      [['service-tokens', 'revoke', 'x'], 1, /token/i],
      [['consumers', 'list'], 2, /--connection/],
      [['consumers', 'delete', 'x', '--connection', id], 1, /No consumer of this connection/],
      [['clients', 'revoke', 'x', '--connection', id], 1, /No client has this id/],
      [['connections', 'trust', id, '--issuer', 'x', '--audience', 'x'], 2, /--jwks-uri/],
      [
        [
          'connections',
          'trust',
          id,
          '--issuer',
          'x',
          '--audience',
          'x',
          '--jwks-uri',
          'http://idp.example.com',
        ],
        1,
        /issuer\.jwks_uri: must begin with https/,
      ],
      [['connections', 'list'], 1, /cannot be reached: start Rollcall \(npm start\)/, nothing],
      [['connections', 'list'], 1, /does not know this credential/, { ROLLCALL_DIRECTORY_TOKEN: 'wrong' }],
      [['connections', 'list'], 2, /No caller credential at /, { ROLLCALL_DATA_DIR: '/nowhere' }],
      [['connections', 'list'], 2, /ROLLCALL_DIRECTORY_ADDRESS/, { ROLLCALL_DIRECTORY_ADDRESS: 'x y' }],
    ];
    for (const [args, code, message, env] of cases) {
      const result = await cli(args, env);
      assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, message);
      assert.match(result.stderr, /^error: .+\n(\(Did you mean .+\)\n)?$/, args.join(' '));
      assert.equal(result.stdout, '');
    }
  });

  test('help needs no directory and shows examples', async () => {
    const env = { ROLLCALL_DATA_DIR: '/nowhere' };
    for (const command of ['connections', 'tokens', 'clients', 'service-tokens']) {
      const { code, stdout, stderr } = await cli([command, 'create', '--help'], env);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, new RegExp(`Examples:\\n +\\$ rollcall ${command} create `));
    }
    const bare = await cli([], env);
    assert.equal(bare.code, 2);
    assert.match(bare.stderr, /^Usage: rollcall/);
  });
});
