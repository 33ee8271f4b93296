import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Document } from 'mongodb';
import { v7 as uuid } from 'uuid';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { ComparisonOperator, type Filter, type Literal } from '#proto/rollcall/scim/v1/filter.ts';
import { createLogger } from '#runtime/logger.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../../services/directory/errors.ts';
import { createResourceTest } from '../../services/directory/filter/resource-test.ts';
import { type Database, openDatabase } from '../../services/directory/mongo/database.ts';
import { edgesOf } from '../../services/directory/mongo/edges.ts';
import { compileFilter } from '../../services/directory/mongo/filter-to-query.ts';
import { foldResource, lookupEntries, uniqueEntries } from '../../services/directory/mongo/fold.ts';
import { createIndexes } from '../../services/directory/mongo/indexes.ts';
import { planOf, type QueryPlan } from '../../services/directory/mongo/query-plan.ts';
import { arbitraryUser, arbitraryUserFilter } from '../support/arbitrary-user.ts';
import { sharedDatabase, uniqueDatabaseName } from '../support/database.ts';
import { naiveMatch } from '../support/naive-filter.ts';

const registry = createSchemaRegistry();
const connection = 'testconnection';
const neighbour = 'otherconnection';

function typeOf(name: string): ResourceType {
  const type = registry.resourceType(name);
  assert(type);
  return type;
}
const User = typeOf('User');
const Group = typeOf('Group');

/** A resource in the database, and as a client sees it. */
interface Stored {
  readonly id: string;
  readonly document: Document;
  readonly shown: JsonObject;
}

function store(type: ResourceType, id: string, resource: JsonObject, index: number): Stored {
  // Times and versions come from few values too.
  const created = new Date(Date.UTC(2026, 0, 1 + (index % 5)));
  const lastModified = new Date(created.getTime() + (index % 3));
  const version = 1 + (index % 4);
  const document = {
    resource,
    fold: foldResource(type, resource),
    unique: uniqueEntries(type, id, resource),
    lookup: lookupEntries(type, resource),
    ordinal: index + 1,
    created,
    lastModified,
    version,
  };
  const meta = {
    resourceType: type.name,
    created: created.toISOString(),
    lastModified: lastModified.toISOString(),
    version: String(version),
  };
  return { id, document, shown: { ...resource, id, meta } };
}

function randomUsers(count: number): Stored[] {
  const taken = new Set<string>();
  return fc.sample(arbitraryUser, { numRuns: count, seed: 7 }).map((resource, index) => {
    const id = uuid({ msecs: 1_700_000_000_000 + index });
    const first = store(User, id, resource, index);
    const entry = first.document.unique[1];
    const user = taken.has(entry)
      ? store(User, id, { ...resource, userName: `${resource.userName}${index}` }, index)
      : first;
    taken.add(user.document.unique[1]);
    return user;
  });
}

const groupIds = [0, 1, 2].map((index) => uuid({ msecs: 1_600_000_000_000 + index }));
const [firstGroup = '', secondGroup = ''] = groupIds;
const groups = groupIds.map((id, index) => store(Group, id, { displayName: `Group ${index}` }, index));
const users = randomUsers(240).map((user, index) => {
  const member = [firstGroup, secondGroup].filter((_, place) => index % (place + 3) === 0);
  const shown = member.map((value) => ({ value, type: 'direct' }));
  return { ...user, member, shown: member.length === 0 ? user.shown : { ...user.shown, groups: shown } };
});
const edges = [
  ...users.flatMap(({ id, member }) => member.map((group) => ({ group, member: id, kind: 'User' }))),
  { group: secondGroup, member: firstGroup, kind: 'Group' },
];

