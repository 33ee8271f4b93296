import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { printFilter } from '#scim/filter-printer.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import {
  bareExtensionAttributes,
  bareExtensionNames,
} from '../../gateway/repairs/bare-extension-attributes.ts';
import { bareExtensionKeys } from '../../gateway/repairs/bare-extension-keys.ts';
import { echoedReadOnly } from '../../gateway/repairs/echoed-read-only.ts';
import { legacyUrns, legacyUrnsInText } from '../../gateway/repairs/legacy-urns.ts';
import { leniencyRules } from '../../gateway/repairs/leniency.ts';
import { missingPatchSchemas, missingSchemas } from '../../gateway/repairs/missing-schemas.ts';
import { quotedBooleans } from '../../gateway/repairs/quoted-booleans.ts';
import { removalByValue } from '../../gateway/repairs/removal-by-value.ts';
import type { BodyRepair, StepsRepair, TextRepair } from '../../gateway/repairs/repair.ts';
import { repairAttributes } from '../../gateway/repairs/repair-value.ts';
import { textPieces } from '../../gateway/repairs/text-pieces.ts';
import { unfoldedKeys } from '../../gateway/repairs/unfolded-keys.ts';
import { unknownSchemas } from '../../gateway/repairs/unknown-schemas.ts';
import type { PatchStep } from '../../gateway/scim/patch-step.ts';
import { arbitraryFilter } from '../support/arbitrary-filter.ts';
import { arbitraryUser } from '../support/arbitrary-user.ts';
import { frozen } from '../support/patch-operations.ts';

const registry = createSchemaRegistry();
const [resourceType] = registry.resourceTypes;
assert.ok(resourceType);
const context = { resourceType, id: '0192' };
const user = 'urn:ietf:params:scim:schemas:core:2.0:User';
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const patch = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

test('the table of differences names files that are there', () => {
  for (const [rule, { where }] of Object.entries(leniencyRules))
    assert.ok(existsSync(new URL(`../../${where}`, import.meta.url)), rule);
});

suite('repairs of bodies', () => {
  const rows: readonly (readonly [string, BodyRepair, JsonObject, JsonObject])[] = [
    ['missingSchemas', missingSchemas, { userName: 'a' }, { userName: 'a', schemas: [user] }],
    ['missingPatchSchemas', missingPatchSchemas, { Operations: [] }, { Operations: [], schemas: [patch] }],
    ['unknownSchemas', unknownSchemas, { Schemas: [user, 'urn:x'] }, { Schemas: [user] }],
    [
      'legacyUrns',
      legacyUrns,
      {
        schemas: ['urn:scim:schemas:core:2.0', 'urn:scim:schemas:core:1.0:User'],
        'urn:scim:schemas:extension:enterprise:2.0': { department: 'R' },
      },
      { schemas: [user, user], [enterprise]: { department: 'R' } },
    ],
    [
      'bareExtensionAttributes',
      bareExtensionAttributes,
      { userName: 'a', department: 'R', costCenter: '1' },
      { userName: 'a', [enterprise]: { department: 'R', costCenter: '1' } },
    ],
    [
      'bareExtensionAttributes, one of which is in its place too',
      bareExtensionAttributes,
      { department: 'wrong place', [enterprise]: { department: 'right place' } },
      { [enterprise]: { department: 'right place' } },
    ],
  ];
  for (const [name, repair, broken, right] of rows) {
    test(name, () => {
      assert.deepEqual(repair(frozen(broken), context), right);
      assert.equal(repair(right, context), right);
    });
  }

  test('what stands alone and is wrong is left for its error', () => {
    const body = { schemas: ['urn:x'] };
    assert.equal(unknownSchemas(body, context), body);
  });
});

