import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  ConnectionStatus,
  OnDelete,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { MemberChange } from '#proto/rollcall/scim/v1/patch.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import type { ConnectionSettings, MemberKind, Reader } from '../../services/directory/decision.ts';
import { DirectoryError } from '../../services/directory/errors.ts';
import {
  decideMembers,
  loadMembers,
  type MemberDiff,
  maxMemberIds,
  membershipRecords,
  noOperation,
  planMemberChanges,
} from '../../services/directory/membership-changes.ts';
import { createBatchState } from '../../services/directory/mongo/batch-state.ts';
import { members, resourceTypes } from '../support/connection-driver.ts';

const type = resourceTypes.group;
const group = idOfNumber(0);

/** A UUIDv7; those of multiples of four are groups. */
function idOfNumber(number: number): string {
  return `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

function kindOf(id: string): MemberKind {
  return Number(id.slice(-12)) % 4 === 0 ? 'Group' : 'User';
}

/** Plans, loads and decides changes of a group's members; `known` are the ids that name something. */
async function decide(
  current: ReadonlySet<string>,
  known: ReadonlySet<string>,
  changes: readonly Parameters<typeof MemberChange.fromPartial>[0][],
): Promise<MemberDiff> {
  const head = {
    _id: 'acme1234',
    connection: 'acme1234',
    position: 0,
    floor: 1,
    users: 0,
    groups: 0,
    nextUser: 1,
    nextGroup: 1,
    draining: [],
    status: ConnectionStatus.ACTIVE,
  };
  const settings: ConnectionSettings = {
    id: 'acme1234',
    uniqueGroupNames: true,
    requiredAttributes: [],
    onDelete: OnDelete.REMOVE,
    unknownAttributes: UnknownAttributes.DROP,
    extensionsRevision: '',
    refolding: [],
    registry: createSchemaRegistry(),
  };
  const state = createBatchState(head, settings);
  const edgeOf = (member: string) => ({ group, member, kind: kindOf(member) });
  const reader: Reader = {
    settings,
    resource: async () => undefined,
    owner: async () => undefined,
    edgesOfMember: async () => [],
    firstEdgesOfGroup: async () => ({ edges: [], complete: true }),
    async memberKind(id) {
      const kind = known.has(id) ? kindOf(id) : undefined;
      state.loadedMemberKind(id, kind);
      return kind;
    },
    async edge(of, member) {
      const edge = current.has(member) ? edgeOf(member) : undefined;
      state.loadedEdge(of, member, edge);
      return edge;
    },
    resourcesOfOneValue: async () => [],
    query: () => assert.fail('nothing is queried'),
    async *edgesOfGroup() {
      for (const member of current) yield edgeOf(member);
    },
  };
  const plan = planMemberChanges(
    type,
    changes.map((change) => MemberChange.fromPartial(change)),
  );
  const unnamed = await loadMembers(reader, group, plan);
  return decideMembers(state, group, plan, unnamed);
}

/** The same, one id after the other. */
function apply(current: ReadonlySet<string>, steps: readonly Step[]): Set<string> {
  const result = new Set(current);
  for (const step of steps) {
    const ids = 'numbers' in step ? step.numbers.map(idOfNumber) : [];
    if (step.kind === 'replace') result.clear();
    for (const id of ids) result[step.kind === 'remove' ? 'delete' : 'add'](id);
    if (step.kind === 'remove users') for (const id of result) if (kindOf(id) === 'User') result.delete(id);
    if (step.kind === 'remove all but')
      for (const id of result) if (id !== idOfNumber(step.number)) result.delete(id);
  }
  return result;
}

type Step =
  | { readonly kind: 'add' | 'remove' | 'replace'; readonly numbers: readonly number[] }
  | { readonly kind: 'remove users' }
  | { readonly kind: 'remove all but'; readonly number: number };

function changeOf(step: Step) {
  if (step.kind === 'remove users') return members.removeWhere('type eq "user"');
  if (step.kind === 'remove all but') return members.removeWhere(`value ne "${idOfNumber(step.number)}"`);
  return members[step.kind](...step.numbers.map(idOfNumber));
}

const number = fc.nat(15);
const numbers = fc.array(number, { maxLength: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add', 'remove', 'replace'), numbers }),
  fc.record({ kind: fc.constant('remove users') }),
  fc.record({ kind: fc.constant('remove all but'), number }),
);

suite('member changes', () => {
  test('do together what they would do one after the other', async () => {
    const everyone = new Set(Array.from({ length: 16 }, (_, index) => idOfNumber(index)));
    await fc.assert(
      fc.asyncProperty(numbers, fc.array(step, { maxLength: 8 }), async (present, steps) => {
        const current = new Set(present.map(idOfNumber));
        const { added, removed } = await decide(current, everyone, steps.map(changeOf));
        const expected = apply(current, steps);
        assert.deepEqual(added.map(({ member }) => member).sort(), [...expected.difference(current)].sort());
        assert.deepEqual(
          removed.map(({ member }) => member).sort(),
          [...current.difference(expected)].sort(),
        );
        for (const edge of [...added, ...removed])
          assert.deepEqual(edge, { group, member: edge.member, kind: kindOf(edge.member) });
      }),
      { numRuns: 500 },
    );
  });

  test('are refused for an id that names nothing, with the operation that added it last', async () => {
    const [known, unknown] = [idOfNumber(1), idOfNumber(2)];
    const add = (id: string, index: number) => ({ ...members.add(id), index });
    const refusal = async (index: number) => {
      const [result] = await Promise.allSettled([
        decide(new Set(), new Set([known]), [add(known, 0), add(unknown, 1), add(unknown, index)]),
      ]);
      assert.ok(result.status === 'rejected' && result.reason instanceof DirectoryError);
      assert.equal(result.reason.reason, ErrorReason.MEMBER_NOT_FOUND);
      return result.reason.metadata;
    };
    assert.deepEqual(await refusal(7), { member: unknown, operation: '7' });
    assert.deepEqual(await refusal(noOperation), { member: unknown });
  });

  test('add no member that is one, and ask nothing about it', async () => {
    const id = idOfNumber(1);
    const diff = await decide(new Set([id]), new Set(), [members.add(id)]);
    assert.deepEqual(diff, { added: [], removed: [] });
  });

  test('name at most 100,000 ids', () => {
    const ids = (count: number) => Array.from({ length: count }, (_, index) => idOfNumber(index));
    const plan = (...counts: number[]) =>
      planMemberChanges(
        type,
        counts.map((count) => MemberChange.fromPartial(members.add(...ids(count)))),
      );
    assert.equal(plan(maxMemberIds).named.size, maxMemberIds);
    for (const counts of [[maxMemberIds + 1], [maxMemberIds - 1, 2]])
      assert.throws(
        () => plan(...counts),
        (error) => error instanceof DirectoryError && error.reason === ErrorReason.LIMIT_EXCEEDED,
      );
  });

  test('travel alone when they are many or need the whole list, and only then', () => {
    const plan = (...changes: Parameters<typeof MemberChange.fromPartial>[0][]) =>
      planMemberChanges(
        type,
        changes.map((change) => MemberChange.fromPartial(change)),
      );
    const many = Array.from({ length: 401 }, (_, index) => idOfNumber(index));
    assert.equal(plan(members.add(...many.slice(1)), members.remove(idOfNumber(1))).alone, false);
    for (const change of [members.add(...many), members.replace(), members.removeWhere('value pr')])
      assert.equal(plan(change).alone, true);
  });
});

suite('the records of a change of members', () => {
  test('name everyone once, at most 1,000 each', () => {
    fc.assert(
      fc.property(fc.nat(2_500), fc.nat(2_500), (addedCount, removedCount) => {
        const edges = (count: number, offset: number) =>
          Array.from({ length: count }, (_, index) => ({
            group,
            member: idOfNumber(offset + index),
            kind: 'User' as const,
          }));
        const diff = { added: edges(addedCount, 0), removed: edges(removedCount, 10_000) };
        const records = membershipRecords(group, 7, diff);
        assert.equal(records.length, Math.ceil((addedCount + removedCount) / 1_000));
        for (const record of records) {
          assert.ok(record.added.length + record.removed.length <= 1_000);
          assert.deepEqual([record.group, record.version], [group, 7]);
        }
        assert.deepEqual(
          records.flatMap(({ added }) => added),
          diff.added.map(({ member }) => member),
        );
        assert.deepEqual(
          records.flatMap(({ removed }) => removed),
          diff.removed.map(({ member }) => member),
        );
      }),
      { numRuns: 30 },
    );
  });
});
