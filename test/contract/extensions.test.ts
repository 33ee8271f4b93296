import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import { UnknownAttributes } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import type { RpcError } from '#rpc/rpc-error.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import { rollcallError } from '../../services/access/client.ts';
import { readExtensionFile } from '../../services/cli/extension-file.ts';
import { enterpriseUrn, userUrn } from '../scim/scim-fixture.ts';
import {
  type ConnectionDriver,
  createDriver,
  driveConnection,
  idOf,
  inParallel,
  refusal,
  refused,
  testInConnection,
} from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';
import { badge, driveExtensions, extension, number } from '../support/extension-driver.ts';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';
import { runCommand } from '../support/run-command.ts';

/** The first stages of the aggregations that were sent. */
const matched: Document[] = [];
/** The ids of the connections that were read. */
const connectionReads: string[] = [];
let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall((event) => {
    if ('command' in event && event.commandName === 'aggregate')
      matched.push(event.command.pipeline[0].$match);
    if ('command' in event && event.command.find === 'connections')
      connectionReads.push(event.command.filter._id);
  });
});
after(() => rollcall[Symbol.asyncDispose]());

const clients = () => rollcall.directory;
const uri = () => rollcall.database.uri;
const inConnection = testInConnection(clients);
const driven = driveExtensions(clients);

