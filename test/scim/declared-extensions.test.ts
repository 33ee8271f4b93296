import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  DeclareExtensionRequest,
  RemoveExtensionRequest,
  UnknownAttributes,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { watchExchanges } from '../support/exchange-watch.ts';
import { startRollcall, type TestConnection } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf, until } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  filtered,
  groupBody,
  ids,
  patchBody,
  patched,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

// With dots, as a version has them, beside those that part names.
const badgeUrn = 'urn:example:params:scim:schemas:Badge-1.5:User';
const text = { type: 'string', multiValued: false, description: '', required: false, caseExact: false };
const plain = { ...text, mutability: 'readWrite', returned: 'default', uniqueness: 'none' };
const badge = {
  id: badgeUrn,
  name: 'Badge',
  description: 'What opens the doors.',
  attributes: [
    { ...plain, name: 'number', required: true, uniqueness: 'server', description: 'On its front.' },
    { ...plain, name: 'level', type: 'integer' },
    { ...plain, name: 'weight', type: 'decimal' },
    { ...plain, name: 'issued', type: 'dateTime' },
    { ...plain, name: 'visitor', type: 'boolean' },
    { ...plain, name: 'picture', type: 'binary', caseExact: true },
    { ...plain, name: 'site', type: 'reference', caseExact: true, referenceTypes: ['external'] },
    { ...plain, name: 'tags', multiValued: true, canonicalValues: ['lab', 'roof'] },
    { ...plain, name: 'serial', caseExact: true, mutability: 'immutable' },
    { ...plain, name: 'notes', returned: 'request' },
    { ...plain, name: 'colour', returned: 'always' },
    { ...plain, name: 'pin', mutability: 'writeOnly', returned: 'never' },
    {
      ...plain,
      name: 'holder',
      type: 'complex',
      subAttributes: [
        { ...plain, name: 'name' },
        { ...plain, name: 'country' },
      ],
    },
    {
      ...plain,
      name: 'doors',
      type: 'complex',
      multiValued: true,
      subAttributes: [
        { ...plain, name: 'value', required: true },
        { ...plain, name: 'type' },
        { ...plain, name: 'since', type: 'dateTime' },
        { ...plain, name: 'hours', type: 'integer', multiValued: true },
      ],
    },
  ],
};

const teamUrn = 'urn:example:team';

type PartialSchema = NonNullable<
  NonNullable<Parameters<typeof DeclareExtensionRequest.fromPartial>[0]['extension']>['schema']
>;

/** Declares an extension, and waits until all can be found by it. The gateway may not know it for a second. */
async function declare({ id: connectionId }: TestConnection, schema: PartialSchema, resourceType = 'User') {
  const { connections } = rollcall.directory;
  const extension = { resourceType, schema };
  await connections.declareExtension(DeclareExtensionRequest.fromPartial({ connectionId, extension }));
  for (;;) {
    const { connection } = await connections.getConnection({ connectionId, freshness: undefined });
    if (!connection?.refolding) return;
  }
}

/** Waits until the gateway publishes an attribute of the badge. */
const published = (scim: ScimClient, attribute: string) =>
  until(
    () => scim('GET', `/Schemas/${badgeUrn}`),
    ({ body: { attributes = [] } }) => attributes.some(({ name }: { name: string }) => name === attribute),
  );

let badges = 0;

/** Values of a badge with a number of its own. */
function values(others: object = {}) {
  badges += 1;
  return { number: `No ${badges}`, ...others };
}

const badged = (scim: ScimClient, others: object = {}) =>
  createUser(scim, { schemas: [userUrn, badgeUrn], [badgeUrn]: values(others) });

const body = ({ body: found }: ScimAnswer) => found;

