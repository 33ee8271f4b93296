import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { divideResource, referencesOf, resolveBulkIds } from '../../gateway/scim/bulk-references.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const idOf = (bulkId: string) => `id of ${bulkId}`;

suite('references to bulkIds', () => {
  test('are texts that are nothing else, at any depth (BLK-08, BLK-09)', () => {
    const data = {
      displayName: 'see bulkId:a',
      title: 'BULKID:a',
      'bulkId:a': 1,
      members: [{ value: 'bulkId:a' }, { value: 'x' }, 'bulkId:b'],
      [enterprise]: { manager: { value: 'bulkId:c d"e' } },
    };
    assert.deepEqual(resolveBulkIds(data, idOf), {
      ...data,
      members: [{ value: 'id of a' }, { value: 'x' }, 'id of b'],
      [enterprise]: { manager: { value: 'id of c d"e' } },
    });
    assert.deepEqual([...referencesOf('x', data)], ['a', 'b', 'c d"e']);
  });

  test('are found in the id of a path, and in the filters of PATCH paths (BLK-29)', () => {
    const path = 'members[value eq "bulkId:a" or value eq "bulkId:b\\"]" or display eq "my bulkId:c"]';
    const data = { Operations: [{ op: 'remove', path }], displayName: 'x["bulkId:d"]' };
    assert.deepEqual([...referencesOf('bulkId:e', data)], ['e', 'a', 'b"]']);
    assert.deepEqual(resolveBulkIds(data, idOf), {
      Operations: [
        {
          op: 'remove',
          path: 'members[value eq "id of a" or value eq "id of b\\"]" or display eq "my bulkId:c"]',
        },
      ],
      displayName: 'x["bulkId:d"]',
    });
    const broken = { Operations: [{ path: 'members[value eq "bulkId:\\x"]' }] };
    assert.equal(resolveBulkIds(broken, idOf), broken);
  });

  test('cost no copy where there are none', () => {
    const data = { name: { givenName: 'A' }, emails: [{ value: 'a' }], members: [{ value: 'bulkId:a' }] };
    const resolved = resolveBulkIds(data, idOf);
    assert.equal(resolved.emails, data.emails);
    assert.equal(resolved.name, data.name);
    const { members: _, ...none } = data;
    assert.equal(resolveBulkIds(none, idOf), none);
  });
});

suite('a resource that refers to what is not there yet (BLK-11)', () => {
  const isMissing = (bulkId: string) => bulkId === 'b';

  test('leaves the elements of a list, and other attributes whole, for later', () => {
    const data = {
      schemas: ['x'],
      members: [{ value: 'bulkId:a' }, { value: 'bulkId:b' }, { value: 'c' }],
      [enterprise]: { manager: { value: 'bulkId:b', displayName: 'B' }, department: 'D' },
      externalId: 'bulkId:b',
    };
    assert.deepEqual(divideResource(data, isMissing), {
      now: {
        schemas: ['x'],
        members: [{ value: 'bulkId:a' }, { value: 'c' }],
        [enterprise]: { department: 'D' },
      },
      later: {
        members: [{ value: 'bulkId:b' }],
        [enterprise]: { manager: { value: 'bulkId:b', displayName: 'B' } },
        externalId: 'bulkId:b',
      },
    });
  });

  test('is whole when nothing is missing', () => {
    const data = { members: [{ value: 'bulkId:a' }] };
    assert.deepEqual(divideResource(data, isMissing), { now: data, later: {} });
  });
});
