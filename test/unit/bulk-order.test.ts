import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import type { BulkItem, BulkMethod, BulkOperation } from '../../gateway/scim/bulk-operation.ts';
import { type BulkUnit, batchUnits, orderOperations } from '../../gateway/scim/bulk-order.ts';
import { referencesOf } from '../../gateway/scim/bulk-references.ts';
import { ScimError } from '../../gateway/scim/scim-error.ts';

const { resourceTypes } = createSchemaRegistry();

function operation(
  index: number,
  method: BulkMethod,
  data: JsonObject,
  type = 'User',
  id = method === 'POST' ? '' : 'x',
): BulkOperation {
  const resourceType = resourceTypes.find(({ name }) => name === type);
  assert.ok(resourceType);
  return { index, method, bulkId: `${index}`, resourceType, id, data, references: referencesOf(id, data) };
}

/** Operations that create groups with these members, each the place of another or none. */
function groups(...members: readonly (readonly number[])[]): BulkOperation[] {
  return members.map((list, index) =>
    operation(index, 'POST', { members: list.map((other) => ({ value: `bulkId:${other}` })) }, 'Group'),
  );
}

function creations(...resources: readonly JsonObject[]): BulkOperation[] {
  return resources.map((data, index) => operation(index, 'POST', data));
}

/** The places of operations; a list within the list is a circle. */
function placesOf(units: readonly BulkUnit[]): (number | number[])[] {
  return units.map((unit) => ('circle' in unit ? unit.circle.map(({ index }) => index) : unit.index));
}

const ordered = (items: readonly BulkItem[]) => placesOf(orderOperations(items));
const batched = (items: readonly BulkItem[], atOnce = 64) =>
  batchUnits(orderOperations(items), atOnce).map(placesOf);

suite('the order of bulk operations', () => {
  test('is that of the request, but for those that refer to later ones (BLK-10, BLK-23)', () => {
    assert.deepEqual(ordered(groups([], [], [0, 1])), [0, 1, 2]);
    assert.deepEqual(ordered(groups([3], [], [0], [], [])), [3, 0, 1, 2, 4]);
    assert.deepEqual(ordered(groups([2, 1], [2], [])), [2, 1, 0]);
    // A bulkId that nothing has, and one of an operation that makes nothing.
    assert.deepEqual(ordered([...groups([7], [2]), operation(2, 'PUT', {})]), [0, 1, 2]);
    const refusal = new ScimError(400, 'refused');
    assert.deepEqual(ordered([{ index: 0, refusal }, ...groups([], [0]).slice(1)]), [0, 1]);
  });

  test('keeps circles together (BLK-11)', () => {
    assert.deepEqual(ordered(groups([1], [0])), [[0, 1]]);
    assert.deepEqual(ordered(groups([0])), [[0]]);
    assert.deepEqual(ordered(groups([1, 3], [2], [1], [])), [[1, 2], 3, 0]);
    assert.deepEqual(ordered(groups([2], [], [3], [0])), [[0, 2, 3], 1]);
  });

  test('has circles of creations alone', () => {
    const self = operation(0, 'PATCH', { Operations: [{ value: 'bulkId:0' }] });
    assert.deepEqual(ordered([self]), [0]);
  });

  test('follows chains as long as a request can have', () => {
    const chain = groups(...Array.from({ length: 1_000 }, (_, index) => [index + 1]));
    assert.deepEqual(ordered(chain), chain.map(({ index }) => index).reverse());
  });

  test('puts each after what it refers to, whatever that is; only those that lead to each other make a circle', () => {
    const graph = fc
      .integer({ min: 1, max: 9 })
      .chain((size) =>
        fc.array(fc.array(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }),
      );
    fc.assert(
      fc.property(graph, (members) => {
        const units = ordered(groups(...members)).map((unit) => [unit].flat());
        assert.deepEqual(
          units.flat().sort((a, b) => a - b),
          members.map((_, index) => index),
        );
        const unitOf = (index: number) => units.findIndex((unit) => unit.includes(index));
        for (const [index, list] of members.entries()) {
          for (const other of list) assert.ok(unitOf(other) <= unitOf(index));
          for (const other of members.keys()) {
            const together = leadsTo(members, index, other) && leadsTo(members, other, index);
            if (index !== other) assert.equal(unitOf(index) === unitOf(other), together);
          }
        }
      }),
    );
  });
});