suite('values of a declared extension', () => {
  inConnection('are written in any letter case, and answered spelled as declared', async (acme) => {
    await driven.declare(acme, [
      number,
      { name: 'Level', type: 'integer' },
      { name: 'since', type: 'dateTime' },
      { name: 'doors', type: 'string', multiValued: true },
      {
        name: 'office',
        type: 'complex',
        subAttributes: [
          { name: 'Floor', type: 'integer' },
          { name: 'desk', type: 'string' },
        ],
      },
    ]);
    const sent = {
      NUMBER: 'B-1',
      level: 3,
      since: '2026-01-31T12:00:00+01:00',
      doors: ['north'],
      Office: { floor: 2, DESK: '7' },
    };
    const { user, position } = await acme.createUser({
      userName: 'ada',
      extensions: { [badge.toUpperCase()]: sent },
    });
    const stored = {
      number: 'B-1',
      Level: 3,
      since: sent.since,
      doors: ['north'],
      office: { Floor: 2, desk: '7' },
    };
    assert.deepEqual(user.extensions, { [badge]: stored });
    const id = idOf(user);
    assert.deepEqual((await acme.getUser(id)).user.extensions, { [badge]: stored });
    assert.deepEqual(
      (await acme.listUsers()).users.map(({ extensions }) => extensions),
      [{ [badge]: stored }],
    );

    const again = await acme.replaceUser(id, { userName: 'ada', extensions: { [badge]: stored } });
    assert.deepEqual([again.changed, again.position], [false, position]);
    await acme.replaceUser(id, { userName: 'ada', extensions: { [badge]: { number: 'B-2' } } });
    assert.deepEqual((await acme.getUser(id)).user.extensions, { [badge]: { number: 'B-2' } });
    const replaced = (await acme.listChanges()).at(-1);
    assert.deepEqual(replaced?.what?.$case === 'resource' && replaced.what.value.attributes, [badge]);
    await acme.replaceUser(id, { userName: 'ada' });
    assert.deepEqual((await acme.getUser(id)).user.extensions, {});
  });

  inConnection('are changed by PATCH: one, a part, the whole extension', async (acme) => {
    await driven.declare(acme, [
      number,
      {
        name: 'doors',
        type: 'complex',
        multiValued: true,
        subAttributes: [
          { name: 'value', type: 'string' },
          { name: 'type', type: 'string' },
        ],
      },
    ]);
    const id = (await driven.addUsers(acme, { ada: undefined }))('ada');
    const after = async (...change: [keyof typeof PatchOp, string, JsonValue?]) =>
      (await driven.patch(acme, id, ...change)).extensions[badge];
    assert.deepEqual(await after('ADD', `${badge}:NUMBER`, 'B-1'), { number: 'B-1' });
    const north = { value: 'north', type: 'main' };
    assert.deepEqual(await after('ADD', badge, { doors: [north, { value: 'south' }] }), {
      number: 'B-1',
      doors: [north, { value: 'south' }],
    });
    assert.deepEqual(await after('REPLACE', `${badge}:doors[type eq "MAIN"].value`, 'west'), {
      number: 'B-1',
      doors: [{ value: 'west', type: 'main' }, { value: 'south' }],
    });
    assert.deepEqual(await after('REMOVE', `${badge}:doors`), { number: 'B-1' });
    assert.deepEqual(await after('REMOVE', badge), undefined);
  });

  inConnection('are checked by type, the error naming the attribute', async (acme) => {
    await driven.declare(acme, [
      number,
      { name: 'level', type: 'integer' },
      { name: 'rate', type: 'decimal' },
      { name: 'visible', type: 'boolean' },
      { name: 'since', type: 'dateTime' },
      { name: 'picture', type: 'binary' },
      { name: 'doors', type: 'string', multiValued: true },
      { name: 'office', type: 'complex', subAttributes: [{ name: 'floor', type: 'integer' }] },
    ]);
    const id = (await driven.addUsers(acme, { ada: {} }))('ada');
    for (const [name, value, part = ''] of [
      ['number', 7],
      ['level', 1.5],
      ['level', '3'],
      ['rate', 'high'],
      ['visible', 'true'],
      ['since', 'yesterday'],
      ['picture', '%'],
      ['doors', 'north'],
      ['doors', [1]],
      ['office', 'north'],
      ['office', { floor: 'second' }, '.floor'],
    ] as const satisfies readonly (readonly [string, JsonValue, string?])[]) {
      const extensions = { [badge]: { [name]: value } };
      const invalid = [ErrorReason.VALUE_INVALID, { attribute: `${badge}:${name}${part}` }] as const;
      await refused(acme.createUser({ userName: 'bob', extensions }), ...invalid);
      await refused(acme.replaceUser(id, { userName: 'ada', extensions }), ...invalid);
      // A PATCH makes a list of one value itself.
      if (name === 'doors') continue;
      const error = await refusal(driven.patch(acme, id, 'ADD', `${badge}:${name}`, value));
      assert.deepEqual(
        [error.reason, error.metadata.attribute],
        [ErrorReason.VALUE_INVALID, `${badge}:${name}${part}`],
      );
    }
    assert.deepEqual(
      (await acme.listUsers()).users.map(({ userName, extensions }) => [userName, extensions]),
      [['ada', {}]],
    );
  });

  inConnection('are refused for what nothing declares, and are of one resource type', async (acme) => {
    await driven.declare(acme, [number]);
    for (const [urn, held, attribute] of [
      ['urn:example:other', { number: 'B-1' }, 'urn:example:other'],
      [badge, { colour: 'red' }, `${badge}:colour`],
      [enterpriseUrn, { department: 'Engines' }, enterpriseUrn.toLowerCase()],
      [userUrn, { title: 'Captain' }, userUrn.toLowerCase()],
      ['active', { title: 'Captain' }, 'active'],
      ['nothing', { title: 'Captain' }, 'nothing'],
    ] as const)
      await refused(
        acme.createUser({ userName: 'ada', extensions: { [urn]: held } }),
        ErrorReason.VALUE_INVALID,
        { attribute },
      );
    const extensions = { [badge]: { number: 'B-1' } };
    await refused(createGroup(acme, extensions), ErrorReason.VALUE_INVALID, {
      attribute: badge.toLowerCase(),
    });

    const team = 'urn:example:Team';
    await driven.declare(acme, [{ name: 'cost-centre', type: 'string' }], team, 'group');
    const { group } = await createGroup(acme, { [team]: { 'Cost-Centre': 'C-1' } });
    assert.deepEqual(group.extensions, { [team]: { 'cost-centre': 'C-1' } });
    assert.deepEqual(
      (await acme.listGroups()).groups.map((one) => one.group.extensions),
      [group.extensions],
    );
  });

  const createGroup = (acme: ConnectionDriver, extensions: Readonly<Record<string, JsonObject>>) =>
    acme.createGroup({ displayName: 'Staff', extensions });

  inConnection('follow mutability, required and returned', async (acme) => {
    await driven.declare(acme, [
      { ...number, required: true },
      { name: 'origin', type: 'string', mutability: 'immutable' },
      { name: 'secret', type: 'string', mutability: 'writeOnly', returned: 'never' },
    ]);
    await refused(
      acme.createUser({ userName: 'ada', extensions: { [badge]: { origin: 'x' } } }),
      ErrorReason.VALUE_INVALID,
      {
        attribute: `${badge}:number`,
      },
    );
    const id = (
      await driven.addUsers(acme, { bob: undefined, ada: { number: 'B-1', origin: 'x', secret: 's' } })
    )('ada');
    assert.deepEqual((await acme.getUser(id)).user.extensions[badge], { number: 'B-1', origin: 'x' });
    const change = await refusal(driven.patch(acme, id, 'REPLACE', `${badge}:origin`, 'y'));
    assert.deepEqual([change.reason, change.metadata.attribute], [ErrorReason.MUTABILITY, `${badge}:origin`]);
    const removal = await refusal(driven.patch(acme, id, 'REMOVE', `${badge}:number`));
    assert.deepEqual(
      [removal.reason, removal.metadata.attribute],
      [ErrorReason.MUTABILITY, `${badge}:number`],
    );
    const hidden = await refusal(driven.find(acme, `${badge}:secret eq "s"`));
    assert.deepEqual(
      [hidden.reason, { ...hidden.metadata }],
      [ErrorReason.FILTER_INVALID, { attribute: `${badge}:secret` }],
    );
    await using client = await MongoClient.connect(uri());
    const stored = await client.db().collection('users').find({ connection: acme.connectionId }).toArray();
    assert.doesNotMatch(JSON.stringify(stored), /secret/);
  });

  inConnection('that became required later never keep a user active', async (acme) => {
    const doors = {
      name: 'doors',
      type: 'complex',
      multiValued: true,
      subAttributes: [
        { name: 'value', type: 'string' },
        { name: 'type', type: 'string' },
      ],
    };
    await driven.declare(acme, [number, doors]);
    const id = (await driven.addUsers(acme, { ada: { doors: [{ value: 'north' }] } }))('ada');
    const subAttributes = [
      { name: 'value', type: 'string' },
      { name: 'type', type: 'string', required: true },
    ];
    await driven.declare(acme, [
      { ...number, required: true },
      { ...doors, subAttributes },
    ]);
    assert.equal((await driven.patch(acme, id, 'REPLACE', 'active', false)).active, false);
    await refused(
      acme.createUser({
        userName: 'bob',
        extensions: { [badge]: { doors: [{ value: 'north', type: 'main' }] } },
      }),
      ErrorReason.VALUE_INVALID,
      {
        attribute: `${badge}:number`,
      },
    );
  });
});