describe('compileFilter', () => {
  let database: Database;

  before(async () => {
    const uri = new URL(await sharedDatabase());
    uri.pathname = `/${uniqueDatabaseName()}`;
    const logger = createLogger({ level: 'error', name: 'test' });
    database = await openDatabase(uri.href, { logger });
    await createIndexes(database, registry);
    // The same people in two connections: what one asks never shows what is the other's.
    for (const owner of [connection, neighbour]) {
      const owned = ({ id, document }: Stored) => ({ ...document, _id: `${owner}/${id}`, connection: owner });
      const { db } = database;
      await db.collection<{ _id: string }>('users').insertMany(users.map(owned));
      await db.collection<{ _id: string }>('groups').insertMany(groups.map(owned));
      await db.collection<{ _id: string }>('memberships').insertMany(
        edges.map((edge) => ({
          ...edge,
          _id: `${owner}/${edge.group}/${edge.member}`,
          connection: owner,
          since: new Date(0),
        })),
      );
    }
  });

  after(async () => {
    await database.db.dropDatabase();
    await database[Symbol.asyncDispose]();
  });

  async function compile(type: ResourceType, filter: Filter): Promise<QueryPlan> {
    const memberships = edgesOf(database, connection, []);
    const node = await compileFilter({
      resourceType: type,
      filter,
      connection,
      memberships: {
        groupsOf: (selected) => memberships.groupIds(selected),
        membersOf: (selected) => memberships.memberIds(selected),
      },
    });
    return planOf(node);
  }

  /** Runs a plan as lists do. */
  async function find(type: ResourceType, filter: Filter): Promise<string[]> {
    const plan = await compile(type, filter);
    const branches = 'scan' in plan ? [{ index: { connection }, rest: plan.scan }] : plan.branches;
    const found = new Set<string>();
    for (const { index, rest } of branches) {
      const stages = [{ $match: index }, ...(rest ? [{ $match: rest }] : []), { $project: { _id: 1 } }];
      for await (const { _id } of database.resources(type).aggregate(stages)) found.add(String(_id));
    }
    return [...found].map((key) => key.replace(`${connection}/`, '')).sort();
  }

  it('finds what RFC 7644 says, whatever the filter, in the database and one by one (FLT-01)', async () => {
    const ids = users.slice(0, 5).map(({ id }) => id);
    await fc.assert(
      fc.asyncProperty(arbitraryUserFilter(ids, groupIds), async (filter) => {
        const found = new Set(await find(User, filter));
        const selects = createResourceTest(User, filter);
        const wrong = users.filter(({ id, shown }) => {
          const right = naiveMatch(shown, filter);
          return found.has(id) !== right || selects(shown) !== right;
        });
        assert.deepEqual(
          wrong.slice(0, 2).map(({ id, shown }) => ({ found: found.has(id), shown })),
          [],
        );
      }),
      { numRuns: 200 },
    );
  });

  const [first, second] = users;
  assert(first && second);

  it('reads an index for what clients match by, alone or with more conditions', async () => {
    const lookup = (text: string) => compile(User, parseFilter(User, text));
    const name = 'Ada@Example.com';
    const unique = { connection, unique: 'userName=ada@example.com' };
    const external = { connection, lookup: 'externalId=X1' };
    const email = { connection, lookup: 'emails.value=ada@example.com' };
    const branchesOf = async (text: string) => {
      const plan = await lookup(text);
      return 'branches' in plan ? plan.branches.map(({ index }) => index) : plan;
    };
    assert.deepEqual(await lookup(`userName eq "${name}"`), { branches: [{ index: unique }] });
    assert.deepEqual(await lookup('externalId eq "X1"'), { branches: [{ index: external }] });
    assert.deepEqual(await lookup(`emails eq "${name}"`), { branches: [{ index: email }] });
    assert.deepEqual(await branchesOf(`emails[type eq "work" and value eq "${name}"]`), [email]);
    assert.deepEqual(await branchesOf(`active eq true and userName eq "${name}"`), [unique]);
    assert.deepEqual(await branchesOf(`userName eq "${name}" or externalId eq "X1"`), [unique, external]);
    assert.deepEqual(await branchesOf(`id eq "${first.id}" and externalId eq "X1"`), [
      { _id: { $in: [`${connection}/${first.id}`] } },
    ]);
    assert('scan' in (await lookup('userName eq "a" or title eq "b"')));
    assert('scan' in (await lookup('not (userName eq "a")')));
    assert('scan' in (await lookup('userName ne "a"')));
  });

  it('finds groups by their members, and by nothing of the other connection (FLT-42)', async () => {
    const [memberOfFirst] = users.filter(({ member }) => member.includes(firstGroup));
    const search = (text: string) => find(Group, parseFilter(Group, text));
    assert(memberOfFirst);
    const expected = [...memberOfFirst.member].sort();
    const { id } = memberOfFirst;
    assert.deepEqual(await search(`members.value eq "${id}"`), expected);
    assert.deepEqual(await search(`members eq "${id.toUpperCase()}"`), expected);
    assert.deepEqual(await search(`members[value eq "${id}" and type eq "user"]`), expected);
    assert.deepEqual(await search(`members[value eq "${id}" and type eq "Group"]`), []);
    assert.deepEqual(await search('members[type eq "Group"]'), [secondGroup]);
    assert.deepEqual(await search('members.type ne "User"'), [secondGroup, groupIds[2]].sort());
    assert.deepEqual(await search('not (members pr)'), [groupIds[2]]);
    assert.deepEqual(await search(`id eq "${secondGroup}" and members eq "${firstGroup}"`), [secondGroup]);
    assert.deepEqual(await search(`displayName eq "group 2" or members eq "${firstGroup}"`), [
      secondGroup,
      groupIds[2],
    ]);
  });

  it('refuses more memberships than a query can carry', async () => {
    const lots = async () => Array.from({ length: 100_001 }, () => first.id);
    const memberships = { groupsOf: lots, membersOf: lots };
    const filter = parseFilter(User, `groups eq "${firstGroup}"`);
    await assert.rejects(compileFilter({ resourceType: User, filter, connection, memberships }), {
      reason: ErrorReason.TOO_MANY,
      metadata: { maximum: '100000' },
    });
  });

  it('takes a missing primary for false, where there is a value (MV-02)', async () => {
    const holders = users.map(({ id, document }) => {
      const emails: readonly { primary?: boolean }[] = document.resource.emails ?? [];
      return { id, emails, primaries: emails.map(({ primary }) => primary === true) };
    });
    const search = (text: string) => find(User, parseFilter(User, text));
    const where = (test: (primaries: readonly boolean[]) => boolean) =>
      holders
        .filter(({ primaries }) => test(primaries))
        .map(({ id }) => id)
        .sort();
    const some = where((primaries) => primaries.includes(false));
    assert.ok(holders.some(({ emails }) => emails.some(({ primary }) => primary === undefined)));
    assert.ok(where((primaries) => primaries.length === 0).length > 0);
    for (const text of ['emails[primary eq false]', 'emails.primary eq false', 'emails[primary ne true]'])
      assert.deepEqual(await search(text), some, text);
    assert.deepEqual(
      await search('emails[primary ne false]'),
      where((primaries) => primaries.includes(true)),
    );
    assert.deepEqual(
      await search('emails.primary ne true'),
      where((primaries) => primaries.length === 0 || primaries.includes(false)),
    );
  });

  it('takes patterns and operators of the database as text (FLT-44)', async () => {
    for (const text of ['.*', '{"$gt":""}', '^', '$where', '\\', '(?i)a', 'a|b', '\u0000']) {
      const literal = JSON.stringify(text);
      for (const operator of ['eq', 'co', 'sw', 'ew']) {
        const filter = parseFilter(User, `displayName ${operator} ${literal}`);
        const wanted = users.filter(({ shown }) => naiveMatch(shown, filter)).map(({ id }) => id);
        assert.deepEqual(await find(User, filter), wanted.sort(), `${operator} ${literal}`);
      }
    }
  });

  it('compares ids, not keys', async () => {
    const search = (text: string) => find(User, parseFilter(User, text));
    const all = users.map(({ id }) => id).sort();
    assert.deepEqual(await search('id co "/"'), []);
    assert.deepEqual(await search(`id co "${connection}"`), []);
    assert.deepEqual(await search(`id sw "${connection}"`), []);
    assert.deepEqual(await search('id ew "/"'), []);
    assert.deepEqual(await search(`id ew "${first.id.slice(-12)}"`), [first.id]);
    assert.deepEqual(await search(`id ge "${first.id}"`), all);
    assert.deepEqual(await search(`id eq "${neighbour}/${first.id}"`), []);
    assert.deepEqual(await search('id ne "x"'), all);
  });

  it('compares numbers, times and lists of a schema that has them (FLT-13, FLT-14, FLT-47)', async () => {
    const [title, emails] = ['title', 'emails'].map((name) => User.findAttribute(name));
    assert(title && emails);
    const part = (name: string, more: Partial<AttributeDefinition> = {}) => ({
      ...title,
      name,
      field: name,
      ...more,
    });
    const tags = part('tags', { multiValued: true, indexed: true });
    const parts = [part('value'), part('tags', { multiValued: true })];
    const attributes = [
      ...User.schema.attributes.filter(({ common }) => common),
      part('level', { type: 'integer' }),
      part('since', { type: 'dateTime' }),
      tags,
      part('maker', { type: 'complex', subAttributes: parts }),
      part('ports', { type: 'complex', multiValued: true, subAttributes: parts }),
    ];
    const [Device] = createSchemaRegistry([
      {
        ...User,
        name: 'Device',
        endpoint: '/Devices',
        schema: { ...User.schema, attributes },
        extensions: [],
      },
    ]).resourceTypes;
    assert(Device);
    const devices: JsonObject[] = [
      { level: 9, since: '2026-01-01T00:00:00Z', tags: ['a', 'b'], maker: { value: 'x', tags: ['m'] } },
      { level: 10, since: '2026-01-01T00:30:00+01:00', ports: [{ value: 'p' }, { tags: ['a', 'b'] }] },
      { level: -1.5, tags: ['b'], ports: [{ value: 'q', tags: ['b'] }] },
      {},
    ];
    const ids = devices.map((_, index) => uuid({ msecs: 1_650_000_000_000 + index }));
    const stored = devices.map((device, index) => store(Device, ids[index] ?? '', device, index));
    await database.db
      .collection<{ _id: string }>('devices')
      .insertMany(
        stored.map(({ id, document }) => ({ ...document, _id: `${connection}/${id}`, connection })),
      );
    const expected: [string, number[]][] = [
      ['level gt 9', [1]],
      ['level le 9', [0, 2]],
      ['level ne 9', [1, 2, 3]],
      ['level eq -15e-1', [2]],
      ['level ge -1.5E0', [0, 1, 2]],
      ['level lt -1.49e+0', [2]],
      ['level pr', [0, 1, 2]],
      ['since lt "2026-01-01T00:00:00Z"', [1]],
      ['since eq "2026-01-01T01:00:00+01:00"', [0]],
      ['tags eq "A"', [0]],
      ['tags ne "b"', [0, 1, 3]],
      ['tags sw "b" and not (tags eq "a")', [2]],
      ['tags eq null', [1, 3]],
      ['tags pr', [0, 2]],
      ['maker.tags eq "m"', [0]],
      ['maker.tags ne "m"', [1, 2, 3]],
      ['ports.tags eq "a"', [1]],
      ['ports.tags ne "b"', [0, 1, 3]],
      ['ports.tags pr', [1, 2]],
      ['ports.tags eq null', [0, 3]],
      ['ports[tags eq null]', [1]],
      ['ports[tags ne "b"]', [1]],
      ['ports[tags co "b" and value pr]', [2]],
    ];
    for (const [text, places] of expected) {
      const wanted = places.map((place) => ids[place]);
      const filter = parseFilter(Device, text);
      assert.deepEqual(await find(Device, filter), wanted, text);
      const selects = createResourceTest(Device, filter);
      const selected = stored.filter(({ shown }) => selects(shown)).map(({ id }) => id);
      assert.deepEqual(selected, wanted, `${text}, one by one`);
    }
    const plan = await compile(Device, parseFilter(Device, 'tags eq "A"'));
    assert.deepEqual(plan, { branches: [{ index: { connection, lookup: 'tags=a' } }] });
  });

  const path = (attribute: string, subAttribute = '', extension = '') => ({
    extension,
    attribute,
    subAttribute,
  });
  const eq = (where: ReturnType<typeof path>, value: string | number | boolean): Filter => ({
    node: {
      $case: 'comparison',
      value: { path: where, operator: ComparisonOperator.EQ, literal: { value: literalOf(value) } },
    },
  });
  const nested = (depth: number): Filter =>
    depth === 0 ? eq(path('title'), 'x') : { node: { $case: 'not', value: nested(depth - 1) } };
  const many = (count: number): Filter => ({
    node: { $case: 'or', value: { filters: Array.from({ length: count }, () => eq(path('title'), 'x')) } },
  });

  const refused: [string, Filter, string][] = [
    ['an unknown attribute', eq(path('hairColor'), 'x'), 'hairColor'],
    ['an unknown sub-attribute', eq(path('name', 'nope'), 'x'), 'name.nope'],
    ['an unknown extension', eq(path('title', '', 'urn:example:x'), 'x'), 'urn:example:x:title'],
    ['a password', eq(path('password'), 'x'), 'password'],
    ['a computed part of groups', eq(path('groups', 'display'), 'x'), 'groups.display'],
    ['a reference to groups', eq(path('groups', '$ref'), 'x'), 'groups.$ref'],
    ['a computed location', eq(path('meta', 'location'), 'x'), 'meta.location'],
    ['a whole complex attribute', eq(path('name'), 'x'), 'name'],
    ['a number for a text', eq(path('title'), 1), 'title'],
    ['a text for a truth value', eq(path('active'), 'true'), 'active'],
    ['a date that is none', eq(path('meta', 'created'), '2026-02-30T00:00:00Z'), 'meta.created'],
    ['more than 100 terms', many(101), ''],
    ['more than 32 levels', nested(32), ''],
    ['an empty list', { node: { $case: 'and', value: { filters: [] } } }, ''],
    ['an empty node', { node: undefined }, ''],
    ['too long a text', eq(path('title'), 'x'.repeat(8_001)), 'title'],
    [
      'brackets after a single value',
      { node: { $case: 'valuePath', value: { path: path('name'), filter: eq(path('givenName'), 'x') } } },
      'name',
    ],
    [
      'an unknown part in brackets',
      { node: { $case: 'valuePath', value: { path: path('emails'), filter: eq(path('nope'), 'x') } } },
      'emails.nope',
    ],
  ];
  for (const [what, filter, attribute] of refused) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(compile(User, filter), (error) => {
        assert(error instanceof DirectoryError);
        assert.equal(error.reason, ErrorReason.FILTER_INVALID);
        assert.deepEqual(error.metadata, { attribute });
        return true;
      });
    });
  }

  it('accepts 100 terms, 32 levels and 8,000 bytes', async () => {
    for (const filter of [many(100), nested(31), eq(path('title'), '\0'.repeat(8_000))]) {
      assert.deepEqual(typeof (await find(User, filter)).length, 'number');
    }
  });
});

function literalOf(value: string | number | boolean): Literal['value'] {
  if (typeof value === 'string') return { $case: 'text', value };
  return typeof value === 'number' ? { $case: 'number', value } : { $case: 'boolean', value };
}
