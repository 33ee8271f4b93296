import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { CreateServiceTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { CreateGroupRequest } from '#proto/rollcall/directory/v1/group_service.ts';
import {
  CreateUserRequest,
  type CreateUserResponse,
  PatchUserRequest,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';
import {
  type AccessErrorShape,
  createRollcall,
  type Rollcall,
  rollcallError,
} from '../../services/access/client.ts';
import { accessConfig } from '../../services/access/config.ts';
import { startAccess } from '../../services/access/start-access.ts';
import { formatTrpcError, toTrpcError } from '../../services/access/trpc-errors.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';

let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall();
});
after(() => rollcall[Symbol.asyncDispose]());

type NewUser = Parameters<typeof CreateUserRequest.fromPartial>[0]['user'];

async function createUser({ id }: TestConnection, user: NewUser & object): Promise<string> {
  return (await writeUser(id, user)).user?.id ?? '';
}

function writeUser(connectionId: string, user: NewUser & object): Promise<CreateUserResponse> {
  return rollcall.directory.users.createUser(CreateUserRequest.fromPartial({ connectionId, user }));
}

async function createGroup(
  { id: connectionId }: TestConnection,
  displayName: string,
  members: string[],
): Promise<string> {
  const request = CreateGroupRequest.fromPartial({
    connectionId,
    group: { displayName, externalId: `ext-${displayName}` },
    members: { ids: members },
    mask: { withoutMembers: true },
  });
  for await (const { part } of rollcall.directory.groups.createGroup(request)) {
    if (part?.$case === 'header') return part.value.group?.id ?? '';
  }
  return assert.fail('no group was created');
}

async function deactivate({ id: connectionId }: TestConnection, id: string): Promise<void> {
  await rollcall.directory.users.patchUser(
    PatchUserRequest.fromPartial({
      connectionId,
      id,
      operations: [{ op: PatchOp.REPLACE, path: { attribute: 'active' }, value: false }],
    }),
  );
}

async function refusal(query: Promise<unknown>): Promise<AccessErrorShape['data'] & { message: string }> {
  try {
    await query;
  } catch (error) {
    const data = rollcallError(error);
    assert.ok(data && error instanceof Error, String(error));
    return { ...data, message: error.message };
  }
  return assert.fail('nothing was refused');
}