suite('repairs of operations', () => {
  const rows: readonly (readonly [string, StepsRepair, readonly PatchStep[], readonly PatchStep[]])[] = [
    [
      'bareExtensionKeys',
      bareExtensionKeys,
      [{ op: 'replace', value: { department: 'R', title: 'T' }, index: 0 }],
      [{ op: 'replace', value: { [`${enterprise}:department`]: 'R', title: 'T' }, index: 0 }],
    ],
    [
      'unfoldedKeys',
      unfoldedKeys,
      [
        {
          op: 'replace',
          value: { title: 'T', 'name.givenName': 'A', 'emails[type eq "work"].value': 'a' },
          index: 0,
        },
        { op: 'add', value: { [`${enterprise}:department`]: 'R' }, index: 1 },
        { op: 'add', value: { [enterprise]: { department: 'R' } }, index: 2 },
      ],
      [
        { op: 'replace', value: { title: 'T' }, index: 0 },
        { op: 'replace', path: 'name.givenName', value: 'A', index: 0 },
        { op: 'replace', path: 'emails[type eq "work"].value', value: 'a', index: 0 },
        { op: 'add', path: `${enterprise}:department`, value: 'R', index: 1 },
        { op: 'add', value: { [enterprise]: { department: 'R' } }, index: 2 },
      ],
    ],
    [
      'echoedReadOnly',
      echoedReadOnly,
      [
        { op: 'replace', value: { id: '0192', META: {}, title: 'T' }, index: 0 },
        { op: 'replace', path: 'ID', value: '0192', index: 1 },
        { op: 'replace', path: 'id', value: 'other', index: 2 },
      ],
      [
        { op: 'replace', value: { title: 'T' }, index: 0 },
        { op: 'replace', path: 'id', value: 'other', index: 2 },
      ],
    ],
    [
      'removalByValue',
      removalByValue,
      [
        { op: 'remove', path: 'emails', value: [{ value: 'a' }, 'b"c'], index: 0 },
        { op: 'remove', path: 'roles', value: [], index: 1 },
        { op: 'remove', path: 'title', value: 'superfluous', index: 2 },
        { op: 'remove', path: 'emails[type eq "work"]', value: [{ value: 'a' }], index: 3 },
        { op: 'remove', path: 'ims', value: [{ Value: 'a' }, { value: null }, { type: 'x' }], index: 4 },
        { op: 'remove', path: 'photos', value: [{ value: null }], index: 5 },
        { op: 'remove', path: 'photos', value: [{ type: 'x' }], index: 6 },
      ],
      [
        { op: 'remove', path: 'emails[value eq "a"]', index: 0 },
        { op: 'remove', path: 'emails[value eq "b\\"c"]', index: 0 },
        { op: 'remove', path: 'title', value: 'superfluous', index: 2 },
        { op: 'remove', path: 'emails[type eq "work"]', value: [{ value: 'a' }], index: 3 },
        { op: 'remove', path: 'ims[value eq "a"]', index: 4 },
        { op: 'remove', path: 'photos', value: [{ type: 'x' }], index: 6 },
      ],
    ],
  ];
  for (const [name, repair, broken, right] of rows) {
    test(name, () => {
      assert.deepEqual(repair(frozen(broken), context), right);
      assert.equal(repair(right, context), right);
    });
  }

  test('members to remove stay one list, however many they are', () => {
    const group = registry.resourceType('Group');
    assert.ok(group);
    const steps = [{ op: 'remove' as const, path: 'members', value: [{ value: 'a' }], index: 0 }];
    assert.equal(removalByValue(steps, { resourceType: group, id: '' }), steps);
  });
});

suite('repairs of filters and paths', () => {
  const rows: readonly (readonly [TextRepair, string, string])[] = [
    [quotedBooleans, 'roles[primary eq "True"].value', 'roles[primary eq true].value'],
    [quotedBooleans, 'active eq "FALSE" and title eq "true"', 'active eq false and title eq "true"'],
    [quotedBooleans, `${user}:active ne "true"`, `${user}:active ne true`],
    [
      quotedBooleans,
      'title eq "active eq \\"true\\"" or active eq "true"',
      'title eq "active eq \\"true\\"" or active eq true',
    ],
    [quotedBooleans, 'emails[value eq "["] or active eq "true"', 'emails[value eq "["] or active eq true'],
    [quotedBooleans, 'emails[not (primary EQ "true")]', 'emails[not (primary EQ true)]'],
    [quotedBooleans, 'roles[value eq "a" and primary eq "true"]', 'roles[value eq "a" and primary eq true]'],
    [
      legacyUrnsInText,
      'urn:scim:schemas:extension:enterprise:2.0:department eq "urn:scim:schemas:core:2.0"',
      `${enterprise}:department eq "urn:scim:schemas:core:2.0"`,
    ],
    [legacyUrnsInText, 'URN:scim:schemas:core:1.0:emails[type eq "x"]', `${user}:emails[type eq "x"]`],
    [bareExtensionNames, 'manager eq "manager eq 1"', `${enterprise}:manager eq "manager eq 1"`],
    [bareExtensionNames, 'not (Department pr)', `not (${enterprise}:Department pr)`],
    [bareExtensionNames, 'manager.value', `${enterprise}:manager.value`],
    [bareExtensionNames, 'manager[value eq "x"]', `${enterprise}:manager[value eq "x"]`],
    [bareExtensionNames, 'emails[manager eq "x"]', 'emails[manager eq "x"]'],
  ];
  for (const [repair, broken, right] of rows) {
    test(broken, () => {
      assert.equal(repair(broken, context), right);
      assert.equal(repair(right, context), right);
    });
  }

  test('leave broken text as it is, however long, in time that grows with it', () => {
    const length = 2_000_000;
    for (const part of ['"', '\\"', 'active eq "', 'emails[active eq "true', 'a', ' ', '\\']) {
      const text = part.repeat(length / part.length);
      assert.equal(textPieces(text).join(''), text);
      for (const repair of [quotedBooleans, bareExtensionNames, legacyUrnsInText])
        assert.equal(repair(text, context), text);
    }
  });

  test('lose no character', () => {
    const pieces = fc.array(fc.constantFrom('"', '\\', 'active', ' ', 'eq', '[', ']', '\n', '😀', '.'));
    fc.assert(
      fc.property(
        pieces.map((all) => all.join('')),
        (text) => {
          assert.equal(textPieces(text).join(''), text);
        },
      ),
    );
  });

  test('leave every right filter alone', () => {
    fc.assert(
      fc.property(arbitraryFilter(resourceType), (filter) => {
        const text = printFilter(filter);
        assert.equal(
          quotedBooleans(bareExtensionNames(legacyUrnsInText(text, context), context), context),
          text,
        );
      }),
    );
  });
});

