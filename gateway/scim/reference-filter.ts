import { type AttributePath, ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { alwaysFalse, alwaysTrue } from '#scim/constant-filters.ts';
import {
  findSubAttribute,
  type ResolvedPath,
  type ResourceType,
  resolvePath,
  type SchemaRegistry,
} from '#scim/schema-registry.ts';
import { createReferenceReader, type ReadReference } from './references.ts';
import { schemasFilter } from './schemas-filter.ts';
import { ScimError } from './scim-error.ts';

/**
 * Turns tests of what is computed from URLs and schemas, and so not stored, into tests of what it is computed from:
 * `meta.location` becomes `id`; `$ref` the `value` beside it, and the `type` where that can be several; `schemas` the
 * presence of an extension's attributes. A URI of anything but such a resource of this connection equals nothing.
 * @throws ScimError 400 `invalidFilter` for operators that these attributes do not have
 */
export function resolveReferences(
  resourceType: ResourceType,
  registry: SchemaRegistry,
  baseUrl: string,
  filter: Filter,
): Filter {
  const readReference = createReferenceReader(registry, baseUrl);
  return mapTerms(filter, (leaf) => {
    if (leaf.$case === 'valuePath') {
      const { path, filter: inside } = leaf.value;
      const attribute = path && resolvePath(resourceType, path)?.attribute;
      if (!attribute || !inside) return { node: leaf };
      const resolved = resolveValueReferences(attribute, readReference, inside);
      return { node: { $case: 'valuePath', value: { path, filter: resolved } } };
    }
    const path = leaf.$case === 'present' ? leaf.value : leaf.value.path;
    if (path?.attribute === 'schemas' && path.extension === '') return schemasFilter(resourceType, leaf);
    const named = path && resolvePath(resourceType, path);
    if (path === undefined || !named?.subAttribute) return { node: leaf };
    const { attribute, subAttribute } = named;
    if (path.extension === '' && attribute.name === 'meta' && subAttribute.name === 'location') {
      return locationFilter(resourceType, readReference, readUriTest(leaf, 'meta.location'));
    }
    return subAttribute.name === '$ref' ? referenceFilter(path, named, readReference, leaf) : { node: leaf };
  });
}

/** The same for a filter in the brackets after an attribute, where names are those of its sub-attributes. */
export function resolveValueReferences(
  attribute: AttributeDefinition,
  readReference: ReadReference,
  filter: Filter,
): Filter {
  return mapTerms(filter, (leaf) => {
    const path = leaf.$case === 'present' ? leaf.value : leaf.value.path;
    if (leaf.$case === 'valuePath' || path?.attribute !== '$ref') return { node: leaf };
    return elementFilter(attribute, readReference, readUriTest(leaf, `${attribute.name}.$ref`));
  });
}

type Node = NonNullable<Filter['node']>;
type Leaf = Exclude<Node, { $case: 'and' | 'or' | 'not' }>;
type Term = Exclude<Leaf, { $case: 'valuePath' }>;

/** The filter with its leaves exchanged: what is neither `and`, `or` nor `not`. */
function mapTerms(filter: Filter, resolve: (leaf: Leaf) => Filter): Filter {
  const { node } = filter;
  if (node === undefined) return filter;
  if (node.$case === 'not') return negated(mapTerms(node.value, resolve));
  if (node.$case !== 'and' && node.$case !== 'or') return resolve(node);
  const filters = node.value.filters.map((part) => mapTerms(part, resolve));
  return { node: { $case: node.$case, value: { filters } } };
}

/** What a term asks of a URI. */
type UriTest = { readonly test: 'present' | 'absent' } | { readonly test: 'eq' | 'ne'; readonly uri: string };

function readUriTest(term: Term, name: string): UriTest {
  if (term.$case === 'present') return { test: 'present' };
  const { operator, literal } = term.value;
  const isEqual = operator === ComparisonOperator.EQ;
  if (!isEqual && operator !== ComparisonOperator.NE) {
    throw new ScimError(400, `${name} can be compared with eq, ne and pr only.`, 'invalidFilter');
  }
  if (literal?.value?.$case !== 'text') return { test: isEqual ? 'absent' : 'present' };
  return { test: isEqual ? 'eq' : 'ne', uri: literal.value.value };
}

/** Every resource has a location, and no two the same. */
function locationFilter(resourceType: ResourceType, readReference: ReadReference, test: UriTest): Filter {
  if (!('uri' in test)) return test.test === 'present' ? alwaysTrue : alwaysFalse;
  const target = readReference(test.uri);
  const id = target?.type.name === resourceType.name ? target.id : undefined;
  const is = id === undefined ? alwaysFalse : equals(plainPath('id'), id);
  return test.test === 'eq' ? is : negated(is);
}

/** A test of `$ref` outside brackets: of the one value, or of any of several. */
function referenceFilter(
  path: AttributePath,
  { attribute }: ResolvedPath,
  readReference: ReadReference,
  term: Term,
): Filter {
  const test = readUriTest(term, `${attribute.name}.$ref`);
  const present: Filter = { node: { $case: 'present', value: { ...path, subAttribute: 'value' } } };
  if (!('uri' in test)) return test.test === 'present' ? present : negated(present);
  if (!attribute.multiValued) {
    const target = targetOf(attribute, readReference, test.uri);
    const is = target ? equals({ ...path, subAttribute: 'value' }, target.id) : alwaysFalse;
    return test.test === 'eq' ? is : negated(is);
  }
  const filter = elementFilter(attribute, readReference, test);
  const some: Filter = {
    node: { $case: 'valuePath', value: { path: { ...path, subAttribute: '' }, filter } },
  };
  // No value differs from every value, as null does.
  return test.test === 'eq' ? some : anyOf([negated(present), some]);
}

/** A test of the `$ref` of one of several values: they all have one, because they all have a `value`. */
function elementFilter(attribute: AttributeDefinition, readReference: ReadReference, test: UriTest): Filter {
  const present: Filter = { node: { $case: 'present', value: plainPath('value') } };
  if (!('uri' in test)) return test.test === 'present' ? present : negated(present);
  const target = targetOf(attribute, readReference, test.uri);
  const tests = target ? [equals(plainPath('value'), target.id)] : [negated(present)];
  if (target?.type !== undefined) tests.push(equals(plainPath('type'), target.type));
  const is = allOf(tests);
  return test.test === 'eq' ? is : negated(is);
}

/** The `value` and, where it can be several, the `type` of what a URI names, if the attribute can refer to it. */
function targetOf(
  attribute: AttributeDefinition,
  readReference: ReadReference,
  uri: string,
): { readonly id: string; readonly type?: string } | undefined {
  const types = findSubAttribute(attribute, '$ref')?.referenceTypes ?? [];
  const target = readReference(uri);
  if (target === undefined || !types.includes(target.type.name)) return undefined;
  // References are compared with their case, also where the ids in them are not; ids of resources have no capitals.
  if (attribute.multiValued && target.id !== target.id.toLowerCase()) return undefined;
  return { id: target.id, ...(types.length > 1 && { type: target.type.name }) };
}

function plainPath(attribute: string): AttributePath {
  return { extension: '', attribute, subAttribute: '' };
}

function equals(path: AttributePath, text: string): Filter {
  const literal = { value: { $case: 'text', value: text } } as const;
  return { node: { $case: 'comparison', value: { path, operator: ComparisonOperator.EQ, literal } } };
}

function negated(value: Filter): Filter {
  return { node: { $case: 'not', value } };
}

function anyOf(filters: Filter[]): Filter {
  return { node: { $case: 'or', value: { filters } } };
}

function allOf(filters: Filter[]): Filter {
  const [only, ...others] = filters;
  return only && others.length === 0 ? only : { node: { $case: 'and', value: { filters } } };
}