eachProfile(rollcall, 'a declared extension', async ({ scim, strict, connection }) => {
  await declare(connection, badge);
  await declare(connection, { id: teamUrn, name: 'Team', attributes: [{ ...plain, name: 'lead' }] }, 'Group');
  const found = async (filter: string) =>
    ids(body(await scim('GET', `/Users?${filtered(filter)}`)).Resources);

  test('is published as it was declared', async () => {
    const { schemas, meta, ...published } = body(await scim('GET', `/Schemas/${badgeUrn.toUpperCase()}`));
    assert.deepEqual(published, badge);
    assert.equal(meta.location, `${connection.baseUrl}/Schemas/${badgeUrn}`);
    const all = body(await scim('GET', '/Schemas')).Resources;
    assert.deepEqual(
      all.find(({ id }: { id: string }) => id === badgeUrn),
      { schemas, meta, ...published },
    );
    const { schemaExtensions } = body(await scim('GET', '/ResourceTypes/User'));
    assert.deepEqual(schemaExtensions, [
      { schema: enterpriseUrn, required: false },
      { schema: badgeUrn, required: false },
    ]);
    assert.ok(!JSON.stringify(body(await scim('GET', '/ResourceTypes/Group'))).includes(badgeUrn));
  });

  test('is written, read and replaced like a built-in one, in any letter case', async () => {
    const sent = values({
      level: 3,
      weight: 0.25,
      issued: '2026-02-01T10:00:00+01:00',
      visitor: false,
      picture: 'aGVsbG8=',
      site: 'https://example.com/sites/1',
      tags: ['lab', 'roof'],
      serial: 'A1',
      colour: 'red',
      holder: { name: 'Ada', country: 'GB' },
      doors: [{ value: 'north', type: 'main', since: '2026-01-01T00:00:00Z', hours: [8, 18] }],
    });
    const created = await createUser(scim, {
      schemas: [userUrn, badgeUrn],
      [enterpriseUrn]: { department: 'R' },
      [badgeUrn]: { ...sent, pin: '1234' },
    });
    assert.deepEqual(created[badgeUrn], sent);
    assert.deepEqual(created.schemas, [userUrn, enterpriseUrn, badgeUrn]);
    const path = `/Users/${created.id}`;
    assert.deepEqual(body(await scim('GET', path)), created);
    const [listed] = body(
      await scim('GET', `/Users?${filtered(`userName eq "${created.userName}"`)}`),
    ).Resources;
    assert.deepEqual(listed, created);

    const { number, serial, colour } = sent as Record<string, unknown>;
    const other = { NUMBER: number, Level: 4, serial, colour, DOORS: [{ VALUE: 'south' }], tags: [] };
    const replaced = await scim('PUT', path, {
      schemas: [userUrn, badgeUrn.toUpperCase()],
      userName: created.userName,
      [badgeUrn.toUpperCase()]: other,
    });
    assert.equal(replaced.status, 200, JSON.stringify(replaced.body));
    const now = { number, level: 4, serial: 'A1', colour: 'red', doors: [{ value: 'south' }] };
    assert.deepEqual(replaced.body[badgeUrn], now);
    assert.deepEqual(body(await scim('GET', path)), replaced.body);
    // The same again changes nothing.
    const again = await scim('PUT', path, replaced.body);
    assert.equal(again.body.meta.version, replaced.body.meta.version);
  });

  test('is patched by the paths of attributes, parts and selected values', async () => {
    const user = await badged(scim, { level: 1, serial: 'S', doors: [{ value: 'n', type: 'main' }] });
    const path = `/Users/${user.id}`;
    const patch = async (...operations: object[]) => (await patched(scim, path, ...operations))[badgeUrn];
    const { number } = user[badgeUrn];
    const kept = { number, serial: 'S' };
    assert.deepEqual(
      await patch(
        { op: 'replace', path: `${badgeUrn}:level`, value: 2 },
        { op: 'add', path: `${badgeUrn.toUpperCase()}:TAGS`, value: ['lab'] },
        { op: 'add', path: `${badgeUrn}:tags`, value: 'roof' },
        { op: 'add', path: `${badgeUrn}:holder.NAME`, value: 'Ada' },
        { op: 'add', path: `${badgeUrn}:doors`, value: [{ value: 's', since: '2026-01-01T00:00:00Z' }] },
        { op: 'replace', path: `${badgeUrn}:doors[value eq "n"].type`, value: 'side' },
        { op: 'add', path: `${badgeUrn}:doors[since gt "2025-01-01T00:00:00Z"].hours`, value: [9] },
      ),
      {
        ...kept,
        level: 2,
        tags: ['lab', 'roof'],
        holder: { name: 'Ada' },
        doors: [
          { value: 'n', type: 'side' },
          { value: 's', since: '2026-01-01T00:00:00Z', hours: [9] },
        ],
      },
    );
    assert.deepEqual(
      await patch(
        { op: 'remove', path: `${badgeUrn}:doors[type eq "side"]` },
        { op: 'remove', path: `${badgeUrn}:tags` },
        { op: 'remove', path: `${badgeUrn}:holder.name` },
      ),
      { ...kept, level: 2, doors: [{ value: 's', since: '2026-01-01T00:00:00Z', hours: [9] }] },
    );
    // The whole extension, by its path and without one.
    assert.deepEqual(
      await patch(
        { op: 'remove', path: `${badgeUrn}:doors` },
        { op: 'add', path: badgeUrn, value: { LEVEL: 5, visitor: true } },
        { op: 'replace', value: { title: 'x', [badgeUrn.toLowerCase()]: { colour: 'blue' } } },
      ),
      { ...kept, level: 5, visitor: true, colour: 'blue' },
    );
    const fixed = await scim('PATCH', path, patchBody({ op: 'remove', path: badgeUrn }));
    assertError(fixed, 400, 'mutability');
    assert.match(fixed.body.detail, /serial/);
  });

  test('is removed as a whole', async () => {
    const user = await badged(scim, { level: 1, colour: 'red' });
    const remove = { op: 'remove', path: badgeUrn.toUpperCase() };
    const gone = await patched(scim, `/Users/${user.id}`, remove, { op: 'add', path: 'title', value: 'x' });
    assert.deepEqual([gone[badgeUrn], gone.schemas, gone.title], [undefined, [userUrn], 'x']);
  });

  test('refuses what its schema refuses', async () => {
    const user = await badged(scim, { serial: 'S', level: 1 });
    const path = `/Users/${user.id}`;
    const create = (own: object) =>
      scim('POST', '/Users', userBody({ schemas: [userUrn, badgeUrn], [badgeUrn]: own }));
    const patch = (operation: object) => scim('PATCH', path, patchBody(operation));
    for (const wrong of [{ level: 'high' }, { level: 1.5 }, { issued: 'today' }, { doors: [{ type: 'x' }] }])
      assertError(await create(values(wrong)), 400, 'invalidValue');
    assertError(await create({ level: 1 }), 400, 'invalidValue');
    assertError(await patch({ op: 'add', path: `${badgeUrn}:level`, value: 'high' }), 400, 'invalidValue');
    assertError(await patch({ op: 'remove', path: `${badgeUrn}:number` }), 400, 'mutability');
    assertError(await patch({ op: 'replace', path: `${badgeUrn}:serial`, value: 'T' }), 400, 'mutability');
    assertError(
      await scim('PUT', path, { ...user, [badgeUrn]: { ...user[badgeUrn], serial: 'T' } }),
      400,
      'mutability',
    );
    const { number } = user[badgeUrn];
    assertError(await create({ number: number.toUpperCase() }), 409, 'uniqueness');
    const other = await badged(scim);
    const taken = patchBody({ op: 'replace', path: `${badgeUrn}:number`, value: number });
    assertError(await scim('PATCH', `/Users/${other.id}`, taken), 409, 'uniqueness');
    const unknown = await create(values({ height: 1 }));
    if (strict) assertError(unknown, 400, 'invalidSyntax');
    else assert.equal(unknown.body[badgeUrn].height, undefined);
    assert.deepEqual(body(await scim('GET', path)), user);
  });

  test('is filtered and sorted by', async () => {
    const mark = `mark ${strict}`;
    const [one, two, three] = await Promise.all(
      [
        { level: 1, weight: 0.5, issued: '2026-01-01T00:00:00Z', tags: ['a'], visitor: true },
        {
          level: 2,
          issued: '2026-01-01T02:00:00+03:00',
          serial: 'Xy',
          doors: [
            { value: 'north', type: 'main' },
            { value: 'south', type: 'side' },
          ],
        },
        { level: 10, tags: ['a', 'b'], doors: [{ value: 'north', type: 'side', hours: [7] }] },
      ].map((own) => badged(scim, { ...own, colour: mark })),
    );
    const among = (filter: string) => found(`${badgeUrn}:colour eq "${mark}" and (${filter})`);
    const expect = async (filter: string, ...users: { id: string }[]) =>
      assert.deepEqual(await among(filter), ids(users), filter);
    const [first] = [one?.[badgeUrn].number];
    assert.deepEqual(await found(`${badgeUrn}:number eq "${first.toLowerCase()}"`), [one.id]);
    assert.deepEqual(await found(`${badgeUrn}:level eq 10 and ${badgeUrn}:colour eq "${mark}"`), [three.id]);
    await expect(`${badgeUrn.toUpperCase()}:LEVEL gt 1`, two, three);
    await expect(`${badgeUrn}:level le 2`, one, two);
    await expect(`${badgeUrn}:weight ge 0.5`, one);
    await expect(`${badgeUrn}:issued lt "2026-01-01T00:00:00Z"`, two);
    await expect(`${badgeUrn}:serial eq "Xy"`, two);
    await expect(`${badgeUrn}:serial eq "xy"`);
    await expect(`${badgeUrn}:tags co "B"`, three);
    await expect(`${badgeUrn}:visitor eq true`, one);
    await expect(`${badgeUrn}:doors pr`, two, three);
    await expect(`${badgeUrn}:doors.value eq "south"`, two);
    await expect(`${badgeUrn}:doors[value eq "north" and type eq "side"]`, three);
    await expect(`not (${badgeUrn}:level eq 2)`, one, three);
    await expect(`schemas eq "${badgeUrn}"`, one, two, three);
    const sorted = async (query: string) =>
      body(
        await scim(
          'GET',
          `/Users?${filtered(`${badgeUrn}:colour eq "${mark}"`)}&sortBy=${badgeUrn}:${query}`,
        ),
      ).Resources.map((user: { id: string }) => user.id);
    assert.deepEqual(await sorted('level'), [one.id, two.id, three.id]);
    assert.deepEqual(await sorted('issued&sortOrder=descending'), [three.id, one.id, two.id]);
    assertError(await scim('GET', `/Users?${filtered(`${badgeUrn}:height eq 1`)}`), 400, 'invalidFilter');
    assertError(await scim('GET', `/Users?${filtered(`${badgeUrn}:pin eq "1"`)}`), 403, 'sensitive');
  });

  test('is in answers as its attributes say, and as a client asks', async () => {
    const sent = values({ level: 1, colour: 'red', holder: { name: 'Ada', country: 'GB' } });
    const created = await createUser(scim, {
      schemas: [userUrn, badgeUrn],
      [badgeUrn]: { ...sent, notes: 'n', pin: '1234' },
    });
    // A client gets back what it supplied (RFC 7643, section 7).
    assert.deepEqual(created[badgeUrn], { ...sent, notes: 'n' });
    const read = async (query: string) => body(await scim('GET', `/Users/${created.id}?${query}`))[badgeUrn];
    assert.deepEqual(await read(''), sent);
    assert.deepEqual(await read('attributes=userName'), { colour: 'red' });
    assert.deepEqual(await read(`attributes=${badgeUrn}:notes,${badgeUrn}:PIN`), {
      colour: 'red',
      notes: 'n',
    });
    assert.deepEqual(await read(`attributes=${badgeUrn.toUpperCase()}:holder.name`), {
      colour: 'red',
      holder: { name: 'Ada' },
    });
    assert.deepEqual(await read(`attributes=${badgeUrn}`), { ...sent, notes: 'n' });
    assert.deepEqual(await read(`excludedAttributes=${badgeUrn}`), { colour: 'red' });
    const { level, ...rest } = sent as Record<string, unknown>;
    assert.equal(level, 1);
    assert.deepEqual(await read(`excludedAttributes=${badgeUrn}:level,${badgeUrn}:colour`), rest);
    const answer = await scim('PATCH', `/Users/${created.id}`, {
      ...patchBody({ op: 'replace', path: `${badgeUrn}:notes`, value: 'm' }),
    });
    assert.equal(answer.body[badgeUrn].notes, 'm');
  });

  test('is part of bulk requests', async () => {
    const taken = values({ level: 1 });
    const { Operations } = body(
      await scim('POST', '/Bulk', {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: ['a', 'b', 'c'].map((bulkId) => ({
          method: 'POST',
          path: '/Users',
          bulkId,
          data: userBody({
            schemas: [userUrn, badgeUrn],
            [badgeUrn]: bulkId === 'c' ? values() : taken,
          }),
        })),
      }),
    );
    assert.deepEqual(
      Operations.map(({ status }: { status: string }) => status),
      ['201', '409', '201'],
    );
    assert.deepEqual(await found(`${badgeUrn}:number eq "${taken.number}"`), [
      Operations[0].location.split('/').at(-1),
    ]);
  });

  test('can be one of groups, and required like an attribute of any schema', async () => {
    const group = await createGroup(scim, { [teamUrn]: { lead: 'Ada' } });
    assert.deepEqual([group[teamUrn], group.schemas[1]], [{ lead: 'Ada' }, teamUrn]);
    assert.deepEqual(
      ids(body(await scim('GET', `/Groups?${filtered(`${teamUrn}:lead co "AD"`)}`)).Resources),
      [group.id],
    );
    const paths = [`${teamUrn}:lead`];
    const { connections } = rollcall.directory;
    const require = (requiredAttributes: { paths: string[] }) =>
      connections.updateConnection(
        UpdateConnectionRequest.fromPartial({ connectionId: connection.id, requiredAttributes }),
      );
    await require({ paths });
    await until(
      () => scim('GET', '/ResourceTypes/Group'),
      (answer) => answer.body.schemaExtensions[0].required,
    );
    assert.equal(body(await scim('GET', `/Schemas/${teamUrn}`)).attributes[0].required, true);
    assertError(await scim('POST', '/Groups', groupBody()), 400, 'invalidValue');
    await require({ paths: [] });
  });

  test('is nothing to another connection', async () => {
    const other = await rollcall.connect({ strict });
    const elsewhere = scimOf(other);
    assertError(await elsewhere('GET', `/Schemas/${badgeUrn}`), 404);
    assert.ok(!JSON.stringify(body(await elsewhere('GET', '/Schemas'))).includes(badgeUrn));
    assertError(await elsewhere('GET', `/Users?${filtered(`${badgeUrn}:level eq 1`)}`), 400, 'invalidFilter');
    const sent = await elsewhere('POST', '/Users', userBody({ [badgeUrn]: values() }));
    if (strict) assertError(sent, 400, 'invalidSyntax');
    else assert.deepEqual([sent.status, sent.body[badgeUrn]], [201, undefined]);
  });
});