suite('filters and orders by declared attributes', () => {
  inConnection('compare as the attribute is declared, every operator', async (acme) => {
    await driven.declare(acme, [
      { ...number, caseExact: true },
      { name: 'nickname', type: 'string' },
      { name: 'level', type: 'integer' },
      { name: 'since', type: 'dateTime' },
      { name: 'visible', type: 'boolean' },
      { name: 'doors', type: 'string', multiValued: true },
      {
        name: 'office',
        type: 'complex',
        multiValued: true,
        subAttributes: [
          { name: 'city', type: 'string' },
          { name: 'floor', type: 'integer' },
        ],
      },
      { name: 'home', type: 'complex', subAttributes: [{ name: 'city', type: 'string' }] },
    ]);
    await driven.addUsers(acme, {
      ada: {
        number: 'B-1',
        nickname: 'Countess',
        level: 3,
        since: '2026-01-31T12:00:00+01:00',
        visible: true,
        doors: ['North', 'South'],
        office: [
          { city: 'Bern', floor: 1 },
          { city: 'Basel', floor: 2 },
        ],
        home: { city: 'Chur' },
      },
      bob: {
        number: 'b-1',
        nickname: 'countess',
        level: 10,
        since: '2026-02-01T00:00:00Z',
        visible: false,
        doors: ['west'],
        office: [{ city: 'Bern', floor: 2 }],
      },
      cat: { level: 2 },
      dan: undefined,
    });
    for (const [text, ...names] of [
      ['number eq "B-1"', 'ada'],
      ['number eq "b-1"', 'bob'],
      ['number ne "B-1"', 'bob', 'cat', 'dan'],
      ['NUMBER sw "B"', 'ada'],
      ['nickname eq "COUNTESS"', 'ada', 'bob'],
      ['nickname co "UNT"', 'ada', 'bob'],
      ['nickname ew "ess"', 'ada', 'bob'],
      ['level gt 2', 'ada', 'bob'],
      ['level le 3', 'ada', 'cat'],
      ['level eq 10', 'bob'],
      ['level pr', 'ada', 'bob', 'cat'],
      ['since eq "2026-01-31T11:00:00Z"', 'ada'],
      ['since gt "2026-01-31T11:30:00Z"', 'bob'],
      ['visible eq false', 'bob'],
      ['doors eq "north"', 'ada'],
      ['doors ne "north"', 'ada', 'bob', 'cat', 'dan'],
      ['office[city eq "bern" and floor eq 2]', 'bob'],
      ['office.city eq "BASEL"', 'ada'],
      ['home.city eq "chur"', 'ada'],
      ['home pr', 'ada'],
    ] as const)
      assert.deepEqual(await driven.find(acme, `${badge}:${text}`), names, text);
    const all = 'userName pr';
    assert.deepEqual(await driven.find(acme, all, { sortBy: `${badge}:level` }), [
      'cat',
      'ada',
      'bob',
      'dan',
    ]);
    assert.deepEqual(await driven.find(acme, all, { sortBy: `${badge}:level`, descending: true }), [
      'dan',
      'bob',
      'ada',
      'cat',
    ]);
    assert.deepEqual(
      await driven.find(acme, `${badge}:level pr and userName ne "bob"`, { sortBy: `${badge}:number` }),
      ['ada', 'cat'],
    );
  });
});

