import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSchemaRegistry, findSubAttribute, resolvePath } from '#scim/schema-registry.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const registry = createSchemaRegistry();
const user = registry.resourceType('User');
assert.ok(user);

describe('resource types', () => {
  test('the built-in ones are there and found whatever the case', () => {
    assert.deepEqual(
      registry.resourceTypes.map((type) => type.name),
      ['User', 'Group'],
    );
    assert.equal(registry.resourceType('uSER'), user);
    assert.equal(registry.resourceType('Device'), undefined);
  });

  test('a registry holds the definitions it is given', () => {
    const { findAttribute: _, findExtension: __, ...definition } = user;
    const devices = createSchemaRegistry([{ ...definition, name: 'Device' }]);
    assert.ok(devices.resourceType('device')?.findAttribute('userName'));
    assert.equal(devices.resourceType('User'), undefined);
  });
});

describe('attributes', () => {
  test('are found whatever the case; the core schema is the empty URN or its own', () => {
    const userName = user.findAttribute('userName');
    assert.equal(userName?.name, 'userName');
    assert.equal(user.findAttribute('USERNAME'), userName);
    assert.equal(user.findAttribute('username', ''), userName);
    assert.equal(user.findAttribute('username', 'URN:ietf:params:scim:schemas:core:2.0:user'), userName);
    assert.equal(user.findAttribute('externalid')?.name, 'externalId');
  });

  test('an extension has its own and only those', () => {
    assert.equal(user.findAttribute('department'), undefined);
    assert.equal(user.findAttribute('DEPARTMENT', enterprise.toUpperCase())?.name, 'department');
    assert.equal(user.findAttribute('userName', enterprise), undefined);
    assert.equal(user.findAttribute('userName', 'urn:example:unknown'), undefined);
    assert.equal(user.findExtension(enterprise.toLowerCase())?.schema.id, enterprise);
    assert.equal(user.findExtension(''), undefined);
    assert.equal(user.findExtension(user.schema.id), undefined);
  });

  test('names that every object inherits are not attributes', () => {
    for (const name of ['constructor', '__proto__', 'toString', ''])
      assert.equal(user.findAttribute(name), undefined);
  });

  test('sub-attributes are found whatever the case', () => {
    const emails = user.findAttribute('emails');
    assert.ok(emails);
    assert.equal(findSubAttribute(emails, 'VALUE')?.name, 'value');
    assert.equal(findSubAttribute(emails, 'nope'), undefined);
  });
});

describe('resolvePath', () => {
  const cases: [string, string, string, string[] | undefined][] = [
    ['', 'userName', '', ['userName']],
    ['', 'name', 'givenName', ['name', 'givenName']],
    [enterprise, 'department', '', ['enterprise', 'department']],
    [enterprise, 'manager', '$ref', ['enterprise', 'manager', 'ref']],
    [enterprise, '', '', undefined],
    ['', 'department', '', undefined],
    ['', 'name', 'nope', undefined],
    ['', 'userName', 'value', undefined],
    ['urn:example:unknown', 'userName', '', undefined],
  ];
  for (const [extension, attribute, subAttribute, keys] of cases) {
    test(`${extension} ${attribute} ${subAttribute} leads to ${keys?.join('/') ?? 'nothing'}`, () => {
      const found = resolvePath(user, { extension, attribute, subAttribute });
      assert.deepEqual(found?.keys, keys);
      if (!keys) return;
      assert.equal(found?.attribute.name, attribute);
      assert.equal(found?.subAttribute?.name ?? '', subAttribute);
      assert.equal(found?.extension?.schema.id ?? '', extension);
    });
  }
});