suite('an extension that is', { concurrency: true }, () => {
  test('removed takes its values along at once', async () => {
    const connection = await rollcall.connect();
    const scim = scimOf(connection);
    await declare(connection, badge);
    const user = await badged(scim, { level: 1 });
    await rollcall.directory.connections.removeExtension(
      RemoveExtensionRequest.fromPartial({ connectionId: connection.id, urn: badgeUrn.toUpperCase() }),
    );
    // Also while the gateway still takes the extension for known.
    const [read] = body(await scim('GET', `/Users?${filtered(`id eq "${user.id}"`)}`)).Resources;
    assert.deepEqual([read[badgeUrn], read.schemas], [undefined, [userUrn]]);
    await until(
      () => scim('GET', `/Schemas/${badgeUrn}`),
      ({ status }) => status === 404,
    );
    assert.equal(body(await scim('GET', `/Users/${user.id}`))[badgeUrn], undefined);
    assertError(await scim('GET', `/Users?${filtered(`${badgeUrn}:level eq 1`)}`), 400, 'invalidFilter');
  });

  test('changed shows the change within a second', async () => {
    const connection = await rollcall.connect();
    const scim = scimOf(connection);
    await declare(connection, badge);
    const user = await badged(scim, { level: 1 });
    const attributes = badge.attributes.filter(({ name }) => name === 'number');
    await declare(connection, { ...badge, attributes: [...attributes, { ...plain, name: 'floor' }] });
    await published(scim, 'floor');
    const path = `/Users/${user.id}`;
    assert.deepEqual(body(await scim('GET', path))[badgeUrn], { number: user[badgeUrn].number });
    const now = await patched(scim, path, { op: 'add', path: `${badgeUrn}:floor`, value: '3' });
    assert.equal(now[badgeUrn].floor, '3');
  });

  test('secret in part is masked in the sync log', async () => {
    const connection = await rollcall.connect();
    const scim = scimOf(connection);
    await declare(connection, badge);
    await using watch = await watchExchanges(rollcall.directory, connection.id);
    const user = await badged(scim, { pin: '90210' });
    assert.equal(user[badgeUrn].pin, undefined);
    const path = `${badgeUrn}:pin`;
    await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'add', path, value: '90210' }));
    const [created, changed] = [await watch.next(), await watch.next()];
    for (const { masked, requestBody } of [created, changed]) {
      assert.deepEqual(masked, ['pin']);
      assert.ok(!requestBody.includes('90210'));
    }
    // Its name is no secret, so that the request can be sent again.
    assert.equal(JSON.parse(changed.requestBody).Operations[0].path, path);
  });

  test('named without its URN is understood on a default connection, unless two have the name', async () => {
    const connection = await rollcall.connect();
    const scim = scimOf(connection);
    await declare(connection, badge);
    const department = { ...plain, name: 'department' };
    await declare(connection, { id: 'urn:example:office', name: 'Office', attributes: [department] });
    const user = await createUser(scim, { number: 'bare', department: 'R' });
    assert.deepEqual([user[badgeUrn], user[enterpriseUrn]], [{ number: 'bare' }, undefined]);
    assert.deepEqual(ids(body(await scim('GET', `/Users?${filtered('number eq "BARE"')}`)).Resources), [
      user.id,
    ]);
    const now = await patched(scim, `/Users/${user.id}`, { op: 'replace', value: { level: 2 } });
    assert.deepEqual(now[badgeUrn], { number: 'bare', level: 2 });
  });
});

