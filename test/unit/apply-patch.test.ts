import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import { PatchOp } from '#proto/rollcall/scim/v1/patch.ts';
import { parseAttributePath } from '#scim/attribute-path.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { DirectoryError } from '../../services/directory/errors.ts';
import { applyPatch } from '../../services/directory/patch/apply-patch.ts';
import { frozen, type PatchStep, patchOperations } from '../support/patch-operations.ts';

const User = createSchemaRegistry().resourceType('User');
assert(User);
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

function patch(
  resource: JsonObject,
  steps: readonly PatchStep[],
  onNoTarget: OnNoTarget = OnNoTarget.ERROR,
): JsonObject {
  assert(User);
  return applyPatch(User, frozen(resource), patchOperations(User, steps), onNoTarget);
}

const ada: JsonObject = {
  userName: 'ada@example.com',
  title: 'Engineer',
  active: true,
  name: { givenName: 'Ada', familyName: 'Example' },
  emails: [
    { value: 'ada@example.com', type: 'work', primary: true },
    { value: 'ada@home.example', type: 'home' },
    { value: 'ada@other.example', type: 'other' },
  ],
  enterprise: { department: 'Sales', manager: { value: 'm1' } },
};
const { emails: _emails, ...adaWithoutMail } = ada;
const [work = null, home = null, other = null] = Array.isArray(ada.emails) ? ada.emails : [];

function without(resource: JsonObject, ...keys: string[]): JsonObject {
  return Object.fromEntries(Object.entries(resource).filter(([key]) => !keys.includes(key)));
}