suite('indexes', () => {
  inConnection('are read by an eq filter on text, references and whole numbers', async (acme) => {
    await driven.declare(acme, [
      number,
      { name: 'level', type: 'integer' },
      { name: 'doors', type: 'reference', multiValued: true },
      { name: 'rate', type: 'decimal' },
    ]);
    await driven.addUsers(acme, {
      ada: { number: 'B-1', level: 3, doors: ['https://a.example'], rate: 1.5 },
    });
    for (const [text, reads] of [
      ['number eq "b-1"', 'lookup'],
      ['level eq 3', 'lookup'],
      ['doors eq "https://a.example"', 'lookup'],
      ['rate eq 1.5', undefined],
      ['level gt 2', undefined],
    ] as const) {
      matched.length = 0;
      assert.deepEqual(await driven.find(acme, `${badge}:${text}`), ['ada']);
      const own = matched.filter(({ connection }) => connection === acme.connectionId);
      assert.equal(
        own.some(({ lookup }) => lookup !== undefined),
        reads !== undefined,
        text,
      );
    }
  });

  inConnection('do not take attributes for core ones of the same name', async (acme) => {
    const names = ['id', 'meta', 'groups', 'active', 'userName', 'externalId', 'length'];
    await driven.declare(
      acme,
      names.map((name) => ({ name, type: 'string' })),
    );
    const held = Object.fromEntries(names.map((name) => [name, `the ${name}`]));
    const id = (await driven.addUsers(acme, { ada: held, bob: undefined }))('ada');
    await acme.groupOf('Staff', [id]);
    assert.deepEqual((await acme.getUser(id)).user.extensions[badge], held);
    for (const name of names) {
      assert.deepEqual(await driven.find(acme, `${badge}:${name} pr`), ['ada'], name);
      assert.deepEqual(await driven.find(acme, `${badge}:${name} eq "THE ${name}"`), ['ada'], name);
    }
  });
});

