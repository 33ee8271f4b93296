import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Document } from 'mongodb';
import {
  type AttributeMapping,
  CreateConnectionRequest,
  OnDelete,
  PreviewAttributeMappingRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Identity, IdentityMatch } from '#proto/rollcall/directory/v1/identity.ts';
import {
  CreateUserRequest,
  DeleteUserRequest,
  GetUserRequest,
  ListUsersRequest,
} from '#proto/rollcall/directory/v1/user_service.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { rollcallError } from '../../services/access/client.ts';
import { enterpriseUrn, userUrn } from '../scim/scim-fixture.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { runCommand } from '../support/run-command.ts';

type NewUser = NonNullable<Parameters<typeof CreateUserRequest.fromPartial>[0]['user']>;
type Mapping = Parameters<typeof AttributeMapping.fromPartial>[0];

const defaults = { login: 'userName', email: 'emails.value', externalId: 'externalId' };
const workEmail = 'emails[type eq "work"].value';
const employeeNumber = `${enterpriseUrn}:employeeNumber`;

/** The first stages of the aggregations that were sent. */
const matched: Document[] = [];
let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall((event) => {
    if ('command' in event && event.commandName === 'aggregate')
      matched.push(event.command.pipeline[0].$match);
  });
});
after(() => rollcall[Symbol.asyncDispose]());

async function addUser({ id: connectionId }: TestConnection, user: NewUser): Promise<string> {
  const request = CreateUserRequest.fromPartial({ connectionId, user });
  return (await rollcall.directory.users.createUser(request)).user?.id ?? '';
}

async function map({ id: connectionId }: TestConnection, attributeMapping: Mapping) {
  const request = UpdateConnectionRequest.fromPartial({ connectionId, attributeMapping });
  return (await rollcall.directory.connections.updateConnection(request)).connection?.attributeMapping;
}

function preview({ id: connectionId }: TestConnection, mapping: Mapping, sampleSize?: number) {
  const request = PreviewAttributeMappingRequest.fromPartial({ connectionId, mapping, sampleSize });
  return rollcall.directory.connections.previewAttributeMapping(request);
}

/** The users of a connection, or those of an identity, with their identities by id. */
async function identities(
  { id: connectionId }: TestConnection,
  part?: IdentityMatch['part'],
): Promise<Map<string, Identity>> {
  const found = new Map<string, Identity>();
  const request = ListUsersRequest.fromPartial({ connectionId, identity: part && { part } });
  let total = 0;
  for await (const { part: each } of rollcall.directory.users.listUsers(request)) {
    if (each?.$case === 'header') total = each.value.totalSize;
    if (each?.$case !== 'users') continue;
    for (const { user, identity } of each.value.users) if (identity) found.set(user?.id ?? '', identity);
  }
  assert.equal(found.size, total);
  return found;
}

