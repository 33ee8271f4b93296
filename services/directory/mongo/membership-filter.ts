import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import { filterError } from '../filter/filter-error.ts';
import { matchesTerm, readFilterTerm } from '../filter/filter-term.ts';
import { foldText } from '../filter/fold-value.ts';
import { findValueLeaf } from '../filter/value-test.ts';
import { keyParts, resourceKey } from './documents.ts';
import { fieldCondition } from './field-condition.ts';
import {
  compileTree,
  everything,
  type FilterLeaf,
  inIndex,
  nothing,
  planOf,
  type QueryBranch,
  type QueryNode,
} from './query-plan.ts';

/** Reads the memberships that a filter on `members` or `groups` selects; each branch is a query on membership documents. */
export interface MembershipLookup {
  /** The ids of the groups of the selected memberships, each once. */
  groupsOf(selected: readonly QueryBranch[]): Promise<readonly string[]>;
  /** The ids of the members of the selected memberships, each once. */
  membersOf(selected: readonly QueryBranch[]): Promise<readonly string[]>;
}

/** The most ids that the membership filters of one query may bring into it: more would come near 16 MiB, its limit. */
export const maxMembershipIds = 100_000;

/** A lookup that refuses to answer more ids than one query can carry. @throws DirectoryError TOO_MANY */
export function limitMemberships(
  lookup: MembershipLookup,
  maximum: number = maxMembershipIds,
): MembershipLookup {
  let total = 0;
  const count = (ids: readonly string[]) => {
    total += ids.length;
    if (total <= maximum) return ids;
    const message = `The filter selects by more than ${maximum} memberships; narrow it.`;
    throw new DirectoryError(ErrorReason.TOO_MANY, message, { maximum: String(maximum) });
  };
  return {
    groupsOf: async (selected) => count(await lookup.groupsOf(selected)),
    membersOf: async (selected) => count(await lookup.membersOf(selected)),
  };
}

/** Selects the resources that have a membership which a value filter selects; any membership when it is absent. */
export type MembershipFilter = (filter?: Filter) => Promise<QueryNode>;

/** Makes the filter for an attribute whose values are memberships: a group's `members`, a user's `groups`. */
export function createMembershipFilter(
  resourceType: ResourceType,
  attribute: AttributeDefinition,
  connection: string,
  memberships: MembershipLookup,
): MembershipFilter | undefined {
  const isGroup = resourceType.name === 'Group' && attribute.name === 'members';
  const isUser = resourceType.name === 'User' && attribute.name === 'groups';
  if (!isGroup && !isUser) return undefined;
  return async (filter) => {
    const compileLeaf = async (leaf: FilterLeaf) => compileEdgeLeaf(attribute, isGroup, connection, leaf);
    const plan = planOf(filter === undefined ? everything : await compileTree(filter, compileLeaf));
    const selected = 'branches' in plan ? plan.branches : [{ index: { connection }, rest: plan.scan }];
    const ids = await (isGroup ? memberships.groupsOf(selected) : memberships.membersOf(selected));
    const keys = ids.map((id) => resourceKey(connection, id));
    const branches = keyParts(keys).map((part) => ({ index: { _id: { $in: [...part] } } }));
    return { predicate: { _id: { $in: keys } }, branches };
  };
}

function compileEdgeLeaf(
  attribute: AttributeDefinition,
  isGroup: boolean,
  connection: string,
  leaf: FilterLeaf,
): QueryNode {
  if (leaf.$case === 'valuePath') throw filterError(attribute.name, 'Brackets cannot stand inside brackets.');
  const path = leaf.$case === 'present' ? leaf.value : leaf.value.path;
  const { attribute: part, name } = findValueLeaf(attribute, path);
  const term =
    leaf.$case === 'present' ? ({ test: 'present' } as const) : readFilterTerm(part, leaf.value, name);
  if (part.name === 'value') {
    const field = isGroup ? 'member' : 'group';
    const predicate = { [field]: fieldCondition(term, true) };
    return term.test === 'eq' ? inIndex({ connection, [field]: term.operand }, predicate) : { predicate };
  }
  if (part.name !== 'type') throw filterError(name, `${name} is not stored and cannot be filtered.`);
  // Users are shown the groups they are in directly and no others.
  const types = (isGroup ? ['User', 'Group'] : ['direct']).filter((type) =>
    matchesTerm(term, foldText(part, type)),
  );
  if (types.length === 0) return nothing;
  return isGroup ? { predicate: { kind: { $in: types } } } : everything;
}