suite('repairs of values', () => {
  const rows: readonly (readonly [string, JsonObject, JsonObject, readonly string[]])[] = [
    ['text for booleans', { active: 'False' }, { active: false }, ['textBooleans']],
    [
      'text for booleans in lists',
      { roles: [{ primary: 'TRUE' }] },
      { roles: [{ primary: true }] },
      ['textBooleans'],
    ],
    ['other text stays', { active: 'maybe', title: 'True' }, { active: 'maybe', title: 'True' }, []],
    [
      'empty text',
      { title: '', name: { givenName: '' } },
      { title: null, name: { givenName: null } },
      ['emptyText'],
    ],
    ['empty text in a required attribute stays', { userName: '' }, { userName: '' }, []],
    [
      'one value without its list',
      { emails: { value: 'a' } },
      { emails: [{ value: 'a' }] },
      ['oneWithoutList'],
    ],
    [
      'a list named twice',
      { roles: { Roles: [{ value: 'a' }] } },
      { roles: [{ value: 'a' }] },
      ['wrappedList'],
    ],
    ['a list of one', { title: ['a'] }, { title: 'a' }, ['valueAlone']],
    ['a list of two for one value stays', { title: ['a', 'b'] }, { title: ['a', 'b'] }, []],
    ['a value in a list of references', { title: [{ value: 'a' }] }, { title: 'a' }, ['valueInObject']],
    [
      'a truth value in a list of references',
      { active: [{ $ref: null, value: 'False' }] },
      { active: false },
      ['valueInObject', 'textBooleans'],
    ],
    ['an object where text belongs stays', { title: { value: 'a' } }, { title: { value: 'a' } }, []],
    ['JSON as text stays', { roles: [{ value: '{"id":"1"}' }] }, { roles: [{ value: '{"id":"1"}' }] }, []],
    [
      'text for objects in a list',
      { emails: ['a', { value: 'b' }] },
      { emails: [{ value: 'a' }, { value: 'b' }] },
      ['valueAlone'],
    ],
    ['text for a list of objects stays', { emails: 'a@example.com' }, { emails: 'a@example.com' }, []],
    ['empty text for a list', { emails: '', roles: [''] }, { emails: null, roles: [null] }, ['emptyText']],
    ['text for objects without a value stays', { addresses: ['a'] }, { addresses: ['a'] }, []],
  ];
  const find = (name: string) => resourceType.findAttribute(name);
  for (const [name, broken, right, repairs] of rows) {
    test(name, () => {
      const made = new Set<string>();
      assert.deepEqual(
        repairAttributes(frozen(broken), find, (repair) => made.add(repair)),
        right,
      );
      assert.deepEqual([...made], repairs);
      assert.equal(
        repairAttributes(right, find, () => assert.fail('nothing to repair')),
        right,
      );
    });
  }

  test('leave every right user alone, and what they repaired too', () => {
    fc.assert(
      fc.property(arbitraryUser, (user) => {
        const repaired = repairAttributes(user, find, () => {});
        assert.equal(
          repairAttributes(repaired, find, () => assert.fail('repaired twice')),
          repaired,
        );
        if (!JSON.stringify(user).includes('""')) assert.equal(repaired, user);
      }),
    );
  });

  test('the manager as text, list, object or nothing', () => {
    const inExtension = (name: string) => resourceType.findAttribute(name, enterprise);
    const managerOf = (manager: JsonValue) => repairAttributes({ manager }, inExtension, () => {}).manager;
    const right = { value: 'm' };
    for (const manager of ['m', ['m'], [{ value: 'm' }], right]) assert.deepEqual(managerOf(manager), right);
    for (const manager of ['', null, []]) assert.equal(managerOf(manager), null);
    assert.deepEqual(managerOf({ value: '' }), { value: null });
  });

  test('keys of the prototype are only keys', () => {
    const body = JSON.parse('{"__proto__": {"active": "True"}, "active": "True"}') as JsonObject;
    const repaired = repairAttributes(body, find, () => {});
    assert.deepEqual(Object.keys(repaired), ['__proto__', 'active']);
    assert.equal(Object.getPrototypeOf(repaired), Object.prototype);
    assert.equal(repaired.active, true);
  });
});