suite('a unique attribute', () => {
  const unique = { ...number, uniqueness: 'server' };
  const clash = [ErrorReason.UNIQUENESS, { resource_type: 'User', attribute: `${badge}:number` }] as const;

  inConnection('has each value once, whichever call brings it', async (acme) => {
    await driven.declare(acme, [unique, { name: 'level', type: 'integer', uniqueness: 'global' }]);
    const idNamed = await driven.addUsers(acme, { ada: { number: 'B-1' }, bob: { level: 3 } });
    const held = (values: JsonObject) => ({ extensions: { [badge]: values } });
    await refused(acme.createUser({ userName: 'cat', ...held({ number: 'b-1' }) }), ...clash);
    await refused(
      acme.replaceUser(idNamed('bob'), { userName: 'bob', ...held({ number: 'B-1' }) }),
      ...clash,
    );
    await refused(driven.patch(acme, idNamed('bob'), 'ADD', `${badge}:number`, 'B-1'), ...clash);
    await refused(driven.patch(acme, idNamed('ada'), 'ADD', `${badge}:level`, 3), ErrorReason.UNIQUENESS, {
      resource_type: 'User',
      attribute: `${badge}:level`,
    });
    await driven.patch(acme, idNamed('ada'), 'REPLACE', `${badge}:number`, 'b-1');
    await driven.patch(acme, idNamed('ada'), 'REMOVE', `${badge}:number`);
    await driven.patch(acme, idNamed('bob'), 'ADD', `${badge}:number`, 'B-1');
    await acme.deleteUser(idNamed('bob'));
    await driven.addUsers(acme, { dan: { number: 'B-1', level: 3 } });
  });

  inConnection('is given to one of many that ask at once', async (acme) => {
    await driven.declare(acme, [unique]);
    const names = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    const results = await inParallel(names, (userName, index) => {
      const value = index % 2 === 0 ? 'b-1' : 'B-1';
      const created = acme.createUser({ userName, extensions: { [badge]: { number: value } } });
      return created.then(
        () => undefined,
        (error: RpcError) => error,
      );
    });
    const errors = results.filter((result) => result !== undefined);
    assert.equal(errors.length, names.length - 1);
    for (const error of errors) assert.deepEqual([error.reason, { ...error.metadata }], clash);
    assert.equal((await driven.find(acme, `${badge}:number eq "b-1"`)).length, 1);
  });

  inConnection('cannot become so while values are shared', async (acme) => {
    await driven.declare(acme, [number]);
    const idNamed = await driven.addUsers(acme, { ada: { number: 'B-1' }, bob: { number: 'b-1' }, cat: {} });
    const before = await acme.connection();
    const ids = `${idNamed('ada')}=${idNamed('bob')}`;
    const error = await refusal(driven.begin(acme, extension([unique])));
    assert.deepEqual([error.reason, { ...error.metadata }], [clash[0], { ...clash[1], ids }]);
    assert.ok(error.message.includes(`${idNamed('ada')} and ${idNamed('bob')}`), error.message);
    assert.deepEqual(await acme.connection(), before);
    await acme.deleteUser(idNamed('bob'));
    await driven.declare(acme, [unique]);
    await refused(acme.createUser({ userName: 'dan', extensions: { [badge]: { number: 'B-1' } } }), ...clash);
    await driven.declare(acme, [number]);
    await driven.addUsers(acme, { dan: { number: 'B-1' } });
  });

  inConnection('is compared as before it was unique', async (acme) => {
    await driven.declare(acme, [number]);
    await driven.addUsers(acme, { ada: { number: 'Ａ1' }, bob: { number: 'A1' } });
    await driven.declare(acme, [unique]);
    assert.deepEqual(await driven.find(acme, `${badge}:number eq "a1"`), ['bob']);
    assert.deepEqual(await driven.find(acme, `${badge}:number eq "ａ1"`), ['ada']);
    for (const value of ['a1', 'ａ1'])
      await refused(
        acme.createUser({ userName: 'cat', extensions: { [badge]: { number: value } } }),
        ...clash,
      );
  });

  inConnection('lets no pair slip in while it becomes so, in any directory', async (acme) => {
    await using second = await startTestDirectory(uri());
    await driven.declare(acme, [number]);
    const elsewhere = driveConnection(second.clients, acme.connectionId);
    const names = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    let becoming: Promise<unknown> = Promise.resolve();
    const created = inParallel(names, async (userName, index) => {
      if (index === 5) becoming = driven.begin(acme, extension([unique]));
      const user = { userName, extensions: { [badge]: { number: `B-${index >> 1}` } } };
      await (index % 2 === 0 ? acme : elsewhere).createUser(user).catch((error: RpcError) => {
        assert.equal(error.reason, ErrorReason.UNIQUENESS);
      });
    });
    const isUnique = await becoming.then(
      () => true,
      () => false,
    );
    await created;
    const users = await driven.find(acme, `${badge}:number pr`);
    if (isUnique) assert.equal(users.length, names.length / 2);
    else assert.ok(users.length > names.length / 2);
  });
});

