import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Document, MongoClient } from 'mongodb';
import {
  DeleteConnectionRequest,
  Extension,
  OnDelete,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  ListUserRolesRequest,
  PreviewRoleMappingsRequest,
  SetRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { ListUsersRequest } from '#proto/rollcall/directory/v1/user_service.ts';
import { PatchOp, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { RpcError } from '#rpc/rpc-error.ts';
import { extensionField } from '#scim/declared-extensions.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { JsonValue } from '#scim/json.ts';
import { withExtension } from '../../services/directory/extensions.ts';
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
import {
  badge,
  driveExtensions,
  extension,
  number,
  type PartialAttribute,
  type PartialExtension,
} from '../support/extension-driver.ts';

let directory: Awaited<ReturnType<typeof startTestDirectory>>;
before(async () => {
  directory = await startTestDirectory();
});
after(() => directory[Symbol.asyncDispose]());

const clients = () => directory.clients;
const uri = () => directory.uri;
const inConnection = testInConnection(clients);
const driven = driveExtensions(clients);

suite('declaring an extension', () => {
  inConnection('writes out what is left out, and shows with the connection', async (acme) => {
    const connection = await driven.declare(acme, [{ name: 'number', type: 'string' }], badge, 'user');
    const attribute = {
      name: 'number',
      type: 'string',
      multiValued: false,
      description: '',
      required: false,
      canonicalValues: [],
      caseExact: false,
      mutability: 'readWrite',
      returned: 'default',
      uniqueness: 'none',
      referenceTypes: [],
      subAttributes: [],
    };
    const schema = { id: badge, name: 'User', description: '', attributes: [attribute] };
    assert.deepEqual(connection.extensions, [{ resourceType: 'User', schema }]);
    const again = await driven.begin(acme, {
      resourceType: 'User',
      schema: { ...schema, id: badge.toUpperCase() },
    });
    assert.equal(again?.extensions.length, 1);
    const { connectionId } = await createDriver(clients());
    assert.deepEqual((await driveConnection(clients(), connectionId).connection()).extensions, []);
  });

  const text = (rest: object) => ({ name: 'a', type: 'string', ...rest });
  const parts = (...subAttributes: object[]) => ({
    name: 'a',
    type: 'complex',
    subAttributes: subAttributes as [],
  });
  const bad: readonly (readonly [string, PartialExtension, RegExp])[] = [
    ['no schema', { resourceType: 'User' }, /schema is missing/],
    [
      'another resource type',
      extension([text({})], badge, 'Robot'),
      /resource_type must be one of User, Group/,
    ],
    ['no URN', extension([text({})], 'badge'), /schema.id must be a URN/],
    ['a URN with a space', extension([text({})], 'urn:a:b c'), /schema.id must be a URN/],
    ['too long a URN', extension([text({})], `urn:a:${'b'.repeat(200)}`), /at most 200 characters/],
    ['the core schema', extension([text({})], userUrn), /is a built-in schema/],
    ['a built-in extension', extension([text({})], enterpriseUrn.toLowerCase()), /is a built-in schema/],
    [
      'the beginning of a built-in one',
      extension([text({})], enterpriseUrn.replace(':User', '')),
      /begin alike/,
    ],
    ['what begins with one', extension([text({})], `${enterpriseUrn}:more`), /begin alike/],
    [
      'what begins with a declared one',
      extension([text({})], 'urn:taken:a:more'),
      /urn:taken:a:more and urn:taken:a begin alike/,
    ],
    ['no attributes', extension([]), /1 to 100 attributes/],
    [
      'too many attributes',
      extension(Array.from({ length: 51 }, (_, n) => ({ ...parts(text({})), name: `a${n}` }))),
      /it has 102/,
    ],
    ['no name', extension([text({ name: '' })]), /"" cannot be a name/],
    ['a name with a dot', extension([text({ name: 'a.b' })]), /"a.b" cannot be a name/],
    ['a name like $ref', extension([text({ name: '$ref' })]), /cannot be a name/],
    ['an inherited name', extension([text({ name: 'Constructor' })]), /"Constructor" is taken/],
    ['schemas', extension([text({ name: 'schemas' })]), /"schemas" is taken/],
    ['a name twice', extension([text({}), text({ name: 'A' })]), /"A" is there twice/],
    ['a part twice', extension([parts(text({}), text({ name: 'A' }))]), /:a: "A" is there twice/],
    [
      'another type',
      extension([text({ type: 'text' })]),
      /:a has the type "text"; choose one of string, boolean/,
    ],
    ['another mutability', extension([text({ mutability: 'read' })]), /mutability "read"; choose one of/],
    ['another returned', extension([text({ returned: 'sometimes' })]), /returned "sometimes"; choose/],
    ['another uniqueness', extension([text({ uniqueness: 'yes' })]), /uniqueness "yes"; choose/],
    ['read-only', extension([text({ mutability: 'readOnly' })]), /nobody could write it/],
    [
      'write-only that is returned',
      extension([text({ mutability: 'writeOnly' })]),
      /"returned" must be "never"/,
    ],
    ['required and not kept', extension([text({ required: true, returned: 'never' })]), /cannot be required/],
    [
      'unique and not kept',
      extension([text({ uniqueness: 'server', returned: 'never' })]),
      /never returned and so not kept/,
    ],
    [
      'unique and several',
      extension([text({ uniqueness: 'server', multiValued: true })]),
      /it has several values/,
    ],
    ...['boolean', 'decimal', 'dateTime', 'binary'].map(
      (type) =>
        [
          `unique and ${type}`,
          extension([text({ type, uniqueness: 'server' })]),
          /cannot be unique, because it is/,
        ] as const,
    ),
    [
      'unique and complex',
      extension([{ ...parts(text({})), uniqueness: 'server' }]),
      /cannot be unique, because it is complex/,
    ],
    [
      'a unique part',
      extension([parts(text({ uniqueness: 'server' }))]),
      /:a.a cannot be unique, because it is a part/,
    ],
    ['complex without parts', extension([parts()]), /must have subAttributes/],
    ['parts of text', extension([{ ...parts(text({})), type: 'string' }]), /its type must be "complex"/],
    [
      'complex parts',
      extension([parts(text({ type: 'complex' }))]),
      /cannot be complex, because it is a part/,
    ],
    [
      'too long a description',
      extension([text({ description: 'x'.repeat(1_001) })]),
      /description must have at most 1000/,
    ],
    [
      'too many canonical values',
      extension([text({ canonicalValues: Array.from({ length: 101 }, String) })]),
      /at most 100 canonicalValues/,
    ],
  ];

  test('is refused with the reason for what cannot work, and changes nothing', async () => {
    const acme = await createDriver(clients());
    const before = await driven.declare(acme, [number], 'urn:taken:a');
    for (const [name, declared, reason] of bad) {
      const error = await refusal(driven.begin(acme, declared));
      assert.deepEqual(
        [error.reason, { ...error.metadata }],
        [ErrorReason.REQUEST_INVALID, { field: 'extension' }],
        name,
      );
      assert.match(error.message, reason, name);
    }
    assert.deepEqual(await acme.connection(), before);
    await refused(
      driven.begin(driveConnection(clients(), 'nobody00'), extension([number])),
      ErrorReason.CONNECTION_NOT_FOUND,
      { connection: 'nobody00' },
    );
  });

  test('is possible for 20 extensions, and for 100 attributes', async () => {
    const acme = await createDriver(clients());
    const many = Array.from({ length: 100 }, (_, index) => ({ name: `a${index}`, type: 'string' }));
    await driven.declare(acme, many);
    for (let index = 2; index <= 20; index++) await driven.declare(acme, [number], `urn:example:${index}:x`);
    const limit = { limit: 'extensions', maximum: '20' };
    await refused(
      driven.begin(acme, extension([number], 'urn:example:21:x')),
      ErrorReason.LIMIT_EXCEEDED,
      limit,
    );
    await driven.declare(acme, [number, ...many.slice(1)], 'urn:example:20:x');
    const extensions = { [badge]: { a0: 'first' }, 'urn:example:20:x': { a99: 'last' } };
    const { user } = await acme.createUser({ userName: 'ada', extensions });
    assert.deepEqual(user.extensions, extensions);
    assert.deepEqual(await driven.find(acme, 'urn:example:20:x:a99 eq "last"'), ['ada']);
  });

  inConnection('anew leaves what values are, and nothing else', async (acme) => {
    const office = { name: 'office', type: 'complex', subAttributes: [{ name: 'floor', type: 'integer' }] };
    await driven.declare(acme, [
      number,
      { name: 'level', type: 'integer', uniqueness: 'server' },
      { name: 'code', type: 'string', uniqueness: 'server' },
      office,
    ]);
    const id = (await driven.addUsers(acme, { ada: { number: 'B-1', office: { floor: 1 } } }))('ada');
    const floor = (rest: object) => ({
      ...office,
      subAttributes: [{ name: 'floor', type: 'integer', ...rest }],
    });
    for (const [attribute, reason] of [
      [
        { ...number, type: 'integer' },
        /:number is of type string; to change that, take the attribute away first/,
      ],
      [{ ...number, multiValued: true }, /:number has one value; to change that/],
      [{ ...number, name: 'Number' }, /:Number was declared as number; spell it like that/],
      [{ name: 'code', type: 'string', caseExact: true }, /:code is unique, so that caseExact cannot change/],
      [
        { ...number, caseExact: true, uniqueness: 'server' },
        /:number is unique, so that caseExact cannot change/,
      ],
      [floor({ type: 'string' }), /:office.floor is of type integer/],
      [floor({ multiValued: true }), /:office.floor has one value/],
      [floor({ name: 'Floor' }), /:office.Floor was declared as floor/],
    ] as const) {
      const error = await refusal(driven.begin(acme, extension([attribute])));
      assert.deepEqual(
        [error.reason, { ...error.metadata }],
        [ErrorReason.REQUEST_INVALID, { field: 'extension' }],
      );
      assert.match(error.message, reason);
    }
    const elsewhere = await refusal(driven.begin(acme, extension([number], badge, 'Group')));
    assert.match(elsewhere.message, /is an extension of User; remove it first to declare it for Group/);

    await driven.declare(acme, [
      { ...number, description: 'On the badge', canonicalValues: ['B-1'] },
      floor({ required: true }),
      { name: 'colour', type: 'string' },
    ]);
    assert.deepEqual((await acme.getUser(id)).user.extensions[badge], {
      number: 'B-1',
      office: { floor: 1 },
    });
    assert.deepEqual(await driven.find(acme, `${badge}:office.floor eq 1`), ['ada']);
    await driven.patch(acme, id, 'ADD', `${badge}:colour`, 'red');
    assert.deepEqual(await driven.find(acme, `${badge}:colour eq "RED"`), ['ada']);
  });
});

suite('what is taken back', () => {
  const level = { name: 'level', type: 'integer' } as const;

  inConnection('is gone with its values, whatever is declared later', async (acme) => {
    await driven.declare(acme, [
      number,
      level,
      { name: 'office', type: 'complex', subAttributes: [number, level] },
    ]);
    await driven.update(acme, { onDelete: OnDelete.DEACTIVATE });
    const held = { number: 'B-1', level: 3, office: { number: 'O-1', level: 4 } };
    const idNamed = await driven.addUsers(acme, { ada: held, bob: held });
    await acme.deleteUser(idNamed('bob'));
    const shown = async (name: string) =>
      (await acme.getUser(idNamed(name), { includeDeleted: true })).user.extensions;
    // A part, an attribute, and the extension.
    await driven.declare(acme, [number, level, { name: 'office', type: 'complex', subAttributes: [number] }]);
    await driven.declare(acme, [
      number,
      { name: 'office', type: 'complex', subAttributes: [number, { ...level, type: 'string' }] },
    ]);
    await driven.declare(acme, [
      number,
      { ...level, type: 'string' },
      { name: 'office', type: 'complex', subAttributes: [number, { ...level, type: 'string' }] },
    ]);
    for (const name of ['ada', 'bob'])
      assert.deepEqual(await shown(name), { [badge]: { number: 'B-1', office: { number: 'O-1' } } }, name);
    assert.deepEqual((await driven.remove(acme, badge.toUpperCase())).extensions, []);
    for (const name of ['ada', 'bob']) assert.deepEqual(await shown(name), {}, name);
    await driven.declare(acme, [{ ...number, type: 'integer' }, level]);
    for (const name of ['ada', 'bob']) assert.deepEqual(await shown(name), {}, name);
    assert.deepEqual(await driven.find(acme, `${badge}:number pr or ${badge}:level pr`), []);

    // What went is a change of the user like any other, so that copies of it follow.
    const { user } = await acme.getUser(idNamed('ada'));
    assert.equal(user.meta?.version, '4');
    const updates = (await acme.listChanges()).flatMap(({ what }) =>
      what?.$case === 'resource' && what.value.version !== '1' && what.value.id === user.id
        ? [[what.value.version, ...what.value.attributes.map((name) => name.toLowerCase())]]
        : [],
    );
    assert.deepEqual(updates, [
      ['2', badge.toLowerCase()],
      ['3', badge.toLowerCase()],
      ['4', badge.toLowerCase()],
    ]);
    await driven.remove(acme);
    await refused(driven.remove(acme), ErrorReason.EXTENSION_NOT_FOUND, { urn: badge });
    await using client = await MongoClient.connect(uri());
    for (const collection of ['users', 'deleted_users']) {
      const stored = await client
        .db()
        .collection(collection)
        .find({ connection: acme.connectionId })
        .toArray();
      assert.equal(stored.length, 1, collection);
      assert.doesNotMatch(JSON.stringify(stored), /B-1|O-1|badge/, collection);
    }
  });

  for (const [name, setting, named] of [
    [
      'required',
      { requiredAttributes: { paths: [`${badge}:number`] } },
      /the required attribute urn:.*:number goes by/,
    ],
    [
      'masked',
      { maskedAttributes: { paths: [`${badge}:number`] } },
      /the masked attribute urn:.*:number goes by/,
    ],
    [
      'mapped',
      { attributeMapping: { login: `${badge}:number` } },
      /the attribute mapping of login, urn:.*:number, goes by/,
    ],
  ] as const)
    inConnection(`cannot be what is ${name}`, async (acme) => {
      await driven.declare(acme, [number, level]);
      await driven.update(acme, setting as Parameters<typeof driven.update>[1]);
      const before = await acme.connection();
      for (const change of [() => driven.remove(acme), () => driven.begin(acme, extension([level]))]) {
        const error = await refusal(change());
        assert.deepEqual(
          [error.reason, { ...error.metadata }],
          [ErrorReason.REQUEST_INVALID, { field: 'extension' }],
        );
        assert.match(error.message, named);
      }
      assert.deepEqual(await acme.connection(), before);
      await driven.declare(acme, [number]);
      await driven.update(acme, { requiredAttributes: {}, maskedAttributes: {}, attributeMapping: {} });
      await driven.remove(acme);
    });

  inConnection('cannot be what a role mapping goes by', async (acme) => {
    const { connectionId } = acme;
    const { roles } = clients();
    await driven.declare(acme, [number, level]);
    const ada = (await driven.addUsers(acme, { ada: { level: 3 }, bob: { level: 2 } }))('ada');
    const value = parseFilter(await driven.typeOf(acme), `${badge}:level gt 2`);
    const mappings = {
      mappings: [{ id: 'seniors', subject: { $case: 'userFilter', value } as const, roles: ['senior'] }],
    };
    const preview = PreviewRoleMappingsRequest.fromPartial({
      connectionId,
      proposal: { $case: 'mappings', value: mappings },
      maxUsers: 10,
    });
    const changes = (await Array.fromAsync(roles.previewRoleMappings(preview))).flatMap(({ users }) => users);
    assert.deepEqual(
      changes.map(({ userName, gained }) => [userName, gained]),
      [['ada', ['senior']]],
    );
    await roles.setRoleMappings(SetRoleMappingsRequest.fromPartial({ connectionId, mappings }));
    const { user } = await roles.listUserRoles(
      ListUserRolesRequest.fromPartial({ connectionId, userId: ada }),
    );
    assert.deepEqual(
      user?.roles.map(({ role }) => role),
      ['senior'],
    );

    const error = await refusal(driven.begin(acme, extension([number])));
    assert.deepEqual(
      [error.reason, { ...error.metadata }],
      [ErrorReason.REQUEST_INVALID, { field: 'extension' }],
    );
    assert.match(error.message, /the role mapping seniors goes by what would be gone/);
    await roles.setRoleMappings(SetRoleMappingsRequest.fromPartial({ connectionId, mappings: {} }));
    await driven.remove(acme);
  });

  inConnection('goes with the connection', async (acme) => {
    await driven.declare(acme, [number]);
    await driven.update(acme, { unknownAttributes: UnknownAttributes.KEEP });
    await driven.addUsers(acme, { ada: { number: 'B-1' } });
    const { connectionId } = acme;
    await clients().connections.deleteConnection(DeleteConnectionRequest.fromPartial({ connectionId }));
    await refused(driven.remove(acme), ErrorReason.CONNECTION_NOT_FOUND, { connection: connectionId });
    await using client = await MongoClient.connect(uri());
    const collections = await client.db().collections();
    for (const collection of collections)
      while ((await collection.countDocuments({ connection: connectionId })) > 0);
  });
});

suite('attributes that no schema knows', () => {
  const other = 'urn:example:Other:1.0';
  const unknown = { shoeSize: 42, [other]: { a: [1, { $ref: 'x' }], b: 'c' }, 'x.y$z': [] };
  const at = (attribute: string, extensionUrn = '') => ({
    extension: extensionUrn,
    attribute,
    subAttribute: '',
  });
  const keep = (acme: ConnectionDriver) => driven.update(acme, { unknownAttributes: UnknownAttributes.KEEP });

  inConnection('are dropped, or kept as they came, as the connection is set', async (acme) => {
    assert.equal((await acme.connection()).unknownAttributes, UnknownAttributes.DROP);
    assert.deepEqual((await acme.createUser({ userName: 'ada', unknown })).user.unknown, {});
    await keep(acme);
    assert.equal((await acme.connection()).unknownAttributes, UnknownAttributes.KEEP);
    const { user, position } = await acme.createUser({ userName: 'bob', unknown });
    assert.deepEqual(user.unknown, unknown);
    const id = idOf(user);
    assert.deepEqual((await acme.getUser(id)).user.unknown, unknown);
    assert.deepEqual((await acme.replaceUser(id, { userName: 'bob', unknown })).position, position);
    assert.deepEqual((await acme.createGroup({ displayName: 'Staff', unknown })).group.unknown, unknown);

    await driven.update(acme, { unknownAttributes: UnknownAttributes.DROP });
    assert.deepEqual((await driven.patch(acme, id, 'ADD', 'title', 'Captain')).unknown, unknown);
    assert.deepEqual((await acme.replaceUser(id, { userName: 'bob', unknown })).user.unknown, {});
  });

  inConnection('are changed by PATCH where they are kept, in any letter case', async (acme) => {
    const { user } = await acme.createUser({ userName: 'ada' });
    const change = async (op: PatchOp, path: ReturnType<typeof at>, value?: JsonValue) => {
      const operations = [PatchOperation.fromPartial({ op, path, value })];
      return (await acme.patchUser(idOf(user), operations)).user.unknown;
    };
    const refusedPath = await refusal(change(PatchOp.ADD, at('shoeSize'), 42));
    assert.equal(refusedPath.reason, ErrorReason.PATH_INVALID);
    await keep(acme);
    assert.deepEqual(await change(PatchOp.ADD, at('shoeSize'), 42), { shoeSize: 42 });
    assert.deepEqual(await change(PatchOp.REPLACE, at('SHOESIZE'), 43), { shoeSize: 43 });
    assert.deepEqual(await change(PatchOp.ADD, at('a', other), 1), { shoeSize: 43, [other]: { a: 1 } });
    assert.deepEqual(await change(PatchOp.REMOVE, at('shoesize')), { [other]: { a: 1 } });
    assert.deepEqual(await change(PatchOp.REMOVE, at('A', other.toUpperCase())), {});
    const hidden = await refusal(
      Array.fromAsync(
        clients().users.listUsers(
          ListUsersRequest.fromPartial({
            connectionId: acme.connectionId,
            filter: { node: { $case: 'present', value: at('shoeSize') } },
          }),
        ),
      ),
    );
    assert.equal(hidden.reason, ErrorReason.FILTER_INVALID);
  });

  inConnection('are values of what has their name', async (acme) => {
    await keep(acme);
    await driven.declare(acme, [number]);
    const named = {
      TITLE: 'Captain',
      userName: 'bob',
      active: 'no',
      [badge.toUpperCase()]: { number: 'B-1' },
    };
    const { user } = await acme.createUser({ userName: 'ada', unknown: { ...named, shoeSize: 42 } });
    assert.deepEqual([user.userName, user.title, user.active], ['ada', 'Captain', true]);
    assert.deepEqual([user.extensions, user.unknown], [{ [badge]: { number: 'B-1' } }, { shoeSize: 42 }]);
  });

  /** Brings back what was stored of a user before an extension was declared. */
  async function unfold({ connectionId }: ConnectionDriver, id: string) {
    await using client = await MongoClient.connect(uri());
    const documents = client.db().collection<Document & { _id: string }>('users');
    const kept = JSON.stringify({ [badge.toUpperCase()]: { number: 'B-1', doors: ['north'] } });
    const update = {
      $set: { 'resource.unknown': kept },
      $unset: { [`resource.${extensionField(badge)}`]: '' },
    };
    await documents.updateOne({ _id: `${connectionId}/${id}` }, update as Document);
  }

  inConnection('become values of an extension that is declared later, where they fit', async (acme) => {
    await keep(acme);
    const held = { NUMBER: 'B-1', level: 'high', code: 'C-1', doors: ['north'], more: true };
    const users = await Promise.all(
      [
        { [badge.toUpperCase()]: held },
        { [badge]: 'text' },
        { [badge]: { number: 'B-2' }, [other]: { a: 1 } },
      ].map((one, index) => acme.createUser({ userName: `user-${index}`, unknown: one })),
    );
    await driven.declare(acme, [
      number,
      { name: 'level', type: 'integer' },
      { name: 'code', type: 'string', uniqueness: 'server' },
      { name: 'doors', type: 'string', multiValued: true },
    ]);
    await unfold(acme, idOf(users[0]?.user ?? {}));
    const shown = await Promise.all(users.map(async ({ user }) => (await acme.getUser(idOf(user))).user));
    assert.deepEqual(
      shown.map(({ extensions, unknown: left, meta }) => [extensions[badge], left, meta?.version]),
      [
        [{ number: 'B-1', doors: ['north'] }, {}, '2'],
        [undefined, {}, '2'],
        [{ number: 'B-2' }, { [other]: { a: 1 } }, '2'],
      ],
    );
    assert.deepEqual(
      await driven.find(acme, `${badge}:number sw "b"`, { sortBy: `${badge}:number`, descending: true }),
      ['user-2', 'user-0'],
    );
  });
});

suite('while what is stored is folded again', () => {
  const code = { name: 'code', type: 'string' } as const;
  const exact = { ...code, caseExact: true };

  test('every answer is that of the definitions in force, or a refusal', async () => {
    const acme = await createDriver(clients());
    const type = await driven.declare(acme, [code]).then(() => driven.typeOf(acme));
    const names = Array.from({ length: 450 }, (_, index) => `user-${index}`);
    await inParallel(names, (userName, index) => {
      const extensions = {
        [badge]: { code: index % 150 === 0 ? ['AB', 'Ab', 'ab'][index / 150] : `x${index}` },
      };
      return acme.createUser({ userName, extensions }, { mask: { withoutGroups: true } });
    });
    const sorted = (found: readonly (string | undefined)[]) => [...found].sort();
    const [all, one] = [['user-0', 'user-150', 'user-300'], ['user-150']];
    for (const isExact of [true, false, true]) {
      const [before, now] = isExact ? [all, one] : [one, all];
      let isDeclared = false;
      const declared = driven.begin(acme, extension([isExact ? exact : code])).then(() => {
        isDeclared = true;
      });
      let isDone = false;
      const ready = declared
        .then(() => driven.folded(acme))
        .then(() => {
          isDone = true;
        });
      while (!isDone) {
        const wasDeclared = isDeclared;
        const found = await driven.find(acme, `${badge}:code eq "Ab"`, { type }).catch((error: RpcError) => {
          assert.equal(error.reason, ErrorReason.DEFINITIONS_CHANGING);
          assert.deepEqual({ ...error.metadata }, { attribute: `${badge}:code` });
          return now;
        });
        const possible = wasDeclared ? [now] : [before, now];
        assert.ok(
          possible.some((each) => String(each) === String(sorted(found))),
          `${wasDeclared}: ${found}`,
        );
      }
      await ready;
      assert.deepEqual(sorted(await driven.find(acme, `${badge}:code eq "Ab"`, { type })), now);
    }
  });

  test('a directory that stopped in the middle is gone on with by the next that starts', async () => {
    const acme = await createDriver(clients());
    const { connectionId } = acme;
    await driven.declare(acme, [code, number]);
    const idNamed = await driven.addUsers(acme, {
      ada: { code: 'AB', number: 'B-1' },
      bob: { code: 'Ab', number: 'B-2' },
      cat: { code: 'ab', number: 'B-3' },
    });
    await using client = await MongoClient.connect(uri());
    const heads = client.db().collection('heads');
    const users = client.db().collection('users');
    const before = await users.find({ connection: connectionId }).toArray();
    const head = await heads.findOne({ connection: connectionId });
    await driven.declare(acme, [exact, number]);
    // As it is when two of three are not folded again yet.
    for (const { _id, fold, lookup, definitions } of before.slice(1))
      await users.updateOne({ _id }, { $set: { fold, lookup, definitions } });
    const write = ($set: Document) => heads.updateOne({ connection: connectionId }, { $set });
    await write({ 'settings.refolding': [`${badge}:code`] });

    assert.deepEqual((await acme.connection()).refolding, { attributes: [`${badge}:code`] });
    const changing = [ErrorReason.DEFINITIONS_CHANGING, { attribute: `${badge}:code` }] as const;
    await refused(driven.find(acme, `${badge}:code eq "Ab"`), ...changing);
    await refused(driven.find(acme, `not (${badge}:code pr)`), ...changing);
    await refused(driven.find(acme, 'userName pr', { sortBy: `${badge}:code` }), ...changing);
    await refused(driven.begin(acme, extension([code, number])), ErrorReason.DEFINITIONS_CHANGING);
    await driven.begin(acme, extension([exact, number]));
    await refused(driven.remove(acme), ErrorReason.DEFINITIONS_CHANGING);
    assert.deepEqual(await driven.find(acme, `${badge}:number eq "b-2"`), ['bob']);
    const { user } = await acme.getUser(idNamed('bob'));
    assert.deepEqual(user.extensions[badge], { code: 'Ab', number: 'B-2' });
    await driven.patch(acme, idNamed('cat'), 'ADD', 'title', 'Captain');

    // Only this makes a directory go on; the one that runs looks for it now and then as well.
    await write({ folded: head?.folded });
    await using second = await startTestDirectory(uri());
    await driven.folded(acme);
    for (const at of [clients(), second.clients]) {
      assert.deepEqual(await driven.find(acme, `${badge}:code eq "Ab"`, { at }), ['bob']);
      assert.deepEqual(await driven.find(acme, `${badge}:code eq "ab"`, { at }), ['cat']);
    }
    assert.equal((await acme.getUser(idNamed('bob'))).user.meta?.version, '1');
  });

  test('the last extension that is taken back is gone on with too', async () => {
    const acme = await createDriver(clients());
    const { connectionId } = acme;
    await driven.declare(acme, [code]);
    const idNamed = await driven.addUsers(acme, { ada: { code: 'AB' } });
    await using client = await MongoClient.connect(uri());
    const heads = client.db().collection('heads');
    const users = client.db().collection('users');
    const user = await users.findOne({ connection: connectionId });
    const head = await heads.findOne({ connection: connectionId });
    assert.ok(user);
    await driven.remove(acme);
    const { _id, resource, fold, lookup, definitions } = user;
    await users.updateOne({ _id }, { $set: { resource, fold, lookup, definitions } });
    const write = ($set: Document) => heads.updateOne({ connection: connectionId }, { $set });
    await write({ 'settings.refolding': [`${badge}:code`] });
    assert.deepEqual((await acme.getUser(idNamed('ada'))).user.extensions, {});
    await refused(
      driven.begin(acme, extension([{ ...code, type: 'integer' }])),
      ErrorReason.DEFINITIONS_CHANGING,
    );

    await write({ folded: head?.folded });
    await using _second = await startTestDirectory(uri());
    await driven.folded(acme);
    await driven.declare(acme, [{ ...code, type: 'integer' }]);
    assert.deepEqual((await acme.getUser(idNamed('ada'))).user.extensions, {});
  });
});

suite('what is folded again after a change', () => {
  const office = (...subAttributes: NonNullable<PartialAttribute['subAttributes']>) => ({
    name: 'office',
    type: 'complex',
    subAttributes,
  });
  const [floor, city] = [
    { name: 'floor', type: 'integer' },
    { name: 'city', type: 'string' },
  ];
  const start = [number, office(floor, city)];
  for (const [change, attributes, changed] of [
    ['nothing', start, []],
    ['a description', [{ ...number, description: 'On the badge' }, office(floor, city)], []],
    ['required and mutability', [{ ...number, required: true, mutability: 'immutable' }, start[1]], []],
    ['uniqueness', [{ ...number, uniqueness: 'server' }, start[1]], []],
    ['a new attribute', [...start, { ...number, name: 'code' }], ['code']],
    ['an attribute less', [number], ['office']],
    ['the case', [{ ...number, caseExact: true }, start[1]], ['number']],
    ['no longer kept', [{ ...number, returned: 'never' }, start[1]], ['number']],
    ['a new part', [number, office(floor, city, { ...city, name: 'street' })], ['office']],
    ['a part less', [number, office(floor)], ['office']],
    ['the case of a part', [number, office(floor, { ...city, caseExact: true })], ['office']],
  ] as const)
    test(`${change}: ${changed.length === 0 ? 'nothing' : changed.join()}`, () => {
      const messageOf = (declared: readonly PartialAttribute[]) => Extension.fromPartial(extension(declared));
      const { extensions } = withExtension([], messageOf(start));
      const { refolding } = withExtension(extensions, messageOf(attributes as readonly PartialAttribute[]));
      assert.deepEqual(
        refolding,
        changed.map((name) => `${badge}:${name}`),
      );
    });
});

suite('a start with other built-in definitions', () => {
  /** What is stored as a version of other definitions would have: nothing in it can be found. Gives what notes that. */
  async function foldOtherwise(client: MongoClient, connection: string): Promise<() => Promise<unknown>> {
    const db = client.db();
    for (const collection of ['users', 'groups']) {
      const documents = db.collection<Document & { _id: string }>(collection);
      for (const { _id } of await documents.find({ connection }).toArray()) {
        const unique = [`id=${_id.slice(_id.indexOf('/') + 1)}`];
        await documents.updateOne({ _id }, { $set: { fold: {}, unique, lookup: [], definitions: 'other' } });
      }
    }
    return () => db.collection('heads').updateOne({ connection }, { $set: { 'folded.builtIn': 'other' } });
  }

  test('is not taken for done while this version still writes', async () => {
    const acme = await createDriver(clients());
    await using client = await MongoClient.connect(uri());
    const heads = client.db().collection('heads');
    const folded = async () => (await heads.findOne({ connection: acme.connectionId }))?.folded.builtIn;
    const own = await folded();
    await heads.updateOne({ connection: acme.connectionId }, { $set: { 'folded.builtIn': 'newer' } });
    await acme.createUser('ada');
    // What was written is folded by this version: the newer one is to look again.
    assert.equal(await folded(), '');
    assert.ok(own);
  });

  test('folds everything before it serves', async () => {
    const acme = await createDriver(clients());
    await driven.declare(acme, [{ ...number, uniqueness: 'server' }]);
    await driven.addUsers(acme, { ada: { number: 'B-1' }, bob: undefined });
    await acme.groupOf('Staff');
    const position = await acme.position();
    await using client = await MongoClient.connect(uri());
    const noteIt = await foldOtherwise(client, acme.connectionId);
    assert.deepEqual(await driven.find(acme, 'userName eq "ada"'), []);
    await noteIt();

    await using second = await startTestDirectory(uri());
    const elsewhere = driveConnection(second.clients, acme.connectionId);
    assert.deepEqual(await driven.find(acme, 'userName eq "ada"', { at: second.clients }), ['ada']);
    assert.deepEqual(await driven.find(acme, `${badge}:number eq "b-1"`, { at: second.clients }), ['ada']);
    assert.equal((await elsewhere.listGroups({ filter: 'displayName eq "staff"' })).ids.length, 1);
    assert.equal(await elsewhere.position(), position);
    const clash = { resource_type: 'User', attribute: 'userName' };
    await refused(elsewhere.createUser('BOB'), ErrorReason.UNIQUENESS, clash);
  });

  test('is refused, naming the ids, when they make unique what is shared', async () => {
    const acme = await createDriver(clients());
    const [ada = '', bob = ''] = await acme.createUsers(['ada', 'bob']);
    await using client = await MongoClient.connect(uri());
    const noteIt = await foldOtherwise(client, acme.connectionId);
    const users = client.db().collection<Document & { _id: string }>('users');
    const nameBob = (userName: string) =>
      users.updateOne({ _id: `${acme.connectionId}/${bob}` }, { $set: { 'resource.userName': userName } });
    await nameBob('ADA');
    await noteIt();
    await assert.rejects(startTestDirectory(uri()), ({ message }: Error) => {
      assert.match(message, /make unique/);
      return [ada, bob, acme.connectionId].every((id) => message.includes(id));
    });
    await nameBob('bob');
    await using second = await startTestDirectory(uri());
    assert.deepEqual(await driven.find(acme, 'userName eq "bob"', { at: second.clients }), ['bob']);
  });
});
