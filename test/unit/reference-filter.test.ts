import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseFilter } from '#scim/filter-parser.ts';
import { printFilter } from '#scim/filter-printer.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { resolveReferences } from '../../gateway/scim/reference-filter.ts';
import { ScimError } from '../../gateway/scim/scim-error.ts';
import { arbitraryFilter } from '../support/arbitrary-filter.ts';

const registry = createSchemaRegistry();
const baseUrl = 'https://scim.example.com/scim/testconnection/v2';
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
const [User, Group] = ['User', 'Group'].map((name) => registry.resourceType(name));
assert.ok(User && Group);

function resolved(type: ResourceType, text: string): string {
  return printFilter(resolveReferences(type, registry, baseUrl, parseFilter(type, text)));
}

/** Every way to write the URI of a user: versioned or not, absolute or relative to the base URL. */
const sameUri = [
  `${baseUrl}/Users/x1`,
  'https://scim.example.com/scim/testconnection/Users/x1',
  'HTTPS://SCIM.example.com:443/scim/testconnection/v2/Users/x1',
  '/scim/testconnection/v2/Users/x1',
  '/scim/testconnection/Users/x1',
  '/v2/Users/x1',
  '/Users/x1',
  'Users/x1',
  './Users/x1',
  '../Users/x1',
  '../v2/Users/x1',
];
const otherUri = [
  '',
  'x1',
  '/Users',
  '/Users/x1/x2',
  '/users/x1',
  '//Users/x1',
  '/v1/Users/x1',
  '/Users/x1?a=b',
  '/Users/x1#a',
  'http://scim.example.com/scim/testconnection/v2/Users/x1',
  'https://scim.example.com/scim/testconnection/v1/Users/x1',
  'https://scim.example.com/scim/otherconnection/v2/Users/x1',
  'https://scim.example.com/Users/x1',
  'https://ada@other.example/scim/testconnection/v2/Users/x1',
  'https://[',
  'urn:uuid:x1',
];

const never = 'not (id pr)';

suite('resolveReferences', () => {
  for (const uri of sameUri) {
    test(`takes ${uri} for the user (FLT-38, FLT-43, MV-05, MV-07)`, () => {
      assert.equal(resolved(User, `meta.location eq "${uri}"`), 'id eq "x1"');
      assert.equal(
        resolved(User, `${enterprise}:manager.$ref eq "${uri}"`),
        `${enterprise}:manager.value eq "x1"`,
      );
      assert.equal(resolved(Group, `members.$ref eq "${uri}"`), 'members[value eq "x1" and type eq "User"]');
    });
  }

  for (const uri of otherUri) {
    test(`finds nothing for "${uri}" (FLT-38, FLT-43)`, () => {
      assert.equal(resolved(User, `meta.location eq "${uri}"`), never);
      assert.equal(resolved(User, `${enterprise}:manager.$ref eq "${uri}"`), never);
      assert.equal(resolved(Group, `members.$ref eq "${uri}"`), 'members[not (value pr)]');
    });
  }

  test('knows what a reference can point to', () => {
    assert.equal(resolved(User, 'groups.$ref eq "Groups/g1"'), 'groups[value eq "g1"]');
    assert.equal(resolved(User, 'groups.$ref eq "Users/g1"'), 'groups[not (value pr)]');
    assert.equal(resolved(User, `${enterprise}:manager.$ref eq "Groups/g1"`), never);
    assert.equal(resolved(User, 'meta.location eq "Groups/g1"'), never);
    assert.equal(resolved(Group, 'meta.location eq "Groups/g1"'), 'id eq "g1"');
    assert.equal(resolved(Group, 'members.$ref eq "Users/X1"'), 'members[not (value pr)]');
  });

  const rows: readonly (readonly [ResourceType, string, string])[] = [
    [User, 'meta.location ne "Users/x1"', 'not (id eq "x1")'],
    [User, 'meta.location ne "x"', `not (${never})`],
    [User, 'meta.location pr', 'id pr'],
    [User, 'meta.location eq null', never],
    [User, 'meta.location ne null', 'id pr'],
    [User, `${enterprise}:manager.$ref ne "Users/x1"`, `not (${enterprise}:manager.value eq "x1")`],
    [User, `${enterprise}:manager.$ref pr`, `${enterprise}:manager.value pr`],
    [User, `${enterprise}:manager.$ref eq null`, `not (${enterprise}:manager.value pr)`],
    [Group, 'members.$ref pr', 'members.value pr'],
    [Group, 'members.$ref eq null', 'not (members.value pr)'],
    [Group, 'members.$ref ne null', 'members.value pr'],
    [
      Group,
      'members.$ref ne "Users/x1"',
      'not (members.value pr) or members[not (value eq "x1" and type eq "User")]',
    ],
    [Group, 'members[$ref pr]', 'members[value pr]'],
    [Group, 'members[$ref eq null]', 'members[not (value pr)]'],
    [
      Group,
      'not (displayName eq "a" and members[type pr and not ($ref ne "Groups/g1")])',
      'not (displayName eq "a" and members[type pr and not (not (value eq "g1" and type eq "Group"))])',
    ],
  ];
  for (const [type, text, expected] of rows) {
    test(`${text} is ${expected} (FLT-38, FLT-43)`, () => assert.equal(resolved(type, text), expected));
  }

  test('turns schemas into what they follow from (FLT-37)', () => {
    const used = resolved(User, `schemas eq "${enterprise}"`);
    const attributes = ['employeeNumber', 'costCenter', 'organization', 'division', 'department', 'manager'];
    assert.equal(used, attributes.map((name) => `${enterprise}:${name} pr`).join(' or '));
    const same = [
      'co "enterprise"',
      `sw "${enterprise}"`,
      `ne "${core}"`,
      `eq "${enterprise.toUpperCase()}"`,
    ];
    for (const test of same) assert.equal(resolved(User, `schemas ${test}`), used, test);
    for (const test of ['pr', 'ne null', `eq "${core}"`, 'co "urn:"', 'ew ":2.0:User"', `ne "${enterprise}"`])
      assert.equal(resolved(User, `SCHEMAS ${test}`), 'id pr', test);
    for (const test of ['eq null', 'eq "urn:x"', 'sw "x"'])
      assert.equal(resolved(User, `schemas ${test}`), never, test);
    assert.equal(resolved(Group, `schemas eq "${enterprise}"`), never);
    assert.equal(resolved(User, `${core}:schemas pr`), 'id pr');
  });

  test('refuses operators that make no sense (FLT-38, FLT-43)', () => {
    const refused = [
      'meta.location sw "http"',
      'groups.$ref co "x"',
      'groups[$ref gt "x"]',
      'schemas lt "x"',
    ];
    for (const text of refused) {
      assert.throws(
        () => resolved(User, text),
        (error) => error instanceof ScimError && error.status === 400 && error.scimType === 'invalidFilter',
      );
    }
  });

  test('leaves no reference behind, and everything else alone', () => {
    fc.assert(
      fc.property(arbitraryFilter(Group), (filter) => {
        const text = printFilter(filter);
        const isReference = /\$ref|meta\.location/.test(text);
        try {
          const after = printFilter(resolveReferences(Group, registry, baseUrl, filter));
          if (!isReference) assert.equal(after, text);
          assert.doesNotMatch(after.replace(/"(?:[^"\\]|\\.)*"/g, ''), /\$ref|meta\.location/);
        } catch (error) {
          assert.ok(isReference && error instanceof ScimError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