const cases: [string, readonly PatchStep[], JsonObject][] = [
  ['add sets an unassigned attribute (PAT-33)', [['add', 'nickName', 'A']], { ...ada, nickName: 'A' }],
  ['add replaces a single value (PAT-34)', [['add', 'title', 'CEO']], { ...ada, title: 'CEO' }],
  [
    'add merges into a complex attribute (PAT-35)',
    [['add', 'name', { middleName: 'K' }]],
    { ...ada, name: { givenName: 'Ada', familyName: 'Example', middleName: 'K' } },
  ],
  [
    'add appends one value (PAT-36)',
    [['add', 'emails', { value: 'x@example.com' }]],
    { ...ada, emails: [work, home, other, { value: 'x@example.com' }] },
  ],
  [
    'add appends a list',
    [['add', 'emails', [{ value: 'x@example.com' }, { value: 'y@example.com' }]]],
    { ...ada, emails: [work, home, other, { value: 'x@example.com' }, { value: 'y@example.com' }] },
  ],
  ['add of an empty list adds nothing', [['add', 'emails', []]], ada],
  [
    'add sets a sub-attribute (PAT-38)',
    [['add', 'name.givenName', 'B']],
    { ...ada, name: { givenName: 'B', familyName: 'Example' } },
  ],
  [
    'add with a filter merges into what it selects (PAT-39)',
    [['add', 'emails[type eq "home"]', { display: 'Home' }]],
    { ...ada, emails: [work, { value: 'ada@home.example', type: 'home', display: 'Home' }, other] },
  ],
  ['remove unassigns (PAT-51)', [['remove', 'title']], without(ada, 'title')],
  ['remove with a value only removes', [['remove', 'title', 'X']], without(ada, 'title')],
  ['remove unassigns all values (PAT-52)', [['remove', 'emails']], without(ada, 'emails')],
  [
    'remove takes selected values only (PAT-53)',
    [['remove', 'emails[type eq "home"]']],
    { ...ada, emails: [work, other] },
  ],
  [
    'remove of the first and the third takes these',
    [
      ['remove', 'emails[type eq "WORK"]'],
      ['remove', 'emails[type eq "other"]'],
    ],
    { ...ada, emails: [home] },
  ],
  ['remove of the last value unassigns (PAT-54)', [['remove', 'emails[value pr]']], without(ada, 'emails')],
  [
    'remove unassigns a part of selected values (PAT-55)',
    [['remove', 'emails[type eq "work"].primary']],
    { ...ada, emails: [{ value: 'ada@example.com', type: 'work' }, home, other] },
  ],
  [
    'remove of what is not there is a success (PAT-57)',
    [
      ['remove', 'emails[type eq "fax"]'],
      ['remove', 'nickName'],
      ['remove', 'emails[type eq "fax"].value'],
    ],
    ada,
  ],
  [
    'remove follows any filter (PAT-58)',
    [['remove', 'emails[not (type eq "work") and value ew "home.example"]']],
    { ...ada, emails: [work, other] },
  ],
  [
    'remove of the last sub-attribute unassigns the attribute',
    [
      ['remove', 'name.givenName'],
      ['remove', 'name.familyName'],
    ],
    without(ada, 'name'),
  ],
  [
    'remove of the last enterprise attribute leaves no extension',
    [
      ['remove', `${enterprise}:department`],
      ['remove', `${enterprise}:manager.value`],
    ],
    without(ada, 'enterprise'),
  ],
  ['remove of an extension takes all of it (PAT-14)', [['remove', enterprise]], without(ada, 'enterprise')],
  [
    'replace of a whole extension merges it',
    [['replace', enterprise, { costCenter: '7', nope: 1 }]],
    { ...ada, enterprise: { department: 'Sales', manager: { value: 'm1' }, costCenter: '7' } },
  ],
  [
    'add makes an extension (PAT-13)',
    [
      ['remove', enterprise],
      ['add', `${enterprise}:employeeNumber`, '7'],
    ],
    { ...ada, enterprise: { employeeNumber: '7' } },
  ],
  [
    'replace of a complex attribute keeps what is not listed (PAT-74)',
    [['replace', 'name', { givenName: 'B', familyName: null }]],
    { ...ada, name: { givenName: 'B' } },
  ],
  [
    'replace of the manager leaves out what is computed',
    [['replace', `${enterprise}:manager`, { value: 'm2', $ref: 'x', displayName: 'M' }]],
    { ...ada, enterprise: { department: 'Sales', manager: { value: 'm2' } } },
  ],
  [
    'replace changes all values (PAT-72)',
    [['replace', 'emails', [{ value: 'x@example.com' }]]],
    { ...ada, emails: [{ value: 'x@example.com' }] },
  ],
  [
    'replace swaps selected values (PAT-75)',
    [['replace', 'emails[type eq "home"]', { value: 'x@example.com', type: 'home' }]],
    { ...ada, emails: [work, { value: 'x@example.com', type: 'home' }, other] },
  ],
  [
    'replace sets a part of every selected value (PAT-76)',
    [['replace', 'emails[not (type eq "work")].display', 'D']],
    {
      ...ada,
      emails: [
        work,
        { value: 'ada@home.example', type: 'home', display: 'D' },
        { value: 'ada@other.example', type: 'other', display: 'D' },
      ],
    },
  ],
  [
    'replace with null or an empty list unassigns (PAT-78)',
    [
      ['replace', 'title', null],
      ['replace', 'emails', []],
      ['replace', enterprise, null],
    ],
    without(ada, 'title', 'emails', 'enterprise'),
  ],
  ['replace deactivates', [['replace', 'active', false]], { ...ada, active: false }],
  ['add deactivates', [['add', 'active', false]], { ...ada, active: false }],
  [
    'a new primary value demotes the others (PAT-18)',
    [['add', 'emails', { value: 'x@example.com', primary: true }]],
    {
      ...ada,
      emails: [
        { value: 'ada@example.com', type: 'work', primary: false },
        home,
        other,
        { value: 'x@example.com', primary: true },
      ],
    },
  ],
  [
    'a value made primary demotes the one after it',
    [
      ['replace', 'emails[type eq "home"].primary', true],
      ['replace', 'emails[type eq "work"].primary', true],
    ],
    { ...ada, emails: [work, { value: 'ada@home.example', type: 'home', primary: false }, other] },
  ],
  [
    'the last of several new primaries wins',
    [
      [
        'replace',
        'emails',
        [
          { value: 'x', primary: true },
          { value: 'y', primary: true },
        ],
      ],
    ],
    {
      ...ada,
      emails: [
        { value: 'x', primary: false },
        { value: 'y', primary: true },
      ],
    },
  ],
  [
    'operations see what those before them did (PAT-08)',
    [
      ['add', 'nickName', 'a'],
      ['replace', 'nickName', 'b'],
      ['remove', 'nickName'],
    ],
    ada,
  ],
  [
    'a value that comes twice stays as it is, but can become primary (GET-08)',
    [['add', 'emails', { value: 'ADA@home.example', type: 'Home', display: 'x', primary: true }]],
    {
      ...ada,
      emails: [
        { value: 'ada@example.com', type: 'work', primary: false },
        { value: 'ada@home.example', type: 'home', primary: true },
        other,
      ],
    },
  ],
  [
    'a value that becomes like another is dropped (GET-08)',
    [
      ['replace', 'emails[type eq "other"].value', 'ada@home.example'],
      ['replace', 'emails[type eq "other"].type', 'home'],
    ],
    { ...ada, emails: [work, home] },
  ],
  [
    'a value without primary is one that is not primary (MV-02)',
    [['remove', 'emails[primary eq false]']],
    { ...ada, emails: [work] },
  ],
  ['a password is left alone', [['replace', 'password', 'secret']], ada],
  [
    'unknown parts of a value are ignored',
    [['add', 'emails', { value: 'x@example.com', label: 'y' }]],
    { ...ada, emails: [work, home, other, { value: 'x@example.com' }] },
  ],
];

