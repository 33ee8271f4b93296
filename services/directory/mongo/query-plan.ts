import type { Document } from 'mongodb';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { filterError } from '../filter/filter-error.ts';

/** One query that reads an index. */
export interface QueryBranch {
  /** Exactly the fields of one index, as the first `$match` stage. */
  readonly index: Document;
  /** What else must hold, as the second `$match` stage. */
  readonly rest?: Document;
}

/**
 * How to find what a filter selects: by queries of which each reads an index, whose results are merged by `_id`; or by a
 * predicate on every document of the connection.
 */
export type QueryPlan =
  | { readonly branches: readonly QueryBranch[] }
  /** The second `$match` stage of a walk. */
  | { readonly scan: Document };

/** A part of a filter, compiled. */
export interface QueryNode {
  /** Selects the part's documents among those of the connection, wherever it stands in a query. */
  readonly predicate: Document;
  /** The same documents by index; absent when no index finds them. */
  readonly branches?: readonly QueryBranch[];
}

/** The part of a filter that is neither `and`, `or` nor `not`. */
export type FilterLeaf = Exclude<NonNullable<Filter['node']>, { $case: 'and' | 'or' | 'not' }>;

/** Selects every document. */
export const everything: QueryNode = { predicate: {} };
/** Selects none. */
export const nothing: QueryNode = inIndex({ _id: { $in: [] } });

/** A part that an index answers alone. */
export function inIndex(index: Document, predicate: Document = index): QueryNode {
  return { predicate, branches: [{ index }] };
}

/** Turns a compiled filter into a plan. */
export function planOf({ predicate, branches }: QueryNode): QueryPlan {
  return branches === undefined ? { scan: predicate } : { branches };
}

/** Compiles a filter, given what its leaves compile to. @throws DirectoryError FILTER_INVALID */
export async function compileTree(
  { node }: Filter,
  compileLeaf: (leaf: FilterLeaf) => Promise<QueryNode>,
): Promise<QueryNode> {
  if (node === undefined) throw filterError('', 'A part of the filter is empty.');
  if (node.$case === 'not') return negate(await compileTree(node.value, compileLeaf));
  if (node.$case !== 'and' && node.$case !== 'or') return compileLeaf(node);
  if (node.value.filters.length === 0) throw filterError('', `An "${node.$case}" of the filter is empty.`);
  const parts: QueryNode[] = [];
  // One after the other: leaves may read the database, in a transaction that carries one read at a time.
  for (const part of node.value.filters) parts.push(await compileTree(part, compileLeaf));
  return node.$case === 'and' ? allOf(parts) : anyOf(parts);
}

/** Selects what every part selects. One index is enough: the one that reads least. */
export function allOf(parts: readonly QueryNode[]): QueryNode {
  const [best] = parts.filter((part) => part.branches !== undefined).sort((a, b) => reads(a) - reads(b));
  const others = parts.filter((part) => part !== best).map((part) => part.predicate);
  const predicate = every(parts.map((part) => part.predicate));
  if (best?.branches === undefined) return { predicate };
  const branches = best.branches.map(({ index, rest }) => {
    const conditions = rest === undefined ? others : [rest, ...others];
    return conditions.length === 0 ? { index } : { index, rest: every(conditions) };
  });
  return { predicate, branches };
}

/** Selects what any part selects; by index only when every part has one. */
export function anyOf(parts: readonly QueryNode[]): QueryNode {
  const predicate = some(parts.map((part) => part.predicate));
  const branches = parts.flatMap((part) => part.branches ?? []);
  return parts.every((part) => part.branches !== undefined) ? { predicate, branches } : { predicate };
}

/** Selects what the part does not. */
export function negate({ predicate }: QueryNode): QueryNode {
  return { predicate: { $nor: [predicate] } };
}

function every(predicates: readonly Document[]): Document {
  const [first = {}, ...others] = predicates;
  return others.length === 0 ? first : { $and: predicates };
}

function some(predicates: readonly Document[]): Document {
  const [first = nothing.predicate, ...others] = predicates;
  return others.length === 0 ? first : { $or: predicates };
}

function reads({ branches = [] }: QueryNode): number {
  return branches.reduce((sum, { index }) => sum + (index._id?.$in?.length ?? 1), 0);
}
