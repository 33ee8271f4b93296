import fc from 'fast-check';
import { printFilter } from '#scim/filter-printer.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { arbitraryElementFilter, arbitraryFilter } from '../support/arbitrary-filter.ts';

/** Stand for ids of the fuzz target's resources until a request is sent, so that a seed means the same in each run. */
export const placeholders = { user: '~user~', other: '~other~', group: '~group~' } as const;

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const plain = { noNullPrototype: true, requiredKeys: [] };
const word = fc.constantFrom('a', 'B', 'é', '', 'a b', '~user~');
const label = fc.constantFrom('work', 'home', 'Work');
const member = fc.record({
  value: fc.constantFrom(placeholders.user, placeholders.other, placeholders.group),
});
const item = fc.record({ value: word, type: label, display: word, primary: fc.boolean() }, plain);
const anyValue: fc.Arbitrary<JsonValue> = fc.oneof(
  word,
  fc.boolean(),
  fc.constant(null),
  item,
  fc.array(item, { maxLength: 3 }),
  fc.record({ givenName: word, familyName: word }, plain),
  member,
  fc.array(member, { maxLength: 3 }),
);

/** The text of a filter over all attributes of a type. */
export function validFilter(type: ResourceType): fc.Arbitrary<string> {
  return arbitraryFilter(type).map(printFilter);
}

/** The names of all attributes of a type and their sub-attributes, with and without the URN of their schema. */
export function validName(type: ResourceType): fc.Arbitrary<string> {
  return fc.constantFrom(...namesOf(type), ...type.extensions.map(({ schema }) => schema.id));
}

/** The paths of PATCH operations: names, and those with a filter in brackets. */
export function validPath(type: ResourceType): fc.Arbitrary<string> {
  const filtered = type.schema.attributes
    .filter(({ multiValued, type: kind }) => multiValued && kind === 'complex')
    .map((attribute) => {
      const subs = attribute.subAttributes.map(({ name }) => `.${name}`);
      return fc
        .tuple(arbitraryElementFilter(attribute), fc.constantFrom('', ...subs))
        .map(([filter, sub]) => `${attribute.name}[${printFilter(filter)}]${sub}`);
    });
  return fc.oneof(validName(type), ...filtered);
}

function namesOf(type: ResourceType): string[] {
  const schemas = [type.schema, ...type.extensions.map(({ schema }) => schema)];
  return schemas.flatMap(({ id, attributes }) =>
    attributes.flatMap(({ name, subAttributes }) => {
      const names = [name, ...subAttributes.map((sub) => `${name}.${sub.name}`)];
      const qualified = names.map((each) => `${id}:${each}`);
      return schemas[0]?.id === id ? [...names, ...qualified] : qualified;
    }),
  );
}

const userBody: fc.Arbitrary<JsonObject> = fc.record(
  {
    schemas: fc.constantFrom(['urn:ietf:params:scim:schemas:core:2.0:User', enterprise]),
    userName: fc.oneof(fc.uuid(), word),
    externalId: word,
    password: word,
    active: fc.boolean(),
    title: word,
    name: fc.record({ givenName: word, familyName: word }, plain),
    emails: fc.array(item, { maxLength: 3 }),
    x509Certificates: fc.array(fc.record({ value: fc.constant('QUJD') }), { maxLength: 2 }),
    [enterprise]: fc.record({ department: word, manager: fc.record({ value: word }, plain) }, plain),
  },
  { ...plain, requiredKeys: ['schemas', 'userName'] },
);

const groupBody: fc.Arbitrary<JsonObject> = fc.record(
  {
    schemas: fc.constant(['urn:ietf:params:scim:schemas:core:2.0:Group']),
    displayName: fc.oneof(fc.uuid(), word),
    externalId: word,
    members: fc.array(member, { maxLength: 3 }),
  },
  { ...plain, requiredKeys: ['schemas', 'displayName'] },
);