describe('applyPatch', () => {
  for (const [name, steps, expected] of cases) {
    it(name, () => assert.deepEqual(patch(ada, steps), expected));
  }

  it('gives back the same object when nothing changes (PAT-37)', () => {
    assert.equal(patch(ada, [['add', 'emails', [home, work]]]), ada);
    assert.equal(
      patch(ada, [['add', 'emails', { value: 'ADA@example.com', type: 'WORK', display: 'A' }]]),
      ada,
    );
    assert.equal(patch(ada, [['replace', 'name', { givenName: 'Ada' }]]), ada);
    assert.equal(
      patch(ada, [
        ['replace', 'title', 'X'],
        ['replace', 'title', 'Engineer'],
      ]),
      ada,
    );
    assert.equal(patch(ada, [['replace', 'emails[type eq "work"].primary', true]]), ada);
  });

  describe('when nothing is selected', () => {
    const mobile: PatchStep = ['add', 'phoneNumbers[type eq "mobile"].value', '+1 555 0100'];
    it('creates one value for several operations with one filter, when asked to', () => {
      const steps: PatchStep[] = [mobile, ['replace', 'phoneNumbers[type eq "mobile"].display', 'Mobile']];
      const expected = [{ type: 'mobile', value: '+1 555 0100', display: 'Mobile' }];
      assert.deepEqual(patch(ada, steps, OnNoTarget.CREATE).phoneNumbers, expected);
    });
    it('creates it from every eq term, primary among them', () => {
      const result = patch(
        ada,
        [['replace', 'emails[type eq "fax" and primary eq true].value', 'f@x']],
        OnNoTarget.CREATE,
      );
      const expected = [
        { ...Object(work), primary: false },
        home,
        other,
        { type: 'fax', primary: true, value: 'f@x' },
      ];
      assert.deepEqual(result.emails, expected);
    });
    it('creates a whole value', () => {
      const result = patch(
        adaWithoutMail,
        [['replace', 'emails[type eq "work"]', { value: 'w@x' }]],
        OnNoTarget.CREATE,
      );
      assert.deepEqual(result.emails, [{ type: 'work', value: 'w@x' }]);
    });
    it('creates nothing for null', () => {
      assert.equal(patch(ada, [['replace', 'emails[type eq "fax"].value', null]], OnNoTarget.CREATE), ada);
    });
    it('creates nothing that the filter would not select', () => {
      refuses(
        ada,
        ['add', 'emails[type sw "f"].value', 'f@x'],
        ErrorReason.NO_TARGET,
        'emails.value',
        OnNoTarget.CREATE,
      );
    });
    it('refuses otherwise (PAT-77)', () => {
      refuses(ada, mobile, ErrorReason.NO_TARGET, 'phoneNumbers.value');
      refuses(ada, ['replace', 'emails[type eq "fax"]', { value: 'f' }], ErrorReason.NO_TARGET, 'emails');
      refuses(adaWithoutMail, ['add', 'emails.value', 'x'], ErrorReason.NO_TARGET, 'emails.value');
    });
  });

  function refuses(
    resource: JsonObject,
    step: PatchStep,
    reason: ErrorReason,
    attribute: string,
    onNoTarget = OnNoTarget.ERROR as OnNoTarget,
  ) {
    assert.throws(
      () => patch(resource, [['replace', 'title', 'changed before'], step], onNoTarget),
      (error) => {
        assert(error instanceof DirectoryError, String(error));
        assert.equal(error.reason, reason);
        assert.deepEqual(error.metadata, { attribute, operation: '1' });
        return true;
      },
    );
  }

  const refusals: [string, PatchStep, ErrorReason, string][] = [
    ['to remove a required attribute (PAT-56)', ['remove', 'userName'], ErrorReason.MUTABILITY, 'userName'],
    ['to unassign a required attribute', ['replace', 'userName', null], ErrorReason.MUTABILITY, 'userName'],
    ['to change an id (PAT-16)', ['replace', 'id', 'x'], ErrorReason.MUTABILITY, 'id'],
    ['to remove an id', ['remove', 'id'], ErrorReason.MUTABILITY, 'id'],
    ['to change meta', ['replace', 'meta.created', 'x'], ErrorReason.MUTABILITY, 'meta.created'],
    ['to change groups (PAT-81)', ['add', 'groups', [{ value: 'g' }]], ErrorReason.MUTABILITY, 'groups'],
    [
      'to name a manager',
      ['add', `${enterprise}:manager.displayName`, 'M'],
      ErrorReason.MUTABILITY,
      `${enterprise}:manager.displayName`,
    ],
    ['a value of another type (PAT-19)', ['replace', 'active', 'maybe'], ErrorReason.VALUE_INVALID, 'active'],
    ['a part of another type', ['add', 'emails', { value: 1 }], ErrorReason.VALUE_INVALID, 'emails.value'],
    [
      'a part of another type, by its path',
      ['add', 'emails[type eq "work"].value', 1],
      ErrorReason.VALUE_INVALID,
      'emails.value',
    ],
    ['text for a complex attribute', ['replace', 'name', 'Ada'], ErrorReason.VALUE_INVALID, 'name'],
    [
      'text for the manager',
      ['replace', `${enterprise}:manager`, 'x'],
      ErrorReason.VALUE_INVALID,
      `${enterprise}:manager`,
    ],
    ['text for an extension', ['replace', enterprise, 'x'], ErrorReason.VALUE_INVALID, enterprise],
  ];
  for (const [name, step, reason, attribute] of refusals)
    it(`refuses ${name}`, () => refuses(ada, step, reason, attribute));

  it('refuses a path that the schema does not have', () => {
    for (const path of [
      { extension: '', attribute: 'hairColor', subAttribute: '' },
      { extension: '', attribute: 'name', subAttribute: 'nope' },
      { extension: 'urn:example:x', attribute: '', subAttribute: '' },
    ]) {
      const operation = { op: PatchOp.ADD, path, value: 'x', index: 0 };
      assert.throws(() => applyPatch(User, ada, [operation], OnNoTarget.ERROR), {
        reason: ErrorReason.PATH_INVALID,
      });
    }
    const pathless = { op: PatchOp.REMOVE, path: undefined, index: 0 };
    assert.throws(() => applyPatch(User, ada, [pathless], OnNoTarget.ERROR), {
      reason: ErrorReason.NO_TARGET,
    });
  });

  it('refuses a value filter before it looks for values', () => {
    const path = parseAttributePath(User, 'phoneNumbers[type eq "x"]');
    const inside = { extension: '', attribute: 'nope', subAttribute: '' };
    const broken = { ...path, valueFilter: { node: { $case: 'present' as const, value: inside } } };
    const operation = { op: PatchOp.REMOVE, path: broken, index: 0 };
    assert.throws(() => applyPatch(User, ada, [operation], OnNoTarget.ERROR), {
      reason: ErrorReason.FILTER_INVALID,
    });
  });

  it('names no value of a person in a refusal', () => {
    assert.throws(
      () => patch(ada, [['add', 'emails[value eq "secret@example.com"].display', 'D']]),
      (error) =>
        error instanceof DirectoryError &&
        !JSON.stringify([error.message, error.metadata]).includes('secret'),
    );
  });
});