suite('what bulk operations may run beside each other', () => {
  test('are creations that stand next to each other', () => {
    const items = creations({ userName: 'a' }, { userName: 'b' }, { userName: 'c' });
    assert.deepEqual(batched(items), [[0, 1, 2]]);
    assert.deepEqual(batched(items, 2), [[0, 1], [2]]);
    const others = (['PUT', 'PATCH', 'DELETE'] as const).map((method) => operation(1, method, {}));
    for (const other of [...others, { index: 1, refusal: new ScimError(400, 'refused') }]) {
      assert.deepEqual(batched([...items.slice(0, 1), other, ...items.slice(2)]), [[0], [1], [2]]);
    }
  });

  test('do not refer to each other', () => {
    assert.deepEqual(batched(groups([], [0], [0], [2])), [[0], [1, 2], [3]]);
    assert.deepEqual(batched(groups([], [2], [1], [], [])), [[0], [[1, 2]], [3, 4]]);
  });

  test('want no unique value that the directory might take for the same', () => {
    const pairs: [JsonObject, JsonObject][] = [
      [{ userName: 'Ada' }, { USERNAME: 'aDA' }],
      [{ userName: 'ΟΔΟΣ' }, { userName: 'οδοσ' }],
      [{ userName: 'Ａda' }, { userName: 'ada' }],
      [{ userName: 'é' }, { userName: 'É' }],
      [
        { userName: 'a', displayName: 'X' },
        { userName: 'b', displayName: 'x' },
      ],
    ];
    for (const pair of pairs) assert.deepEqual(batched(creations(...pair)), [[0], [1]], JSON.stringify(pair));
    const group = operation(1, 'POST', { displayName: 'x' }, 'Group');
    assert.deepEqual(batched([...creations({ displayName: 'x' }), group]), [[0, 1]]);
  });

  test('are patches of different resources that touch no unique value, and deletions of different ones', () => {
    const title = { Operations: [{ op: 'replace', path: 'title', value: 'x' }] };
    const rename = { Operations: [{ op: 'replace', value: { 'name.givenName': 'x', USERNAME: 'x' } }] };
    const patches = (data: JsonObject, ...ids: string[]) =>
      ids.map((id, index) => operation(index, 'PATCH', data, 'User', id));
    assert.deepEqual(batched(patches(title, 'a', 'b', 'a', 'c')), [
      [0, 1],
      [2, 3],
    ]);
    assert.deepEqual(batched(patches(rename, 'a', 'b')), [[0], [1]]);
    const deletions = ['a', 'b', 'b'].map((id, index) => operation(index, 'DELETE', {}, 'User', id));
    assert.deepEqual(batched(deletions), [[0, 1], [2]]);
    const mixed = [...patches(title, 'a'), operation(1, 'DELETE', {}, 'User', 'b')];
    assert.deepEqual(batched(mixed), [[0], [1]]);
    const sameId = [operation(0, 'DELETE', {}, 'User', 'a'), operation(1, 'DELETE', {}, 'Group', 'a')];
    assert.deepEqual(batched(sameId), [[0, 1]]);
    const replacements = ['a', 'b'].map((id, index) => operation(index, 'PUT', {}, 'User', id));
    assert.deepEqual(batched(replacements), [[0], [1]]);
  });
});

function leadsTo(members: readonly (readonly number[])[], from: number, to: number): boolean {
  const seen = new Set<number>();
  const next = [...(members[from] ?? [])];
  for (let index = next.pop(); index !== undefined; index = next.pop()) {
    if (index === to) return true;
    if (!seen.has(index)) next.push(...(members[index] ?? []));
    seen.add(index);
  }
  return false;
}
