import type { Document } from 'mongodb';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { printAttributeName } from '#scim/attribute-name.ts';
import { findSubAttribute, type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import { refuseRefolding } from '../refolding.ts';

/** How the key of a resource is computed that a list is sorted by. */
export interface SortExpression {
  /** The path of the attribute, for errors. */
  readonly name: string;
  /** Gives the key, or null, in an aggregation over resource documents. */
  readonly expression: Document | string;
  /** What keys are; only keys of one kind can be compared. */
  readonly kind: 'text' | 'number' | 'flag' | 'time';
}

// Places, and so page tokens, hold keys.
const maxKeyLength = 256;

/** A refusal of an order. @param attribute the path of the attribute; empty when there is none. */
export function sortError(attribute: string, message: string): DirectoryError {
  return new DirectoryError(ErrorReason.SORT_INVALID, message, { attribute });
}

/**
 * Compiles the attribute that a list is sorted by (RFC 7644, section 3.4.2.3): of several values the primary one counts,
 * without one the first.
 * @param refolding see `WriteSettings.refolding`.
 * @throws DirectoryError SORT_INVALID for an attribute that is unknown, not stored, or has no order; DEFINITIONS_CHANGING
 */
export function compileSort(
  resourceType: ResourceType,
  path: AttributePath,
  refolding: readonly string[] = [],
): SortExpression {
  const name = printAttributeName(path);
  const resolved = resolvePath(resourceType, path);
  if (path.attribute === '' || path.valueFilter !== undefined)
    throw sortError(name, 'Sort by the path of one attribute, without brackets.');
  if (resolved === undefined) throw sortError(name, `${resourceType.name} has no attribute ${name}.`);
  refuseRefolding(refolding, resolved);
  const { attribute } = resolved;
  const implied =
    resolved.subAttribute === undefined && attribute.type === 'complex' && attribute.multiValued
      ? findSubAttribute(attribute, 'value')
      : undefined;
  const subAttribute = resolved.subAttribute ?? implied;
  const leaf = subAttribute ?? attribute;
  if ([attribute, leaf].some(({ derived, returned }) => derived || returned === 'never'))
    throw sortError(name, `${name} is not stored; sort by another attribute.`);
  if (leaf.type === 'complex') {
    const example = attribute.subAttributes.find(({ type }) => type === 'string')?.name;
    throw sortError(name, `${name} has several parts; sort by one of them, such as ${name}.${example}.`);
  }
  if (leaf.type === 'binary')
    throw sortError(name, `${name} is binary, which has no order; sort by another attribute.`);
  if (attribute.common && (attribute.name === 'id' || attribute.name === 'meta'))
    return { name, ...documentKey(resourceType, leaf) };
  const keys = implied === undefined ? resolved.keys : [...resolved.keys, implied.field];
  return { name, expression: valueExpression(attribute, subAttribute, keys), kind: kindOf(leaf) };
}

/** Refuses a list of several types whose keys cannot be compared. @throws DirectoryError SORT_INVALID */
export function checkSameKind(
  parts: readonly { readonly type: ResourceType; readonly sort: SortExpression | undefined }[],
): void {
  const [first, ...others] = parts.flatMap(({ type, sort }) => (sort ? [{ type, ...sort }] : []));
  const other = others.find(({ kind }) => kind !== first?.kind);
  if (first === undefined || other === undefined) return;
  throw sortError(
    other.name,
    `${other.name} is a ${other.kind} in ${other.type.name}, and ${first.name} a ${first.kind} in ${first.type.name}; sort by what can be compared.`,
  );
}

/** `id` and the parts of `meta` are fields of the document itself, and short. */
function documentKey(
  resourceType: ResourceType,
  { name, type }: AttributeDefinition,
): Omit<SortExpression, 'name'> {
  if (type === 'dateTime') return { expression: `$${name}`, kind: 'time' };
  // To people versions count, though their type is text: 10 comes after 9.
  if (name === 'version') return { expression: '$version', kind: 'number' };
  return { expression: name === 'id' ? '$_id' : { $literal: resourceType.name }, kind: 'text' };
}

function valueExpression(
  attribute: AttributeDefinition,
  subAttribute: AttributeDefinition | undefined,
  keys: readonly string[],
): Document | string {
  const field = (path: readonly string[]) => `$fold.${path.join('.')}`;
  const leaf = subAttribute ?? attribute;
  if (!attribute.multiValued) return shortened(leaf, leaf.multiValued ? firstOf(field(keys)) : field(keys));
  if (subAttribute === undefined) return shortened(leaf, firstOf(field(keys)));
  const values = { $ifNull: [field(keys.slice(0, -1)), []] };
  const isPrimary = { $eq: ['$$value.primary', true] };
  const primary = { $filter: { input: values, as: 'value', cond: isPrimary } };
  const part = `$$counted.${subAttribute.field}`;
  return {
    $let: {
      vars: { counted: { $arrayElemAt: [{ $concatArrays: [primary, values] }, 0] } },
      in: shortened(leaf, leaf.multiValued ? firstOf(part) : part),
    },
  };
}

function firstOf(list: string): Document {
  return { $arrayElemAt: [{ $ifNull: [list, []] }, 0] };
}

function shortened(leaf: AttributeDefinition, value: Document | string): Document | string {
  if (kindOf(leaf) !== 'text') return value;
  return { $cond: [{ $gt: [value, null] }, { $substrCP: [value, 0, maxKeyLength] }, null] };
}

function kindOf({ type }: AttributeDefinition): SortExpression['kind'] {
  switch (type) {
    case 'boolean':
      return 'flag';
    case 'integer':
    case 'decimal':
      return 'number';
    case 'dateTime':
      return 'time';
    default:
      return 'text';
  }
}