suite('internal services', () => {
  const accessTo = async (acme: ConnectionDriver) => {
    const { connectionId: connection } = acme;
    const client = await rollcall.accessFor({ id: connection, token: '', baseUrl: '' });
    return {
      users: async (filter: string) => (await client.users.find.query({ connection, filter })).users,
      groups: async (filter: string) => (await client.groups.find.query({ connection, filter })).groups,
      user: async (id: string) => (await client.users.get.query({ connection, id })).user,
    };
  };

  inConnection('get the values, and filter by them as soon as they are declared', async (acme) => {
    const team = 'urn:example:Team:1';
    const access = await accessTo(acme);
    const invalid = await access.users(`${badge}:number eq "B-1"`).then(() => assert.fail(), rollcallError);
    assert.equal(invalid?.reason, ErrorReason.FILTER_INVALID);
    await driven.declare(acme, [number]);
    await driven.declare(acme, [{ name: 'since', type: 'dateTime' }], team, 'Group');
    await driven.update(acme, { unknownAttributes: UnknownAttributes.KEEP });
    const values = { [badge]: { number: 'B-1' } };
    const since = '2026-01-31T12:00:00Z';
    const { user } = await acme.createUser({
      userName: 'ada',
      extensions: values,
      unknown: { shoeSize: 42 },
    });
    await driven.addUsers(acme, { bob: undefined });
    await acme.createGroup({ displayName: 'Staff', extensions: { [team]: { since } } });

    const [ada, ...others] = await access.users(`${badge.toUpperCase()}:NUMBER eq "b-1"`);
    assert.deepEqual(
      [ada?.userName, ada?.extensions, ada?.unknown, others],
      ['ada', values, { shoeSize: 42 }, []],
    );
    assert.deepEqual(await access.user(idOf(user)), ada);
    const [bob] = await access.users('userName eq "bob"');
    assert.ok(bob && !('unknown' in bob));
    assert.deepEqual(bob.extensions, {});
    const [staff] = await access.groups(`${team}:since gt "2026-01-01T00:00:00Z"`);
    assert.deepEqual([staff?.displayName, staff?.extensions], ['Staff', { [team]: { since } }]);

    await driven.update(acme, { attributeMapping: { login: `${badge}:number` } });
    const client = await rollcall.accessFor({ id: acme.connectionId, token: '', baseUrl: '' });
    const byLogin = await client.users.get.query({
      connection: acme.connectionId,
      login: 'b-1',
      fresh: true,
    });
    assert.deepEqual([byLogin.user.id, byLogin.user.identity.login], [user.id, 'B-1']);
    await driven.update(acme, { attributeMapping: {} });

    // Another type than access has seen.
    await driven.remove(acme);
    await driven.declare(acme, [{ ...number, type: 'integer' }]);
    await driven.patch(acme, idOf(user), 'ADD', `${badge}:number`, 7);
    assert.equal((await access.users(`${badge}:number gt 6`)).length, 1);
  });

  test('cost no call more where a filter names nothing that is declared', async () => {
    const acme = await createDriver(clients());
    await driven.declare(acme, [number]);
    const access = await accessTo(acme);
    await access.users('userName eq "ada"');
    const reads = () => connectionReads.filter((id) => id === acme.connectionId).length;
    const before = reads();
    for (let index = 0; index < 3; index++)
      await access.users(`title sw "x" or ${enterpriseUrn}:department pr`);
    assert.equal(reads(), before);
    for (let index = 0; index < 3; index++) await access.users(`${badge}:number pr`);
    assert.equal(reads(), before + 1);
  });
});

