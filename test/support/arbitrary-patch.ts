import fc from 'fast-check';
import type { JsonObject } from '#scim/json.ts';
import type { NaiveOperation } from './naive-patch.ts';

/** The URN of the extension that operations may work on. */
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** The attributes with several values that operations may work on. */
export const patchedLists: readonly string[] = ['emails', 'phoneNumbers'];

/** Resources and values are plain objects, as JSON makes them. */
const plain = { noNullPrototype: true };
const word = fc.constantFrom('a', 'b', 'c');
const label = fc.constantFrom('work', 'home');
const value = fc
  .record(
    { value: fc.constantFrom('a', 'A', 'b', 'c'), type: label, primary: fc.boolean(), display: word },
    { requiredKeys: [], ...plain },
  )
  .filter((item) => Object.keys(item).length > 0);
const values = fc.array(value, { minLength: 1, maxLength: 3 });

/** A list as the directory stores it: one primary at most, no value twice. */
const storedValues = fc
  .uniqueArray(value, {
    minLength: 1,
    maxLength: 3,
    selector: ({ type, value: text, ...rest }) =>
      text === undefined
        ? JSON.stringify([type, rest.primary, rest.display])
        : `${type}=${text.toLowerCase()}`,
  })
  .map((items) => {
    const primary = items.findIndex((item) => item.primary);
    return items.map((item, index) => (index > primary && item.primary ? { ...item, primary: false } : item));
  });

/** A user as the directory stores it, of few words, so that operations meet them. */
export const arbitraryPatchedUser: fc.Arbitrary<JsonObject> = fc.record(
  {
    userName: word,
    title: word,
    active: fc.boolean(),
    name: fc.record({ givenName: word, familyName: word }, plain),
    emails: storedValues,
    phoneNumbers: storedValues,
    enterprise: fc.record({ department: word, manager: fc.record({ value: word }, plain) }, plain),
  },
  { requiredKeys: ['userName'], ...plain },
);

const nullable = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary }, { weight: 1, arbitrary: fc.constant(null) });
const names = fc.record({ givenName: nullable(word), middleName: word }, { requiredKeys: [], ...plain });
const where = fc.oneof(
  fc.record({ type: label }, plain),
  fc.record({ value: word }, plain),
  fc.record({ type: label, primary: fc.boolean() }, plain),
);
const list = fc.constantFrom(...patchedLists);

/** Operations on one attribute, or on parts of it. */
function on(
  attribute: fc.Arbitrary<string> | string,
  given: fc.Arbitrary<unknown>,
  {
    sub = [''],
    filter = fc.constant(undefined),
    inside = false,
  }: {
    sub?: readonly [string, ...string[]];
    filter?: fc.Arbitrary<NaiveOperation['where']>;
    inside?: boolean;
  } = {},
): fc.Arbitrary<NaiveOperation> {
  return fc.record({
    op: fc.constantFrom('add', 'remove', 'replace'),
    enterprise: fc.constant(inside),
    attribute: typeof attribute === 'string' ? fc.constant(attribute) : attribute,
    sub: fc.constantFrom(...sub),
    where: filter,
    value: nullable(given),
  });
}

const maybeWhere = fc.oneof(where, fc.constant(undefined));

/** An operation on a user; each of its values is of the attribute's type. */
export const arbitraryPatchOperation: fc.Arbitrary<NaiveOperation> = fc.oneof(
  on('title', word),
  on('active', fc.boolean()),
  on('name', names),
  on('name', word, { sub: ['givenName', 'familyName'] }),
  on('department', word, { inside: true }),
  on('manager', word, { sub: ['value'], inside: true }),
  on(list, fc.oneof(values, value)),
  on(list, value, { filter: where }),
  on(list, word, { sub: ['value', 'display'], filter: maybeWhere }),
  on(list, fc.boolean(), { sub: ['primary'], filter: maybeWhere }),
);

/** The path of an operation as text. */
export function pathOf({ enterprise: inside, attribute, sub, where: terms }: NaiveOperation): string {
  const filter = Object.entries(terms ?? {}).map(([key, item]) => `${key} eq ${JSON.stringify(item)}`);
  const brackets = filter.length === 0 ? '' : `[${filter.join(' and ')}]`;
  return `${inside ? `${enterprise}:` : ''}${attribute}${brackets}${sub === '' ? '' : `.${sub}`}`;
}
