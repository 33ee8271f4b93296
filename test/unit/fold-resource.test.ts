import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { foldText } from '../../services/directory/filter/fold-value.ts';
import {
  claimedEntries,
  foldResource,
  lookupEntries,
  uniqueEntries,
} from '../../services/directory/mongo/fold.ts';

const registry = createSchemaRegistry();
const User = registry.resourceType('User');
const Group = registry.resourceType('Group');
const userName = User?.findAttribute('userName');
const title = User?.findAttribute('title');
const externalId = User?.findAttribute('externalId');
assert(User && Group && userName && title && externalId);

describe('folding', () => {
  it('makes equal what differs in case or composition only (FLT-04, FLT-40)', () => {
    assert.equal(foldText(title, 'E\u0301TIENNE'), foldText(title, 'étienne'));
    assert.equal(foldText(title, 'ΟΔΟΣ'), foldText(title, 'οδοσ'));
    assert.equal(foldText(title, '\u212b'), foldText(title, 'å'));
  });

  it('maps the width of userName only (RFC 8265)', () => {
    assert.equal(foldText(userName, 'ＡＤＡ＠example'), 'ada@example');
    assert.notEqual(foldText(title, 'Ａ'), foldText(title, 'a'));
  });

  it('keeps text whose case matters (FLT-05)', () => {
    assert.equal(foldText(externalId, 'E\u0301'), 'E\u0301');
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(userName, title, externalId),
        (text, attribute) => {
          const once = foldText(attribute, text);
          assert.equal(foldText(attribute, once), once);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  const resource = {
    userName: 'Ada@Example.com',
    externalId: 'X1',
    active: false,
    emails: [{ value: 'A@x', type: 'Work', primary: true }, { value: 'a@X' }, { type: 'home' }],
    enterprise: { department: 'Sales', manager: { value: 'M1', displayName: 'never stored' } },
    unknown: 'x',
  };

  it('holds every stored attribute as filters compare it', () => {
    assert.deepEqual(foldResource(User, resource), {
      userName: 'ada@example.com',
      externalId: 'X1',
      active: false,
      emails: [{ value: 'a@x', type: 'work', primary: true }, { value: 'a@x' }, { type: 'home' }],
      enterprise: { department: 'sales', manager: { value: 'M1' } },
    });
    assert.deepEqual(foldResource(User, {}), {});
  });

  it('makes one entry for each unique and each indexed value', () => {
    assert.deepEqual(uniqueEntries(User, 'u1', resource), ['id=u1', 'userName=ada@example.com']);
    assert.deepEqual(lookupEntries(User, resource), ['externalId=X1', 'emails.value=a@x']);
    assert.deepEqual(lookupEntries(User, {}), []);
  });

  it('claims the name of a group when asked, and stores the same entries either way', () => {
    const group = { displayName: 'Sales' };
    const claimed = (type: ResourceType, uniqueGroupNames: boolean) =>
      claimedEntries(type, 'x', group, { uniqueGroupNames });
    assert.deepEqual(claimed(Group, true), ['id=x', 'displayName=sales']);
    assert.deepEqual(claimed(Group, false), ['id=x']);
    assert.deepEqual(claimed(User, true), ['id=x']);
    assert.deepEqual(uniqueEntries(Group, 'x', group), ['id=x']);
    assert.deepEqual(lookupEntries(Group, group), ['displayName=sales']);
  });
});