/** The body of a POST or PUT. */
export function validBody(type: ResourceType): fc.Arbitrary<JsonObject> {
  return type.name === 'User' ? userBody : groupBody;
}

/** The body of a PATCH. */
export function validPatch(type: ResourceType): fc.Arbitrary<JsonObject> {
  const operation = fc.record(
    { op: fc.constantFrom('add', 'Replace', 'remove'), path: validPath(type), value: anyValue },
    { ...plain, requiredKeys: ['op'] },
  );
  const sensible = fc.constantFrom<JsonValue>(...(type.name === 'User' ? userOperations : groupOperations));
  return fc.record({
    schemas: fc.constant(['urn:ietf:params:scim:api:messages:2.0:PatchOp']),
    Operations: fc.array(fc.oneof(operation, sensible), { minLength: 1, maxLength: 3 }),
  });
}

const userOperations: readonly JsonValue[] = [
  { op: 'replace', path: 'active', value: false },
  { op: 'add', path: 'emails', value: [{ value: 'b', type: 'home', primary: true }] },
  { op: 'replace', path: 'emails[type eq "work"].value', value: 'c' },
  { op: 'remove', path: 'emails[value sw "b"]' },
  { op: 'replace', value: { name: { givenName: 'G' }, [enterprise]: { department: 'D' } } },
  { op: 'remove', path: `${enterprise}:department` },
];
const groupOperations: readonly JsonValue[] = [
  { op: 'replace', path: 'displayName', value: 'a group' },
  { op: 'add', path: 'members', value: [{ value: placeholders.other }, { value: placeholders.user }] },
  { op: 'add', value: { members: [{ value: placeholders.other, type: 'User' }] } },
  { op: 'remove', path: `members[value eq "${placeholders.user}"]` },
  { op: 'remove', path: 'members' },
  { op: 'replace', path: 'members', value: [] },
];

/** The body of a query by POST. */
export function validSearch(type: ResourceType): fc.Arbitrary<JsonObject> {
  return fc.record(
    {
      schemas: fc.constant(['urn:ietf:params:scim:api:messages:2.0:SearchRequest']),
      filter: validFilter(type),
      attributes: fc.array(validName(type), { maxLength: 3 }),
      excludedAttributes: fc.array(validName(type), { maxLength: 3 }),
      sortBy: validName(type),
      sortOrder: fc.constantFrom('ascending', 'descending'),
      startIndex: fc.integer({ min: -2, max: 9 }),
      count: fc.integer({ min: -2, max: 9 }),
      cursor: fc.constantFrom('', 'x'),
    },
    { ...plain, requiredKeys: ['schemas'] },
  );
}

/** The body of a bulk request over these types. */
export function validBulk(types: readonly ResourceType[]): fc.Arbitrary<JsonObject> {
  const bulkId = fc.constantFrom('1', '2', 'x');
  const id = fc.constantFrom(...Object.values(placeholders), 'bulkId:1', 'bulkId:2', 'unknown');
  const operations = types.flatMap((type) => {
    const path = id.map((each) => `${type.endpoint}/${each}`);
    return [
      fc.record(
        {
          method: fc.constant('POST'),
          path: fc.constant(type.endpoint),
          bulkId,
          data: validBody(type),
        },
        plain,
      ),
      fc.record({ method: fc.constant('PUT'), path, data: validBody(type), version: word }, plain),
      fc.record({ method: fc.constantFrom('PATCH', 'patch'), path, data: validPatch(type) }, plain),
      fc.record({ method: fc.constant('DELETE'), path: fc.constant(`${type.endpoint}/bulkId:1`) }),
    ];
  });
  return fc.record(
    {
      schemas: fc.constant(['urn:ietf:params:scim:api:messages:2.0:BulkRequest']),
      Operations: fc.array(fc.oneof(...operations), { minLength: 1, maxLength: 4 }),
      failOnErrors: fc.integer({ min: 1, max: 3 }),
    },
    { ...plain, requiredKeys: ['schemas', 'Operations'] },
  );
}