async function refusedWith(call: Promise<unknown>, field: string): Promise<string> {
  const error = await call.then(
    () => assert.fail('nothing was refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RpcError, String(error));
  assert.deepEqual([error.reason, { ...error.metadata }], [ErrorReason.REQUEST_INVALID, { field }]);
  return error.message;
}

suite('declaring a mapping', () => {
  test('spells paths by the schema, takes empty ones for the defaults, and leaves it alone without one', async () => {
    const connection = await rollcall.connect();
    const { id: connectionId } = connection;
    assert.deepEqual(await map(connection, { login: '', email: ' ' }), defaults);
    const spelled = { login: workEmail, email: 'emails.value', externalId: employeeNumber };
    const given = {
      login: ' EMAILS[Type EQ "work"] ',
      email: 'emails',
      externalId: employeeNumber.toUpperCase(),
    };
    assert.deepEqual(await map(connection, given), spelled);
    const request = UpdateConnectionRequest.fromPartial({ connectionId, name: 'Renamed' });
    const { connection: renamed } = await rollcall.directory.connections.updateConnection(request);
    assert.deepEqual(renamed?.attributeMapping, spelled);
    assert.deepEqual(await map(connection, { login: `${userUrn}:nickname` }), {
      ...defaults,
      login: 'nickName',
    });

    const created = await rollcall.directory.connections.createConnection(
      CreateConnectionRequest.fromPartial({ name: 'Acme', attributeMapping: { email: 'name.formatted' } }),
    );
    assert.deepEqual(created.connection?.attributeMapping, { ...defaults, email: 'name.formatted' });
  });

  test('is refused with the reason for what cannot work, and changes nothing', async () => {
    const connection = await rollcall.connect();
    for (const [path, reason] of [
      ['shoeSize', /"shoeSize" is not an attribute of User/],
      ['employeeNumber', /did you mean urn:.*:employeeNumber/],
      ['members', /"members" is not an attribute of User/],
      ['emails.shoeSize', /"shoeSize" is not a sub-attribute of emails/],
      ['emails[shoeSize eq 1].value', /"shoeSize" is not a sub-attribute of emails/],
      ['emails[type eq "work"', /Close this "\["/],
      ['userName[type eq "work"]', /./],
      ['emails.value.more', /at most two parts/],
      [enterpriseUrn, /is a schema; name one of its attributes/],
      ['urn:example:Nothing:title', /schema is not known/],
      ['password', /never returned/],
      ['id', /read-only/],
      ['meta.version', /read-only/],
      ['groups', /read-only|computed/],
      [`${enterpriseUrn}:manager.displayName`, /read-only|computed/],
      ['name', /has several parts; name one of them, such as name\.formatted/],
      ['addresses[type eq "work"]', /has several parts; name one of them, such as addresses\./],
      ['active', /it is a boolean/],
      ['emails.primary', /it is a boolean/],
      ['x509Certificates', /it is a binary/],
      [`emails[value eq "${'x'.repeat(500)}"]`, /at most 500 characters/],
    ] as const) {
      const fields = ['login', 'email', 'external_id'];
      const mappings = [{ login: path }, { email: path }, { externalId: path }];
      for (const [index, mapping] of mappings.entries()) {
        const field = fields[index];
        const message = await refusedWith(map(connection, mapping), `attribute_mapping.${field}`);
        assert.match(message, reason, path);
        assert.ok(message.startsWith(`attribute_mapping.${field}: `), message);
      }
      await refusedWith(preview(connection, { login: path }), 'mapping.login');
    }
    assert.deepEqual(await map(connection, {}), defaults);
    await refusedWith(preview(connection, {}, 101), 'sample_size');
    await refusedWith(preview(connection, {}, -1), 'sample_size');
    await refusedWith(identities(connection, { $case: 'login', value: '' }), 'identity');
    await refusedWith(identities(connection, { $case: 'email', value: 'x'.repeat(1_025) }), 'identity');
  });
});

suite('identities', () => {
  let connection: TestConnection;
  before(async () => {
    connection = await rollcall.connect();
    const addresses = ['a@example.com', 'B@example.com', 'b@EXAMPLE.com', 'c@example.com'];
    // Every way in which a user can have up to two addresses out of few, so that the counted one is not always the one asked for.
    const options = addresses.flatMap((value) => [
      { value, type: 'work' },
      { value, type: 'home', primary: true },
    ]);
    const lists = [
      [],
      [{ type: 'work' }, { value: 'c@example.com', type: 'work' }],
      [{ value: '', type: 'work', primary: true }, { value: 'a@example.com' }],
      ...options.flatMap((first, index) =>
        options.slice(index % 3).map((second) => [first, { ...second, primary: false }, { type: 'other' }]),
      ),
      ...options.slice(0, 4).map((first) => [{ value: 'c@example.com', type: 'work' }, first]),
    ];
    await Promise.all(
      lists.map((emails, index) =>
        addUser(connection, {
          userName: `User${index}`,
          emails,
          ...(index % 2 === 0 && { externalId: `X${index % 7}` }),
          ...(index % 3 === 0 && { nickName: `Nick ${index % 4}` }),
          ...(index % 4 !== 0 && { enterprise: { employeeNumber: `e${index % 5}` } }),
        }),
      ),
    );
  });

  for (const [path, indexed, caseExact] of [
    ['userName', 'unique', false],
    ['externalId', 'lookup', true],
    ['emails', 'lookup', false],
    [workEmail, 'lookup', false],
    ['emails[type eq "home" or primary eq true].value', 'lookup', false],
    ['emails[not (type eq "work")].type', undefined, false],
    ['nickName', undefined, false],
    [employeeNumber, undefined, false],
  ] as const) {
    test(`by ${path}: lookups find those who are answered with the value, and nobody else`, async () => {
      await map(connection, { login: path });
      const all = [...(await identities(connection))];
      assert.ok(all.length > 60);
      const values = new Set(all.flatMap(([, { login }]) => login ?? []));
      assert.ok(values.size > 1);
      const fold = (text: string | undefined) => (caseExact ? text : text?.toLowerCase());
      for (const value of values) {
        for (const asked of [value, value.toUpperCase()]) {
          matched.length = 0;
          const found = await identities(connection, { $case: 'login', value: asked });
          const expected = all.filter(([, { login }]) => fold(login) === fold(asked));
          assert.deepEqual(new Map(found), new Map(expected), asked);
          const usesIndex = matched.every((match) => indexed !== undefined && indexed in match);
          assert.equal(usesIndex, indexed !== undefined, JSON.stringify(matched));
        }
      }
      const unknown = await identities(connection, { $case: 'login', value: 'nobody@example.com' });
      assert.equal(unknown.size, 0);
    });
  }

  test('count the primary value, else the first, of those that are selected and not empty', async () => {
    const here = await rollcall.connect();
    const of = async (emails: NewUser['emails'], login: string) => {
      const id = await addUser(here, { userName: crypto.randomUUID(), emails: emails ?? [] });
      await map(here, { login });
      return (await identities(here)).get(id)?.login;
    };
    const [home, work] = [
      { value: 'h@example.com', type: 'home' },
      { value: 'w@example.com', type: 'work' },
    ];
    assert.equal(await of([home, { ...work, primary: true }], 'emails'), 'w@example.com');
    assert.equal(await of([home, work], 'emails'), 'h@example.com');
    assert.equal(await of([{ ...home, primary: true }, work], workEmail), 'w@example.com');
    assert.equal(await of([home], workEmail), undefined);
    assert.equal(await of([{ type: 'work', primary: true }, work], workEmail), 'w@example.com');
    assert.equal(await of([], 'emails'), undefined);
  });

  test('come with one user too, also with one that is deleted and kept', async () => {
    const created = await rollcall.directory.connections.createConnection(
      CreateConnectionRequest.fromPartial({
        name: 'Acme',
        onDelete: OnDelete.DEACTIVATE,
        attributeMapping: { externalId: employeeNumber },
      }),
    );
    const here = { id: created.connection?.id ?? '', token: created.token, baseUrl: '' };
    const user = { userName: 'Ada', externalId: 'objectId', enterprise: { employeeNumber: '007' } };
    const id = await addUser(here, user);
    const request = GetUserRequest.fromPartial({ connectionId: here.id, id, includeDeleted: true });
    const identity = async () => (await rollcall.directory.users.getUser(request)).identity;
    const expected = { login: 'Ada', email: undefined, externalId: '007' };
    assert.deepEqual({ ...(await identity()) }, expected);
    await rollcall.directory.users.deleteUser(DeleteUserRequest.fromPartial({ connectionId: here.id, id }));
    assert.deepEqual({ ...(await identity()) }, expected);
  });
});

suite('internal services', () => {
  test('get and find users by what they know them by, and the attributes as they are', async () => {
    const connection = await rollcall.connect();
    const ask = { connection: connection.id };
    const access = await rollcall.accessFor(connection);
    const ada = await addUser(connection, {
      userName: 'ada.upn@example.com',
      externalId: 'objectId-1',
      emails: [
        { value: 'ada@example.com', type: 'work', primary: true },
        { value: 'bo@example.com', type: 'home' },
      ],
      enterprise: { employeeNumber: 'E7' },
    });
    const bo = await addUser(connection, {
      userName: 'bo.upn@example.com',
      externalId: 'objectId-2',
      emails: [{ value: 'bo@example.com', type: 'work' }],
    });
    const got = async (question: object) => (await access.users.get.query({ ...ask, ...question })).user.id;
    const refused = async (question: object) =>
      rollcallError(await got(question).catch((error) => error))?.reason;
    assert.equal(await got({ login: 'ADA.UPN@example.com' }), ada);
    assert.equal(await got({ externalId: 'objectId-2' }), bo);
    // It is an address of Ada too, but not the one by which she is known.
    assert.equal(await got({ email: 'Bo@example.com' }), bo);

    await map(connection, { login: workEmail, externalId: employeeNumber });
    const { user } = await access.users.get.query({ ...ask, login: 'ada@EXAMPLE.com' });
    assert.deepEqual(user.identity, { login: 'ada@example.com', email: 'ada@example.com', externalId: 'E7' });
    assert.deepEqual([user.userName, user.externalId], ['ada.upn@example.com', 'objectId-1']);
    assert.deepEqual((await access.users.get.query({ ...ask, id: ada })).user, user);
    assert.equal(await got({ userName: 'ada.upn@example.com' }), ada);
    assert.equal(await got({ externalId: 'E7' }), ada);
    assert.equal(await refused({ externalId: 'objectId-1' }), 'ERROR_REASON_RESOURCE_NOT_FOUND');
    assert.equal(await refused({ login: 'ada.upn@example.com' }), 'ERROR_REASON_RESOURCE_NOT_FOUND');
    const { users } = await access.users.find.query({ ...ask, login: 'bo@example.com' });
    assert.deepEqual(
      users.map(({ id, identity }) => [id, identity]),
      [[bo, { login: 'bo@example.com', email: 'bo@example.com' }]],
    );
    const byFilter = await access.users.find.query({ ...ask, filter: 'externalId eq "objectId-1"' });
    assert.deepEqual(byFilter.users, [user]);
    await map(connection, { login: 'userType' });
    await addUser(connection, { userName: 'cy', userType: 'staff' });
    await addUser(connection, { userName: 'di', userType: 'Staff' });
    assert.equal(await refused({ login: 'staff' }), 'ERROR_REASON_REQUEST_INVALID');
    const [first, rest] = [
      { ...ask, login: 'staff', pageSize: 1 },
      { ...ask, login: 'staff' },
    ];
    const page = await access.users.find.query(first);
    assert.deepEqual([page.users[0]?.userName, page.total], ['cy', 2]);
    const next = await access.users.find.query({ ...rest, pageToken: page.nextPageToken });
    assert.deepEqual([next.users[0]?.userName, next.nextPageToken], ['di', undefined]);
    await assert.rejects(access.users.find.query({ ...ask, email: 'staff', pageToken: page.nextPageToken }));
  });

  test('SCIM answers the same bytes whatever the mapping', async () => {
    const connection = await rollcall.connect();
    const id = await addUser(connection, {
      userName: 'ada',
      externalId: 'x-1',
      emails: [{ value: 'ada@example.com', type: 'work' }],
      enterprise: { employeeNumber: '7' },
    });
    const answers = () =>
      Promise.all(
        [
          '/Users',
          `/Users/${id}`,
          '/Users?filter=userName%20eq%20%22ada%22',
          '/Users?filter=externalId%20eq%20%22x-1%22&attributes=externalId',
          '/Users?filter=externalId%20eq%20%227%22',
          '/Users?sortBy=userName&startIndex=1&count=1',
          '/?filter=meta.resourceType%20eq%20%22User%22',
          '/Schemas',
          '/ResourceTypes',
          '/ServiceProviderConfig',
        ].map(async (path) => {
          const headers = { authorization: `Bearer ${connection.token}` };
          const answer = await fetch(`${connection.baseUrl}${path}`, { headers });
          return [path, answer.status, answer.headers.get('etag'), await answer.text()];
        }),
      );
    const before = await answers();
    assert.ok(before.every(([, status]) => status === 200));
    await map(connection, { login: workEmail, email: 'nickName', externalId: employeeNumber });
    assert.equal((await identities(connection)).get(id)?.externalId, '7');
    assert.deepEqual(await answers(), before);
  });
});

suite('a preview', () => {
  const cli = (...args: string[]) =>
    runCommand(join(import.meta.dirname, '..', '..', 'bin', 'rollcall'), ['connections', ...args], {
      cwd: tmpdir(),
      env: {
        PATH: '/usr/bin:/bin',
        ROLLCALL_DATA_DIR: rollcall.dataDir,
        ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
      },
    });

  test('counts who has, lacks and shares each value, shows who changes, and changes nothing', async () => {
    const connection = await rollcall.connect();
    const work = (value: string) => ({ emails: [{ value, type: 'work' }] });
    const ids: string[] = [];
    for (const user of [
      { userName: 'ada', ...work('team@example.com') },
      { userName: 'bo', ...work('Team@example.com') },
      { userName: 'cy@example.com', ...work('cy@example.com') },
      { userName: 'di' },
    ])
      ids.push(await addUser(connection, user));
    const [ada = '', bo = '', , di = ''] = ids;
    const asked = { login: 'EMAILS[type eq "work"]' };
    const found = await preview(connection, asked, 2);
    assert.deepEqual(
      {
        ...found,
        samples: found.samples.map(({ userId, before, after }) => [userId, before?.login, after?.login]),
      },
      {
        mapping: { ...defaults, login: workEmail },
        examined: 4,
        partial: false,
        login: {
          present: 3,
          missing: 1,
          changed: 3,
          shared: 2,
          missingIds: [di],
          sharedValues: [{ value: 'team@example.com', users: 2, ids: [ada, bo] }],
        },
        email: { ...found.email, present: 3, missing: 1, changed: 0, shared: 2 },
        externalId: {
          present: 0,
          missing: 4,
          changed: 0,
          shared: 0,
          missingIds: ids.slice(0, 3),
          sharedValues: [],
        },
        samples: [
          [ada, 'ada', 'team@example.com'],
          [bo, 'bo', 'Team@example.com'],
        ],
      },
    );
    assert.equal((await identities(connection)).get(ada)?.login, 'ada');

    const options = ['mapping', '--connection', connection.id];
    const trial = [...options, '--login', workEmail, '--preview'];
    const [text, json] = await Promise.all([cli(...trial, '--samples', '1'), cli(...trial, '--json')]);
    assert.deepEqual([text.code, text.stderr], [0, '']);
    assert.match(text.stdout, /^Tried on 4 users; nothing was changed\.\n/);
    assert.match(text.stdout, /\nlogin +emails\[type eq "work"\]\.value +3 +1 +3 +2\n/);
    assert.ok(text.stdout.includes(`\nThe same login, "team@example.com": ${ada}, ${bo}\n`), text.stdout);
    assert.match(text.stdout, / ada -> team@example\.com /);
    assert.doesNotMatch(text.stdout, / bo -> /);
    assert.equal(JSON.parse(json.stdout).login.shared, 2);

    const row = {
      id: connection.id,
      loginFrom: workEmail,
      emailFrom: 'emails.value',
      externalIdFrom: employeeNumber,
    };
    await map(connection, { externalId: employeeNumber });
    const set = await cli(...options, '--login', workEmail, '--json');
    assert.deepEqual(JSON.parse(set.stdout), row);
    const [wrong, shown, plain] = await Promise.all([
      cli(...options, '--email', 'shoeSize'),
      cli('show', connection.id, '--json'),
      cli(...options, '--json'),
    ]);
    assert.deepEqual([wrong.code, wrong.stdout], [1, '']);
    assert.match(wrong.stderr, /attribute_mapping\.email: .*"shoeSize" is not an attribute of User/);
    const { id, loginFrom, emailFrom, externalIdFrom } = JSON.parse(shown.stdout);
    assert.deepEqual({ id, loginFrom, emailFrom, externalIdFrom }, row);
    assert.deepEqual(JSON.parse(plain.stdout), row);
  });
});