const toolUrn = 'urn:example:tools:2.0:User';

/** A connection that keeps what no schema knows. */
async function keeping(strict = false) {
  const connection = await rollcall.connect({ strict });
  await setUnknown(connection, UnknownAttributes.KEEP);
  return { connection, scim: scimOf(connection) };
}

function setUnknown({ id: connectionId }: TestConnection, unknownAttributes: UnknownAttributes) {
  return rollcall.directory.connections.updateConnection(
    UpdateConnectionRequest.fromPartial({ connectionId, unknownAttributes }),
  );
}

suite('what no schema knows is', { concurrency: true }, () => {
  const sent = {
    shoeSize: 43,
    badges: [{ id: 1, $ref: '../x', 'a.b': null }, 'two'],
    constructor: 'Ltd',
    [toolUrn]: { hammer: { weight: 2 }, saw: 'fine' },
  };

  test('kept as it came where the connection says so, and reported', async () => {
    const { connection, scim } = await keeping();
    await using watch = await watchExchanges(rollcall.directory, connection.id);
    const user = await createUser(scim, { ...sent, schemas: [userUrn, toolUrn], empty: [], nothing: null });
    const { shoeSize, badges: list, [toolUrn]: tools } = user;
    assert.deepEqual({ shoeSize, badges: list, constructor: user.constructor, [toolUrn]: tools }, sent);
    assert.deepEqual(user.schemas, [userUrn, toolUrn]);
    assert.ok(!('empty' in user) && !('nothing' in user));
    const { ignored } = await watch.next();
    assert.deepEqual(ignored, [...Object.keys(sent), 'empty', 'nothing']);
    const path = `/Users/${user.id}`;
    assert.deepEqual(body(await scim('GET', path)), user);
    assert.deepEqual(body(await scim('GET', '/Users')).Resources, [user]);
    // The same again changes nothing, and what a PUT leaves out is gone.
    assert.equal(body(await scim('PUT', path, user)).meta.version, user.meta.version);
    const less = body(await scim('PUT', path, userBody({ userName: user.userName, shoeSize: 44 })));
    assert.deepEqual([less.shoeSize, less[toolUrn], less.schemas], [44, undefined, [userUrn]]);
    assertError(await scim('GET', `/Users?${filtered('shoeSize eq 44')}`), 400, 'invalidFilter');
    const group = await createGroup(scim, { costs: { centre: 7 } });
    assert.deepEqual(body(await scim('GET', `/Groups/${group.id}`)).costs, { centre: 7 });
  });

  test('shown and left out by name', async () => {
    const { scim } = await keeping();
    const user = await createUser(scim, sent);
    const keys = async (query: string) => Object.keys(body(await scim('GET', `/Users/${user.id}?${query}`)));
    assert.deepEqual(await keys('attributes=userName'), ['schemas', 'id', 'userName']);
    assert.deepEqual(await keys('attributes=SHOESIZE'), ['schemas', 'id', 'shoeSize']);
    assert.deepEqual(await keys(`attributes=${toolUrn}`), ['schemas', 'id', toolUrn]);
    const excluded = await keys(`excludedAttributes=shoesize,${toolUrn}`);
    assert.deepEqual([excluded.includes('badges'), excluded.includes('shoeSize')], [true, false]);
    assert.ok(!excluded.includes(toolUrn));
  });

  test('patched as a whole, and otherwise left out and reported', async () => {
    const { connection, scim } = await keeping();
    const user = await createUser(scim, { title: 'x', phoneNumbers: [{ value: '1' }] });
    const path = `/Users/${user.id}`;
    const unknown = async (...operations: object[]) => {
      const { schemas, id, meta, userName, active, title, phoneNumbers, ...rest } = await patched(
        scim,
        path,
        ...operations,
      );
      assert.ok(schemas && id && meta && userName && title && phoneNumbers);
      return rest;
    };
    assert.deepEqual(
      await unknown(
        { op: 'add', path: 'shoeSize', value: 43 },
        { op: 'add', path: `${toolUrn}:saw`, value: 'fine' },
        { op: 'replace', value: { nick: ['a'], [toolUrn]: { hammer: { weight: 2 } } } },
        { op: 'add', path: 'NICK', value: 'b' },
        { op: 'add', path: `${toolUrn}:hammer`, value: { weight: 3 } },
      ),
      { shoeSize: 43, nick: ['a', 'b'], [toolUrn]: { saw: 'fine', hammer: { weight: 3 } } },
    );
    await using watch = await watchExchanges(rollcall.directory, connection.id);
    const recorded = async () => {
      for (;;) {
        const exchange = await watch.next();
        if (exchange.requestBody.includes('shoesize')) return exchange;
      }
    };
    assert.deepEqual(
      await unknown(
        { op: 'remove', path: 'shoesize' },
        { op: 'replace', path: 'nick.first', value: 'c' },
        { op: 'replace', path: 'nick[value eq "a"]', value: 'c' },
        { op: 'add', path: 'phoneNumbers', value: [{ value: '1', colour: 'red' }] },
        { op: 'add', path: `${enterpriseUrn}:height`, value: 'c' },
        { op: 'remove', path: `${toolUrn.toUpperCase()}:HAMMER` },
      ),
      { nick: ['a', 'b'], [toolUrn]: { saw: 'fine' } },
    );
    assert.deepEqual((await recorded()).ignored, [
      'shoesize',
      'nick.first',
      'nick',
      'phoneNumbers.colour',
      `${enterpriseUrn}:height`,
      `${toolUrn.toUpperCase()}:HAMMER`,
    ]);
    assert.deepEqual(await unknown({ op: 'remove', path: toolUrn }, { op: 'remove', path: 'nick' }), {});
    // A URN need not be that of an extension.
    const flag = 'urn:example:flag';
    const flagged = {
      ...userBody({ userName: user.userName, title: 'x', phoneNumbers: [{ value: '1' }] }),
      [flag]: 1,
    };
    assert.equal(body(await scim('PUT', path, flagged))[flag], 1);
    assert.deepEqual(await unknown({ op: 'replace', path: flag, value: 2 }), { [flag]: 2 });
    assert.deepEqual(await unknown({ op: 'replace', path: flag, value: [] }), {});
    const refused = await scim('PATCH', path, patchBody({ op: 'add', path: 'nick.first', value: 'c' }));
    assertError(refused, 400, 'invalidPath');
  });

  test('refused by a strict connection, and left out by one that does not keep it', async () => {
    const { scim } = await keeping(true);
    assertError(await scim('POST', '/Users', userBody({ shoeSize: 1 })), 400, 'invalidSyntax');
    const user = await createUser(scim);
    const operation = { op: 'add', path: 'shoeSize', value: 1 };
    assertError(await scim('PATCH', `/Users/${user.id}`, patchBody(operation)), 400, 'invalidPath');

    const dropping = await rollcall.connect();
    await using watch = await watchExchanges(rollcall.directory, dropping.id);
    const other = await createUser(scimOf(dropping), sent);
    assert.ok(Object.keys(sent).every((name) => !Object.hasOwn(other, name)));
    assert.deepEqual((await watch.next()).ignored, Object.keys(sent));
  });

  test('left out where it could harm, or where a resource would be too large', async () => {
    const { scim } = await keeping();
    const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
    const odd = JSON.stringify(userBody({ deep: deep(25), fine: deep(20), half: '\ud800' })).replace(
      /}$/,
      ',"__proto__":{"admin":true},"":1,"in":{"__proto__":{"admin":true}}}',
    );
    const user = body(await scim('POST', '/Users', odd));
    assert.deepEqual(
      Object.keys(user).filter((name) => !['schemas', 'id', 'meta', 'userName', 'active'].includes(name)),
      ['fine'],
    );
    assert.deepEqual(user.fine, deep(20));
    assert.equal(user.admin, undefined);
    const operation = JSON.stringify(patchBody({ op: 'replace', value: { fine: 2 } })).replace(
      '"fine":2',
      '"fine":2,"__proto__":{"admin":true}',
    );
    const now = body(await scim('PATCH', `/Users/${user.id}`, operation));
    assert.deepEqual([now.fine, now.admin], [2, undefined]);
    assertError(await scim('POST', '/Users', userBody({ long: 'x'.repeat(300_000) })), 413);
  });

  test('no longer shown as unknown once a schema knows it', async () => {
    const { connection, scim } = await keeping();
    const user = await createUser(scim, { [badgeUrn]: { number: 'kept', level: 3, height: 1 } });
    assert.deepEqual(user[badgeUrn], { number: 'kept', level: 3, height: 1 });
    await declare(connection, badge);
    await published(scim, 'number');
    const now = body(await scim('GET', `/Users/${user.id}`));
    assert.equal(now[badgeUrn]?.height, undefined);
    // Nothing of it is in the way of what is written to it now.
    const written = await patched(scim, `/Users/${user.id}`, {
      op: 'add',
      path: `${badgeUrn}:number`,
      value: 'new',
    });
    assert.equal(written[badgeUrn].number, 'new');
    assert.deepEqual(written.schemas, [userUrn, badgeUrn]);
  });
});
