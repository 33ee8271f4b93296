import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import {
  defaultAttributeMapping,
  findMappedPath,
  parseAttributeMapping,
} from '../../services/directory/attribute-mapping.ts';
import { createIdentityReader } from '../../services/directory/identity.ts';
import { identityFilter } from '../../services/directory/mongo/identity-filter.ts';
import { nothing } from '../../services/directory/mongo/query-plan.ts';

// Attributes of kinds that no built-in one is of, as a connection may declare them.
const user = createSchemaRegistry().resourceType('User');
const title = user?.findAttribute('title');
assert.ok(user && title);
const attribute = (name: string, more: Partial<AttributeDefinition>): AttributeDefinition => ({
  ...title,
  name,
  field: name,
  ...more,
});
const urn = 'urn:example:Staff';
const registry = createSchemaRegistry([
  {
    ...user,
    extensions: [
      {
        field: 'staff',
        declared: true,
        required: false,
        schema: {
          id: urn,
          name: 'Staff',
          description: 'Staff',
          attributes: [
            attribute('number', { type: 'integer' }),
            attribute('weight', { type: 'decimal' }),
            attribute('since', { type: 'dateTime' }),
            attribute('aliases', { multiValued: true }),
            attribute('accounts', {
              type: 'complex',
              multiValued: true,
              subAttributes: [
                attribute('value', {}),
                attribute('system', {}),
                attribute('names', { multiValued: true }),
              ],
            }),
          ],
        },
      },
    ],
  },
]);
const type = registry.resourceType('User');
assert.ok(type);

/** The login of a user with these values of the extension. */
function loginOf(path: string, staff: JsonObject): string | undefined {
  assert.ok(type);
  const mapping = parseAttributeMapping(registry, { ...defaultAttributeMapping, login: `${urn}:${path}` });
  return createIdentityReader(type, mapping)({ userName: 'ada', staff }).login;
}

suite('a mapped attribute of a declared schema', () => {
  test('may be a whole number, a list of texts, or a list of values without a primary one', () => {
    assert.equal(loginOf('NUMBER', { number: 7 }), '7');
    assert.equal(loginOf('number', { number: 0 }), '0');
    assert.equal(loginOf('number', {}), undefined);
    assert.equal(loginOf('aliases', { aliases: ['', 'a', 'b'] }), 'a');
    const accounts = [{ system: 'x' }, { value: 'v', system: 'y' }, { value: 'w', system: 'x' }];
    assert.equal(loginOf('accounts', { accounts }), 'v');
    assert.equal(loginOf('accounts[system eq "X"]', { accounts }), 'w');
    assert.equal(loginOf('accounts.system', { accounts }), 'x');
  });

  test('is refused when its values are no names', () => {
    for (const [path, reason] of [
      ['weight', /it is a decimal/],
      ['since', /it is a dateTime/],
      ['accounts.names', /each of its values is a list/],
    ] as const) {
      assert.throws(() => loginOf(path, {}), { reason: ErrorReason.REQUEST_INVALID, message: reason });
    }
  });

  test('has no value once the schema is gone', () => {
    const mapping = { ...defaultAttributeMapping, login: `${urn}:number` };
    const identity = createIdentityReader(user, mapping)({ userName: 'ada', staff: { number: 7 } });
    assert.deepEqual(identity, { login: undefined, email: undefined, externalId: undefined });
  });

  test('is looked up by the number that a text writes, in its one spelling', async () => {
    const none = async () => [];
    const memberships = { groupsOf: none, membersOf: none };
    const scope = { resourceType: type, connection: 'demo0000', memberships };
    const path = findMappedPath(type, `${urn}:number`);
    assert.deepEqual(await identityFilter(scope, path, '7'), {
      predicate: { 'fold.staff.number': { $eq: 7 } },
    });
    for (const text of ['07', '7.0', ' 7', 'seven', '']) {
      assert.equal(await identityFilter(scope, path, text), nothing);
    }
    assert.equal(await identityFilter(scope, undefined, '7'), nothing);
  });
});