suite('users', () => {
  let connection: TestConnection;
  let access: Rollcall;
  let ada: string;
  before(async () => {
    connection = await rollcall.connect();
    access = await rollcall.accessFor(connection);
    ada = await createUser(connection, {
      userName: 'Ada@example.com',
      externalId: 'A1',
      displayName: 'Ada Example',
      title: 'Engineer',
      name: { givenName: 'Ada', familyName: 'Example' },
      emails: [{ value: 'ada.example@example.com', type: 'work', primary: true }],
      enterprise: { department: 'R&D' },
    });
    for (const name of ['bo', 'cy', 'di'])
      await createUser(connection, {
        userName: `${name}@example.com`,
        externalId: 'shared',
        title: 'Writer',
      });
  });

  test('get answers one user by id, userName in any case, or externalId', async () => {
    const asked = { connection: connection.id };
    const { user, asOf } = await access.users.get.query({ ...asked, id: ada });
    assert.ok(asOf > 0);
    const { meta, ...rest } = user;
    assert.deepEqual(
      { ...rest, emails: rest.emails[0]?.value, enterprise: rest.enterprise?.department },
      {
        ...rest,
        id: ada,
        userName: 'Ada@example.com',
        externalId: 'A1',
        active: true,
        displayName: 'Ada Example',
        title: 'Engineer',
        name: { givenName: 'Ada', familyName: 'Example' },
        emails: 'ada.example@example.com',
        enterprise: 'R&D',
      },
    );
    assert.equal(meta?.resourceType, 'User');
    assert.equal(new Date(meta?.created ?? '').toISOString(), meta?.created);
    assert.equal('password' in user || 'groups' in user, false);
    assert.deepEqual((await access.users.get.query({ ...asked, userName: 'ADA@EXAMPLE.COM' })).user, user);
    assert.deepEqual((await access.users.get.query({ ...asked, externalId: 'A1' })).user, user);
  });

  test('get refuses what names nobody, several users, or nothing', async () => {
    const asked = { connection: connection.id };
    const unknown = await refusal(access.users.get.query({ ...asked, userName: 'nobody@example.com' }));
    assert.deepEqual(
      { reason: unknown.reason, status: unknown.httpStatus, type: unknown.metadata.resource_type },
      { reason: 'ERROR_REASON_RESOURCE_NOT_FOUND', status: 404, type: 'User' },
    );
    const noId = await refusal(access.users.get.query({ ...asked, id: 'nothing-like-an-id' }));
    assert.equal(noId.reason, 'ERROR_REASON_RESOURCE_NOT_FOUND');
    const several = await refusal(access.users.get.query({ ...asked, externalId: 'shared' }));
    assert.deepEqual(
      [several.reason, several.metadata.field],
      ['ERROR_REASON_REQUEST_INVALID', 'externalId'],
    );
    const both = await refusal(access.users.get.query({ ...asked, id: ada, userName: 'ada@example.com' }));
    assert.match(both.message, /^Send one of id, login, email, externalId, userName, not several\.$/);
    const none = await refusal(access.users.get.query(asked));
    assert.match(none.message, /^Send one of id, login, email, externalId, userName\.$/);
  });

  test('find answers by filter, e-mail or name, and everybody page by page', async () => {
    const asked = { connection: connection.id };
    const names = (answer: { users: { userName: string }[] }) => answer.users.map(({ userName }) => userName);
    const writers = await access.users.find.query({
      ...asked,
      filter: 'title eq "writer" and not (userName sw "c")',
    });
    assert.deepEqual(names(writers), ['bo@example.com', 'di@example.com']);
    assert.equal(writers.total, 2);
    assert.equal('nextPageToken' in writers, false);
    const byEmail = await access.users.find.query({ ...asked, email: 'Ada.Example@EXAMPLE.com' });
    assert.deepEqual(names(byEmail), ['Ada@example.com']);
    assert.deepEqual(names(await access.users.find.query({ ...asked, name: 'ada example' })), [
      'Ada@example.com',
    ]);

    const walked: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await access.users.find.query({ ...asked, pageSize: 3, pageToken });
      assert.equal(page.total, 4);
      walked.push(...names(page));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    assert.deepEqual(walked, ['Ada@example.com', 'bo@example.com', 'cy@example.com', 'di@example.com']);
    const counted = await access.users.find.query({ ...asked, pageSize: 0 });
    assert.deepEqual([counted.total, counted.users], [4, []]);
  });

  test('find refuses a filter it cannot read and a token of another query', async () => {
    const asked = { connection: connection.id };
    const filter = await refusal(access.users.find.query({ ...asked, filter: 'titel eq "Writer"' }));
    assert.deepEqual([filter.reason, filter.httpStatus], ['ERROR_REASON_FILTER_INVALID', 400]);
    const { nextPageToken: pageToken } = await access.users.find.query({ ...asked, pageSize: 1 });
    const foreign = await refusal(access.users.find.query({ ...asked, filter: 'active eq true', pageToken }));
    assert.equal(foreign.reason, 'ERROR_REASON_PAGE_TOKEN_INVALID');
    const large = await refusal(access.users.find.query({ ...asked, pageSize: 1_001 }));
    assert.deepEqual([large.reason, large.metadata.field], ['ERROR_REASON_REQUEST_INVALID', 'pageSize']);
  });

  test('groups come when asked for', async () => {
    const group = await createGroup(connection, 'crew', [ada]);
    const { user } = await access.users.get.query({ connection: connection.id, id: ada, withGroups: true });
    assert.deepEqual(
      user.groups?.map(({ value, display }) => [value, display]),
      [[group, 'crew']],
    );
  });
});