suite('rollcall extensions', () => {
  const cli = (...args: string[]) =>
    runCommand(join(import.meta.dirname, '..', '..', 'bin', 'rollcall'), args, {
      cwd: tmpdir(),
      env: {
        PATH: '/usr/bin:/bin',
        ROLLCALL_DATA_DIR: rollcall.dataDir,
        ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
      },
    });
  const printed = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(...args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  };
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-extensions-'));
  });
  after(() => rm(folder, { recursive: true }));
  async function fileOf(content: object | string): Promise<string> {
    const path = join(folder, 'schema.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  inConnection('declares from a file, shows what can be declared again, and removes', async (acme) => {
    const { connectionId: id } = acme;
    const attributes = [
      { name: 'number', uniqueness: 'server' },
      { name: 'office', type: 'complex', subAttributes: [{ name: 'floor', type: 'integer' }] },
    ];
    const meta = { resourceType: 'Schema', location: '/Schemas' };
    const file = await fileOf({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
      id: badge,
      meta,
      attributes,
    });
    const declared = JSON.parse(
      await printed('extensions', 'declare', '--connection', id, '--file', file, '--json'),
    );
    assert.deepEqual(
      { ...declared, refolding: undefined },
      {
        urn: badge,
        resourceType: 'User',
        name: 'User',
        attributes: ['number', 'office'],
        refolding: undefined,
      },
    );
    await driven.folded(acme);
    const { extensions } = await acme.connection();
    const shown = await fileOf(await printed('extensions', 'show', badge, '--connection', id));
    await driven.begin(acme, { resourceType: 'User', schema: await readExtensionFile(shown) });
    assert.deepEqual((await acme.connection()).extensions, extensions);
    assert.match(await printed('extensions', 'list', '--connection', id), /User +User +number, office\n/);
    assert.deepEqual(JSON.parse(await printed('connections', 'show', id, '--json')).extensions, [badge]);

    const kept = await cli('extensions', 'remove', badge, '--connection', id);
    assert.deepEqual([kept.code, kept.stdout], [2, '']);
    assert.match(kept.stderr, /what every User has of number, office for ever; repeat it with --yes/);
    await printed('extensions', 'remove', badge, '--connection', id, '--yes');
    assert.deepEqual((await acme.connection()).extensions, []);
  });

  test('says what is wrong with a file', async () => {
    const attributes = (...list: object[]) => ({ id: badge, attributes: list });
    for (const [content, problem] of [
      ['{', /schema.json is no JSON: /],
      [{ id: badge }, /: attributes: Invalid input: expected array/],
      [{ ...attributes(), urn: badge }, /: Unrecognized key: "urn"/],
      [attributes({ name: 'a', multivalued: true }), /: attributes.0: Unrecognized key: "multivalued"/],
      [
        attributes({ name: 'a', type: 'text' }),
        /: attributes.0.type: Invalid option: expected one of "string"/,
      ],
      [
        attributes({ name: 'a', type: 'complex', subAttributes: [{ name: 'b', subAttributes: [] }] }),
        /: attributes.0.subAttributes.0: Unrecognized key: "subAttributes"/,
      ],
    ] as const)
      await assert.rejects(readExtensionFile(await fileOf(content)), ({ message }: Error) =>
        problem.test(message),
      );
  });

  inConnection('fails with the reason for what cannot be, and changes nothing', async (acme) => {
    const { connectionId: id } = acme;
    for (const [attribute, problem] of [
      [{ name: 'a', required: 'yes' }, /attributes.0.required: Invalid input: expected boolean/],
      [{ name: 'a', mutability: 'readOnly' }, /:a cannot be readOnly, because nobody could write it/],
    ] as const) {
      const file = await fileOf({ id: badge, attributes: [attribute] });
      const { code, stdout, stderr } = await cli('extensions', 'declare', '--connection', id, '--file', file);
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, problem);
    }
    assert.deepEqual((await acme.connection()).extensions, []);
  });
});
