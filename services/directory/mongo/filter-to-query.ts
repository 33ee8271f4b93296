import type { Document } from 'mongodb';
import type { AttributePath, Comparison, Filter, ValuePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { printAttributeName } from '#scim/attribute-name.ts';
import { findSubAttribute, type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { checkFilterSize, filterError } from '../filter/filter-error.ts';
import { type FilterTerm, readFilterTerm, termOnOneValue } from '../filter/filter-term.ts';
import { findValueLeaf } from '../filter/value-test.ts';
import { refuseRefolding } from '../refolding.ts';
import { compileDocumentTerm } from './document-filter.ts';
import { fieldCondition } from './field-condition.ts';
import { hasUniqueEntry, indexEntry } from './fold.ts';
import {
  createMembershipFilter,
  limitMemberships,
  type MembershipFilter,
  type MembershipLookup,
} from './membership-filter.ts';
import {
  allOf,
  anyOf,
  compileTree,
  everything,
  type FilterLeaf,
  inIndex,
  negate,
  type QueryNode,
} from './query-plan.ts';
import { someValue, someValueWith } from './value-expression.ts';

/** What a filter is compiled for. */
export interface FilterScope {
  /** The type of the resources that are looked for. */
  readonly resourceType: ResourceType;
  /** The connection that owns them. */
  readonly connection: string;
  /** See `WriteSettings.refolding`; absent for none. */
  readonly refolding?: readonly string[];
  /** Answers filters on `members` and `groups`. */
  readonly memberships: MembershipLookup;
}

/**
 * Compiles a filter (RFC 7644, section 3.4.2.2) to queries on the documents of one connection. Everything in it is checked
 * against the schema again: it need not come from our parser.
 * @throws DirectoryError FILTER_INVALID for an unknown or unstored attribute, an operator that its type does not have, a
 * malformed tree and one above the limits; DEFINITIONS_CHANGING; TOO_MANY; what the membership lookup throws.
 */
export async function compileFilter(options: FilterScope & { readonly filter: Filter }): Promise<QueryNode> {
  checkFilterSize(options.filter);
  const scope = { ...options, memberships: limitMemberships(options.memberships) };
  return compileTree(options.filter, (leaf) => compileLeaf(scope, leaf));
}

async function compileLeaf(scope: FilterScope, leaf: FilterLeaf): Promise<QueryNode> {
  switch (leaf.$case) {
    case 'comparison':
      return compileComparison(scope, leaf.value);
    case 'present':
      return compilePresent(scope, leaf.value);
    case 'valuePath':
      return compileValuePath(scope, leaf.value);
  }
}

/** An attribute that a filter names. */
interface Target {
  readonly name: string;
  readonly attribute: AttributeDefinition;
  /** Whether it is of an extension that the connection declares. */
  readonly declared: boolean;
  readonly subAttribute: AttributeDefinition | undefined;
  /** Storage keys down to the attribute, without the sub-attribute. */
  readonly keys: readonly string[];
  /** The attribute's place in a document. */
  readonly field: string;
  /** For attributes whose values are memberships. */
  readonly memberships: MembershipFilter | undefined;
}

function findTarget(scope: FilterScope, path: AttributePath | undefined): Target {
  if (path === undefined || path.valueFilter !== undefined) {
    throw filterError('', 'A term of the filter has no plain attribute path.');
  }
  const name = printAttributeName(path);
  const { resourceType, connection } = scope;
  const resolved = resolvePath(resourceType, path);
  if (resolved === undefined) throw filterError(name, `${resourceType.name} has no attribute ${name}.`);
  refuseRefolding(scope.refolding ?? [], resolved);
  const { attribute, subAttribute } = resolved;
  const memberships = resolved.extension
    ? undefined
    : createMembershipFilter(resourceType, attribute, connection, scope.memberships);
  const hidden = [attribute, subAttribute].some((part) => part?.returned === 'never');
  if (hidden || subAttribute?.derived || (attribute.derived && memberships === undefined)) {
    throw filterError(name, `${name} is not stored and cannot be filtered.`);
  }
  const keys = subAttribute === undefined ? resolved.keys : resolved.keys.slice(0, -1);
  const declared = resolved.extension?.declared ?? false;
  return { name, attribute, declared, subAttribute, keys, field: ['fold', ...keys].join('.'), memberships };
}

async function compileComparison(scope: FilterScope, comparison: Comparison): Promise<QueryNode> {
  const target = findTarget(scope, comparison.path);
  const { attribute, name } = target;
  // `emails eq "x"` compares `emails.value` (RFC 7643, section 2.4).
  const isWhole = target.subAttribute === undefined && attribute.type === 'complex';
  const subAttribute = isWhole ? findSubAttribute(attribute, 'value') : target.subAttribute;
  const leaf = subAttribute ?? attribute;
  const term = readFilterTerm(leaf, comparison, name);
  if (target.memberships === undefined) return compileTerm(scope, { ...target, subAttribute }, term);

  const some = target.memberships;
  const selects = async (node: Filter['node']) => some({ node });
  const path = { extension: '', attribute: leaf.name, subAttribute: '' };
  if (term.test === 'absent') return negate(await selects({ $case: 'present', value: path }));
  const selected = await selects({ $case: 'comparison', value: { ...comparison, path } });
  return term.test === 'ne' ? anyOf([negate(await some()), selected]) : selected;
}

async function compilePresent(scope: FilterScope, path: AttributePath): Promise<QueryNode> {
  const target = findTarget(scope, path);
  const { attribute, subAttribute } = target;
  if (target.memberships !== undefined) {
    if (subAttribute === undefined) return target.memberships();
    const inside = { extension: '', attribute: subAttribute.name, subAttribute: '' };
    return target.memberships({ node: { $case: 'present', value: inside } });
  }
  if (attribute.common && attribute.name === 'meta') return everything;
  const parts =
    subAttribute === undefined && attribute.type === 'complex'
      ? attribute.subAttributes.filter((sub) => !sub.derived && sub.returned !== 'never')
      : [subAttribute];
  return anyOf(
    parts.map((part) => compileTerm(scope, { ...target, subAttribute: part }, { test: 'present' })),
  );
}

async function compileValuePath(scope: FilterScope, { path, filter }: ValuePath): Promise<QueryNode> {
  const target = findTarget(scope, path);
  const { attribute, subAttribute, name } = target;
  if (!attribute.multiValued || attribute.type !== 'complex' || subAttribute !== undefined) {
    throw filterError(
      name,
      `${name} is not a multi-valued complex attribute, so that no brackets can follow it.`,
    );
  }
  if (filter === undefined) throw filterError(name, `The brackets after ${name} are empty.`);
  if (target.memberships !== undefined) return target.memberships(filter);
  const whole = { predicate: someValue(target.field, attribute, filter) };
  // An indexed equality that every selected value must meet finds the documents; the whole decides.
  const indexed = conjuncts(filter).flatMap(({ node }) => {
    if (node?.$case !== 'comparison') return [];
    const leaf = findValueLeaf(attribute, node.value.path);
    const term = readFilterTerm(leaf.attribute, node.value, leaf.name);
    return compileIndexed(scope, { ...target, subAttribute: leaf.attribute }, term, {}) ?? [];
  });
  return indexed.length === 0 ? whole : allOf([...indexed.slice(0, 1), whole]);
}

function conjuncts(filter: Filter): readonly Filter[] {
  return filter.node?.$case === 'and' ? filter.node.value.filters.flatMap(conjuncts) : [filter];
}

/** A term on a stored attribute. On several values "any" decides; `ne` also holds when there is none. */
function compileTerm(scope: FilterScope, target: Target, term: FilterTerm): QueryNode {
  const { attribute, subAttribute, name } = target;
  const leaf = subAttribute ?? attribute;
  if (attribute.common && (attribute.name === 'id' || attribute.name === 'meta')) {
    return compileDocumentTerm(scope, leaf, name, term);
  }
  const several = attribute.multiValued || leaf.multiValued;
  if (several && term.test === 'absent') return negate(compileTerm(scope, target, { test: 'present' }));
  const predicate = termPredicate(target, term);
  if (several && term.test === 'ne') {
    const list = attribute.multiValued ? target.field : leafField(target);
    return anyOf([{ predicate: { [list]: { $exists: false } } }, { predicate }]);
  }
  return compileIndexed(scope, target, term, predicate) ?? { predicate };
}

function termPredicate(target: Target, term: FilterTerm): Document {
  const { attribute, subAttribute, field } = target;
  const leaf = subAttribute ?? attribute;
  if (subAttribute === undefined || !attribute.multiValued) {
    const condition = fieldCondition(term, isText(leaf));
    return { [leafField(target)]: leaf.multiValued ? { $elemMatch: condition } : condition };
  }
  if (leaf.multiValued) return someValueWith(field, leaf, term);
  return {
    [field]: { $elemMatch: { [leaf.field]: fieldCondition(termOnOneValue(leaf, term), isText(leaf)) } },
  };
}

/** The index that holds an entry for what an `eq` term asks. */
function compileIndexed(
  { connection }: FilterScope,
  { attribute, declared, subAttribute, keys }: Target,
  term: FilterTerm,
  predicate: Document,
): QueryNode | undefined {
  if (term.test !== 'eq') return undefined;
  const entry = indexEntry(subAttribute === undefined ? keys : [...keys, subAttribute.field], term.operand);
  if (subAttribute === undefined && hasUniqueEntry(attribute, declared))
    return inIndex({ connection, unique: entry }, predicate);
  return (subAttribute ?? attribute).indexed ? inIndex({ connection, lookup: entry }, predicate) : undefined;
}

function leafField({ field, subAttribute }: Target): string {
  return subAttribute === undefined ? field : `${field}.${subAttribute.field}`;
}

function isText({ type }: AttributeDefinition): boolean {
  return type === 'string' || type === 'reference' || type === 'binary';
}