suite('memberships', () => {
  let connection: TestConnection;
  let access: Rollcall;
  let [ada, bo, team, unit, company]: string[] = [];
  before(async () => {
    connection = await rollcall.connect();
    access = await rollcall.accessFor(connection);
    ada = await createUser(connection, { userName: 'ada@example.com' });
    bo = await createUser(connection, { userName: 'bo@example.com' });
    await deactivate(connection, bo);
    team = await createGroup(connection, 'team', [ada, bo]);
    unit = await createGroup(connection, 'unit', [team]);
    company = await createGroup(connection, 'company', [unit]);
  });
  const asked = () => ({ connection: connection.id });

  test('groups are found by id, displayName and externalId, without members', async () => {
    const { group } = await access.groups.get.query({ ...asked(), displayName: 'TEAM' });
    assert.deepEqual([group.id, group.displayName, 'members' in group], [team, 'team', false]);
    assert.deepEqual((await access.groups.get.query({ ...asked(), id: team ?? '' })).group, group);
    assert.deepEqual((await access.groups.get.query({ ...asked(), externalId: 'ext-team' })).group, group);
    const found = await access.groups.find.query({ ...asked(), filter: 'displayName co "n"' });
    assert.deepEqual(
      found.groups.map(({ displayName }) => displayName),
      ['unit', 'company'],
    );
    assert.equal((await access.groups.find.query({ ...asked(), name: 'Unit' })).total, 1);
  });

  test('check says whether, and through which groups', async () => {
    const check = async (user?: string, group?: string, nested = true) => {
      const { asOf, ...answer } = await access.memberships.check.query({
        ...asked(),
        user: user ?? '',
        group: group ?? '',
        nested,
      });
      assert.ok(asOf > 0);
      return answer;
    };
    assert.deepEqual(await check(ada, team, false), { member: true, active: true, path: [team] });
    assert.deepEqual(await check(ada, company, false), { member: false, active: true, path: [] });
    assert.deepEqual(await check(ada, company), { member: true, active: true, path: [team, unit, company] });
    assert.deepEqual(await check('nobody', company), { member: false, active: false, path: [] });
    assert.deepEqual(await check(ada, 'nothing'), { member: false, active: true, path: [] });
  });

  test('checkMany says it of every pair, in order', async () => {
    const pair = (user?: string, group?: string) => ({ user: user ?? '', group: group ?? '' });
    const pairs = [pair(ada, company), pair(bo, team), pair('nobody', team), pair(ada, 'nothing')];
    const { checks, asOf } = await access.memberships.checkMany.query({ ...asked(), pairs, nested: true });
    assert.ok(asOf > 0);
    assert.deepEqual(checks, [
      { ...pairs[0], member: true, active: true, path: [team, unit, company] },
      { ...pairs[1], member: false, active: false, path: [] },
      { ...pairs[2], member: false, active: false, path: [] },
      { ...pairs[3], member: false, active: true, path: [] },
    ]);
    const direct = await access.memberships.checkMany.query({ ...asked(), pairs });
    assert.equal(direct.checks[0]?.member, false);
    const inactive = await access.memberships.checkMany.query({ ...asked(), pairs, includeInactive: true });
    assert.deepEqual([inactive.checks[1]?.member, inactive.checks[1]?.active], [true, false]);
    for (const wrong of [[], Array(1_001).fill(pairs[0])]) {
      const refused = await refusal(access.memberships.checkMany.query({ ...asked(), pairs: wrong }));
      assert.deepEqual([refused.reason, refused.metadata.field], ['ERROR_REASON_REQUEST_INVALID', 'pairs']);
    }
  });

  test('only active users are members, unless the inactive are asked for', async () => {
    const bosTeam = { ...asked(), user: bo ?? '', group: team ?? '' };
    const { member, active } = await access.memberships.check.query(bosTeam);
    assert.deepEqual({ member, active }, { member: false, active: false });
    const shown = await access.memberships.check.query({ ...bosTeam, includeInactive: true });
    assert.deepEqual([shown.member, shown.active], [true, false]);
    const none = await access.memberships.ofUser.query({ ...asked(), user: bo ?? '' });
    assert.deepEqual([none.active, none.groups], [false, []]);
    const all = await access.memberships.ofUser.query({ ...asked(), user: bo ?? '', includeInactive: true });
    assert.deepEqual(
      all.groups.map(({ id }) => id),
      [team],
    );
    const members = await access.memberships.ofGroup.query({ ...asked(), group: team ?? '' });
    assert.deepEqual(members.members, [{ id: ada, kind: 'User', active: true, path: [team] }]);
    const both = await access.memberships.ofGroup.query({
      ...asked(),
      group: team ?? '',
      includeInactive: true,
    });
    assert.deepEqual(
      new Map(both.members.map(({ id, active: isActive }) => [id, isActive])),
      new Map([
        [ada, true],
        [bo, false],
      ]),
    );
  });

  test('ofUser answers direct and nested groups with their paths', async () => {
    const direct = await access.memberships.ofUser.query({ ...asked(), user: ada ?? '' });
    assert.deepEqual(direct.groups, [
      { id: team, displayName: 'team', externalId: 'ext-team', path: [team] },
    ]);
    const nested = await access.memberships.ofUser.query({ ...asked(), user: ada ?? '', nested: true });
    assert.deepEqual(
      new Map(nested.groups.map(({ displayName, path }) => [displayName, path])),
      new Map([
        ['team', [team]],
        ['unit', [team, unit]],
        ['company', [team, unit, company]],
      ]),
    );
    const unknown = await refusal(access.memberships.ofUser.query({ ...asked(), user: 'nobody' }));
    assert.equal(unknown.reason, 'ERROR_REASON_RESOURCE_NOT_FOUND');
  });

  test('ofGroup pages through direct and nested members, each once', async () => {
    const walked: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await access.memberships.ofGroup.query({
        ...asked(),
        group: company ?? '',
        nested: true,
        pageSize: 1,
        pageToken,
      });
      walked.push(...page.members.map(({ id, kind }) => `${kind} ${id}`));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    assert.deepEqual(walked.sort(), [`Group ${team}`, `Group ${unit}`, `User ${ada}`].sort());
  });
});

