import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { createValueTest } from '../../services/directory/filter/value-test.ts';
import { arbitraryValue, arbitraryValueFilter } from '../support/arbitrary-user.ts';
import { naiveMatch } from '../support/naive-filter.ts';

const emails = createSchemaRegistry().resourceType('User')?.findAttribute('emails');
const members = createSchemaRegistry().resourceType('Group')?.findAttribute('members');
assert(emails && members);

function eq(attribute: string, value: string | boolean): Filter {
  const literal =
    typeof value === 'string' ? ({ $case: 'text', value } as const) : ({ $case: 'boolean', value } as const);
  const path = { extension: '', attribute, subAttribute: '' };
  return {
    node: {
      $case: 'comparison',
      value: { path, operator: ComparisonOperator.EQ, literal: { value: literal } },
    },
  };
}

describe('createValueTest', () => {
  it('selects what RFC 7644 says, whatever the filter (PAT-58)', () => {
    fc.assert(
      fc.property(arbitraryValue, arbitraryValueFilter, (value, filter) => {
        assert.equal(createValueTest(emails, filter)(value), naiveMatch(value, filter, 'emails'));
      }),
      { numRuns: 2_000 },
    );
  });

  it('selects members', () => {
    const member = { value: 'b', type: 'User' };
    assert.equal(createValueTest(members, eq('type', 'user'))(member), true);
    assert.equal(createValueTest(members, eq('value', 'a'))(member), false);
  });

  it('selects by any of several values of a part', () => {
    const [value] = emails.subAttributes;
    assert(value);
    const tagged = {
      ...emails,
      subAttributes: [{ ...value, name: 'tags', field: 'tags', multiValued: true }],
    };
    const element = { tags: ['a', 'b'] };
    assert.equal(createValueTest(tagged, eq('tags', 'B'))(element), true);
    assert.equal(createValueTest(tagged, eq('tags', 'c'))(element), false);
    assert.equal(createValueTest(tagged, eq('tags', 'a'))({}), false);
  });

  it('refuses what the attribute does not have, and what is too large', () => {
    const many = Array.from({ length: 101 }, () => eq('value', 'x'));
    const refused: Filter[] = [
      eq('nope', 'x'),
      eq('primary', 'true'),
      { node: undefined },
      { node: { $case: 'and', value: { filters: [] } } },
      { node: { $case: 'or', value: { filters: many } } },
    ];
    for (const filter of refused) {
      assert.throws(() => createValueTest(emails, filter)({}), { reason: ErrorReason.FILTER_INVALID });
    }
    assert.throws(() => createValueTest(members, eq('$ref', 'x'))({}), {
      reason: ErrorReason.FILTER_INVALID,
    });
  });
});
