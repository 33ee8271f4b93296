import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { MemberChange } from '#proto/rollcall/scim/v1/patch.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Edge, MemberKind, MembershipChangeContent, Reader, View } from './decision.ts';
import { DirectoryError } from './errors.ts';
import { createValueTest, type ValueTest } from './filter/value-test.ts';
import { isResourceId } from './mongo/documents.ts';

/** How many ids the member changes of one request may name. */
export const maxMemberIds = 100_000;
/** How many members one change record names. */
export const maxRecordMembers = 1_000;

/** The operation index of a member list that is no operation of a PATCH; errors then name none. */
export const noOperation = -1;

// Beyond this a command gets a transaction of its own.
const smallPlan = 400;

/** A sequence of member changes in normal form. */
export interface MemberPlan {
  /** Whether members stay that the plan does not name. */
  readonly keepOthers: boolean;
  /** What becomes of the ids it names. */
  readonly named: ReadonlyMap<string, Named>;
  /** Members that it does not name end when one of these matches. */
  readonly endWhere: readonly ValueTest[];
  /** Whether it needs the group's whole member list. */
  readonly needsAll: boolean;
  /** Whether it must travel alone. */
  readonly alone: boolean;
}

interface Named {
  readonly member: boolean;
  readonly operation: number;
  /** What came after it became a member: when one matches, it is none. */
  readonly endWhere: readonly ValueTest[];
}

/** What a plan does to a group. */
export interface MemberDiff {
  /** Memberships that begin. */
  readonly added: readonly Edge[];
  /** Memberships that end. */
  readonly removed: readonly Edge[];
}

/**
 * Brings member changes into normal form: what the last word is on each id. LIMIT_EXCEEDED beyond 100,000 ids,
 * FILTER_INVALID for a filter that no member can be tested by.
 */
export function planMemberChanges(type: ResourceType, changes: readonly MemberChange[]): MemberPlan {
  let keepOthers = true;
  let endWhere: ValueTest[] = [];
  let count = 0;
  const named = new Map<string, Named>();
  for (const { change, index } of changes) {
    if (!change) continue;
    if (change.$case === 'removeWhere') {
      const test = memberTest(type, change.value);
      endWhere.push(test);
      for (const [id, { member, operation, endWhere: earlier }] of named) {
        if (member) named.set(id, { member, operation, endWhere: [...earlier, test] });
      }
      continue;
    }
    const { ids } = change.value;
    count += ids.length;
    if (count > maxMemberIds) {
      throw new DirectoryError(
        ErrorReason.LIMIT_EXCEEDED,
        `One request may change at most ${maxMemberIds} members; send the rest in further requests.`,
        { limit: 'member changes', maximum: String(maxMemberIds) },
      );
    }
    if (change.$case === 'replace') {
      keepOthers = false;
      endWhere = [];
      named.clear();
    }
    for (const id of ids)
      named.set(id, { member: change.$case !== 'remove', operation: index, endWhere: [] });
  }
  const needsAll = !keepOthers || endWhere.length > 0;
  return { keepOthers, named, endWhere, needsAll, alone: needsAll || named.size > smallPlan };
}

/** The load of a plan; for one that needs the whole list, returns what it ends among the members it does not name. */
export async function loadMembers(reader: Reader, group: string, plan: MemberPlan): Promise<readonly Edge[]> {
  const unnamedRemoved: Edge[] = [];
  const wanted = [...plan.named.keys()].filter(isResourceId);
  if (plan.needsAll) {
    for await (const edge of reader.edgesOfGroup(group)) {
      if (plan.named.has(edge.member)) continue;
      if (!plan.keepOthers || matchesAny(plan.endWhere, edge.member, edge.kind)) unnamedRemoved.push(edge);
    }
  }
  const edges = await Promise.all(wanted.map((member) => reader.edge(group, member)));
  const unknown = wanted.filter((id, index) => !edges[index] && plan.named.get(id)?.member);
  await Promise.all(unknown.map((id) => reader.memberKind(id)));
  return unnamedRemoved;
}

/** Decides a plan. MEMBER_NOT_FOUND when it adds an id that names nothing. */
export function decideMembers(
  view: View,
  group: string,
  plan: MemberPlan,
  unnamedRemoved: readonly Edge[],
): MemberDiff {
  const added: Edge[] = [];
  const removed: Edge[] = [...unnamedRemoved];
  for (const [id, { member, operation, endWhere }] of plan.named) {
    const known = isResourceId(id);
    const edge = known ? view.edge(group, id) : undefined;
    if (!member) {
      if (edge) removed.push(edge);
      continue;
    }
    const kind = edge?.kind ?? (known ? view.memberKind(id) : undefined);
    if (!kind) {
      throw new DirectoryError(
        ErrorReason.MEMBER_NOT_FOUND,
        `The member ${JSON.stringify(id.slice(0, 64))} is neither a user nor a group here; create it first, then add it.`,
        { member: id.slice(0, 64), ...(operation !== noOperation && { operation: String(operation) }) },
      );
    }
    const ends = matchesAny(endWhere, id, kind);
    if (edge && ends) removed.push(edge);
    if (!edge && !ends) added.push({ group, member: id, kind });
  }
  return { added, removed };
}

function memberTest(type: ResourceType, filter: Filter): ValueTest {
  const members = type.findAttribute('members');
  if (!members) throw new TypeError(`${type.name} has no members`);
  return createValueTest(members, filter);
}

function matchesAny(tests: readonly ValueTest[], value: string, kind: MemberKind): boolean {
  return tests.some((test) => test({ value, type: kind }));
}

/** The change records of a diff, each of at most 1,000 members. */
export function membershipRecords(
  group: string,
  version: number,
  diff: MemberDiff,
): MembershipChangeContent[] {
  const steps = [
    ...diff.removed.map(({ member, kind }) => ({ member, kind, added: false })),
    ...diff.added.map(({ member, kind }) => ({ member, kind, added: true })),
  ];
  const records: MembershipChangeContent[] = [];
  for (let start = 0; start < steps.length; start += maxRecordMembers) {
    const part = steps.slice(start, start + maxRecordMembers);
    const groups = part.filter(({ kind }) => kind === 'Group').map(({ member }) => member);
    records.push({
      kind: 'membership',
      group,
      added: part.filter(({ added }) => added).map(({ member }) => member),
      removed: part.filter(({ added }) => !added).map(({ member }) => member),
      ...(groups.length > 0 && { groups }),
      version,
    });
  }
  return records;
}