suite('currency', () => {
  test('fresh and atLeast always show the write before, and asOf says how much is shown', async () => {
    const connection = await rollcall.connect();
    const access = await rollcall.accessFor(connection);
    for (let i = 0; i < 20; i++) {
      const { position } = await writeUser(connection.id, { userName: `u${i}@example.com` });
      const asked = { connection: connection.id, userName: `u${i}@example.com` };
      const fresh = await access.users.get.query({ ...asked, fresh: true });
      const atLeast = await access.users.get.query({ ...asked, atLeast: position });
      assert.ok(fresh.asOf >= position && atLeast.asOf >= position);
      assert.deepEqual(atLeast.user, fresh.user);
    }
  });

  test('what an identity provider has pushed is in the next answer', async () => {
    const connection = await rollcall.connect();
    const access = await rollcall.accessFor(connection);
    const push = async (method: string, path: string, body: object) => {
      const response = await fetch(connection.baseUrl + path, {
        method,
        headers: { authorization: `Bearer ${connection.token}`, 'content-type': 'application/scim+json' },
        body: JSON.stringify(body),
      });
      const answer = (await response.json()) as { id: string };
      assert.ok(response.ok, JSON.stringify(answer));
      return { id: answer.id, atLeast: Number(response.headers.get('rollcall-position')) };
    };
    const core = 'urn:ietf:params:scim:schemas:core:2.0';
    const user = await push('POST', '/Users', { schemas: [`${core}:User`], userName: 'ada@example.com' });
    const members = [{ value: user.id }];
    const group = await push('POST', '/Groups', { schemas: [`${core}:Group`], displayName: 'crew', members });
    const asked = { connection: connection.id, user: user.id, group: group.id };
    const before = [
      await access.memberships.check.query({ ...asked, atLeast: group.atLeast }),
      await access.memberships.check.query({ ...asked, fresh: true }),
      await access.memberships.check.query(asked),
    ];
    assert.deepEqual(
      before.map(({ member, asOf }) => [member, asOf]),
      Array(3).fill([true, group.atLeast]),
    );
    const { atLeast } = await push('PATCH', `/Users/${user.id}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    });
    assert.ok(atLeast > group.atLeast);
    const after = [
      await access.memberships.check.query({ ...asked, atLeast }),
      await access.memberships.check.query({ ...asked, fresh: true }),
      await access.memberships.check.query(asked),
    ];
    assert.deepEqual(
      after.map(({ member, asOf }) => [member, asOf]),
      Array(3).fill([false, atLeast]),
    );
  });

  test('atLeast a coming position waits for it', async () => {
    const connection = await rollcall.connect();
    const access = await rollcall.accessFor(connection);
    const { position } = await writeUser(connection.id, { userName: 'first@example.com' });
    const waiting = access.users.find.query({ connection: connection.id, atLeast: position + 1 });
    const second = await writeUser(connection.id, { userName: 'second@example.com' });
    assert.equal(second.position, position + 1);
    const { users, asOf } = await waiting;
    assert.ok(asOf >= second.position);
    assert.equal(users.length, 2);
  });

  test('connections.get counts, and refuses to be older than asked', async () => {
    const connection = await rollcall.connect({ name: 'Counted' });
    const access = await rollcall.accessFor(connection);
    const { position } = await writeUser(connection.id, { userName: 'one@example.com' });
    const answer = await access.connections.get.query({ connection: connection.id, atLeast: position });
    const { created, ...rest } = answer.connection;
    assert.deepEqual(
      { ...rest, asOf: answer.asOf },
      {
        id: connection.id,
        name: 'Counted',
        provider: 'generic',
        strict: false,
        status: 'active',
        users: 1,
        groups: 0,
        asOf: position,
      },
    );
    assert.equal(new Date(created).toISOString(), created);
    const early = await refusal(
      access.connections.get.query({ connection: connection.id, atLeast: position + 1 }),
    );
    assert.deepEqual(
      [early.reason, early.httpStatus, early.metadata],
      ['ERROR_REASON_POSITION_NOT_REACHED', 503, { position: `${position}`, at_least: `${position + 1}` }],
    );
  });
});

suite('service tokens', () => {
  test('a token opens the connections it names and no other', async () => {
    const [mine, other] = [await rollcall.connect(), await rollcall.connect()];
    const access = await rollcall.accessFor(mine);
    await access.connections.get.query({ connection: mine.id });
    const foreign = await refusal(access.users.find.query({ connection: other.id }));
    assert.deepEqual(
      [foreign.reason, foreign.httpStatus, foreign.metadata],
      ['ERROR_REASON_CALLER_FORBIDDEN', 403, { role: 'service', method: 'users.find' }],
    );
    const unknown = await refusal(access.users.find.query({ connection: 'nosuchconnection' }));
    assert.equal(unknown.reason, foreign.reason);
  });

  test('a token of all connections opens those to come', async () => {
    const { secret: token } = await rollcall.directory.connections.createServiceToken(
      CreateServiceTokenRequest.fromPartial({ label: 'all', allConnections: true }),
    );
    const access = createRollcall({ url: rollcall.accessUrl, token });
    const connection = await rollcall.connect();
    assert.equal((await access.users.find.query({ connection: connection.id })).total, 0);
    const unknown = await refusal(access.users.find.query({ connection: 'nosuchconnection' }));
    assert.deepEqual([unknown.reason, unknown.httpStatus], ['ERROR_REASON_CONNECTION_NOT_FOUND', 404]);
  });

  test('a token whose only connection is deleted opens nothing', async () => {
    const [gone, other] = [await rollcall.connect(), await rollcall.connect()];
    const access = await rollcall.accessFor(gone);
    await rollcall.directory.connections.deleteConnection({ connectionId: gone.id });
    const foreign = await refusal(access.users.find.query({ connection: other.id }));
    assert.equal(foreign.reason, 'ERROR_REASON_CALLER_FORBIDDEN');
    const queries = [access.users.find, access.groups.find, access.connections.get];
    for (const { query } of queries) {
      const { reason } = await refusal(query({ connection: gone.id }));
      assert.equal(reason, 'ERROR_REASON_CONNECTION_NOT_FOUND');
    }
  });

  test('no token, a wrong one and that of an identity provider are refused alike', async () => {
    const connection = await rollcall.connect();
    const answers = await Promise.all(
      ['', 'rollcall_wrong', connection.token, 'x'.repeat(1_000)].map((token) =>
        refusal(
          createRollcall({ url: rollcall.accessUrl, token }).users.find.query({
            connection: connection.id,
          }),
        ),
      ),
    );
    for (const { reason, httpStatus } of answers)
      assert.deepEqual([reason, httpStatus], ['ERROR_REASON_TOKEN_INVALID', 401]);
  });

  test('a revoked token is refused', async () => {
    const connection = await rollcall.connect();
    const { secret, token } = await rollcall.directory.connections.createServiceToken(
      CreateServiceTokenRequest.fromPartial({ label: 'short', connectionIds: [connection.id] }),
    );
    const access = createRollcall({ url: rollcall.accessUrl, token: secret });
    await access.users.find.query({ connection: connection.id });
    await rollcall.directory.connections.revokeServiceToken({ tokenId: token?.id ?? '' });
    // What was known of the token before may count for a moment; the test ends only when it no longer does.
    for (;;) {
      try {
        await access.users.find.query({ connection: connection.id });
      } catch (error) {
        assert.equal(rollcallError(error)?.reason, 'ERROR_REASON_TOKEN_INVALID');
        break;
      }
    }
  });
});

suite('the wire', () => {
  const post = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${rollcall.accessUrl}${path}`, { method: 'POST', ...init });
    return { status: response.status, text: await response.text() };
  };

  test('queries travel by POST, and nothing of their input stands in the URL', async () => {
    const seen: (string | undefined)[] = [];
    await using server = createServer((request, response) => {
      seen.push(request.method, request.url);
      response.end('{"result":{"data":{}}}');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const access = createRollcall({ url: `http://127.0.0.1:${port}/`, token: 'secret-token' });
    await access.users.find.query({ connection: 'demo0000', email: 'ada@example.com' });
    assert.deepEqual(seen, ['POST', '/trpc/users.find']);
    server.closeAllConnections();
  });

  test('GET is refused, with what to do instead', async () => {
    const input = encodeURIComponent('{"connection":"demo0000"}');
    const response = await fetch(`${rollcall.accessUrl}/trpc/users.find?input=${input}`);
    assert.equal(response.status, 405);
    assert.match(await response.text(), /Send queries by POST/);
  });

  test('whatever is sent, the answer is JSON with a reason and tells nothing of the inside', async () => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer rollcall_x' };
    const cases: [string, RequestInit, number][] = [
      ['/trpc/users.nothing', { headers, body: '{}' }, 404],
      ['/trpc/users.find', { headers, body: '{"connection"' }, 401],
      ['/trpc/users.find', { headers, body: `{"a":"${'x'.repeat(100_000)}"}` }, 401],
      ['/trpc/users.find', { headers: { authorization: 'x' }, body: 'a=b' }, 415],
      ['/trpc/users.find,users.find?batch=1', { headers, body: '{}' }, 400],
      ['/trpc/%E0%A4%A', { headers, body: '{}' }, 400],
    ];
    for (const [path, init, status] of cases) {
      const answer = await post(path, init);
      assert.equal(answer.status, status, `${path} ${answer.text}`);
      const { error } = JSON.parse(answer.text);
      assert.match(error.data.reason, /^ERROR_REASON_/);
      assert.doesNotMatch(answer.text, /node_modules|\.ts:|stack|at async/);
    }
  });

  test('with a good token, bad input is named', async () => {
    const connection = await rollcall.connect();
    const { secret } = await rollcall.directory.connections.createServiceToken(
      CreateServiceTokenRequest.fromPartial({ label: 'wire', connectionIds: [connection.id] }),
    );
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
    const send = async (body: string) => {
      const { status, text } = await post('/trpc/memberships.check', { headers, body });
      return { status, message: JSON.parse(text).error.message as string };
    };
    const about = { connection: connection.id, user: 'u', group: 'g' };
    assert.deepEqual(await send('{'), { status: 400, message: 'The body is not JSON.' });
    assert.match((await send('{}')).message, /^connection: /);
    assert.match((await send('[]')).message, /object/);
    assert.match((await send(JSON.stringify({ ...about, group: 7 }))).message, /^group: .*string/);
    assert.match(
      (await send(JSON.stringify({ ...about, includeInActive: true }))).message,
      /includeInActive/,
    );
    assert.match((await send(JSON.stringify({ ...about, atLeast: -1 }))).message, /^atLeast: /);
    const large = await send(JSON.stringify({ ...about, group: 'x'.repeat(300_000) }));
    assert.equal(large.status, 413);
  });

  test('every reason has its code, and INTERNAL ones keep their text', () => {
    for (const reason of Object.values(ErrorReason)) {
      const error = toTrpcError(new RpcError(reason, 'what happened', { key: 'value' }));
      const { message, data } = formatTrpcError({ error });
      assert.ok(data.httpStatus >= 400, reason);
      if (data.httpStatus === 500) {
        assert.deepEqual([data.reason, data.metadata], [ErrorReason.INTERNAL, {}]);
        assert.doesNotMatch(message, /what happened/);
      } else {
        assert.deepEqual([data.reason, data.metadata, message], [reason, { key: 'value' }, 'what happened']);
      }
    }
    const undeclared = formatTrpcError({ error: toTrpcError(new TypeError('x is not a function')) });
    assert.deepEqual([undeclared.data.httpStatus, undeclared.data.reason], [500, ErrorReason.INTERNAL]);
    assert.doesNotMatch(undeclared.message, /function/);
  });
});

suite('health', () => {
  test('it is ready while the directory serves', async () => {
    for (const path of ['/healthz', '/readyz'])
      assert.equal((await fetch(`${rollcall.accessUrl}${path}`)).status, 200);
    assert.equal((await fetch(`${rollcall.accessUrl}/nothing`)).status, 404);
  });

  test('without a directory it lives, is not ready, and says so to those who ask', async () => {
    const config = readConfig(accessConfig, {
      ROLLCALL_ACCESS_PORT: '0',
      ROLLCALL_DATA_DIR: rollcall.dataDir,
      // Nothing listens on the discard port.
      ROLLCALL_DIRECTORY_ADDRESS: '127.0.0.1:9',
    });
    const metrics = new Registry();
    const logger = createLogger({ level: 'silent', name: 'access' });
    await using access = await startAccess(config, { logger, metrics });
    assert.equal((await fetch(`${access.address}/healthz`)).status, 200);
    assert.equal((await fetch(`${access.address}/readyz`)).status, 503);
    const client = createRollcall({ url: access.address, token: 'rollcall_x' });
    const { reason, httpStatus } = await refusal(client.users.find.query({ connection: 'demo0000' }));
    assert.deepEqual([reason, httpStatus], ['ERROR_REASON_DATABASE_UNAVAILABLE', 503]);
    assert.match(await metrics.metrics(), /_count\{procedure="users.find",outcome="SERVICE_UNAVAILABLE"\} 1/);
  });
});
