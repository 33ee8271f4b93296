import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { BulkItem, BulkOperation } from './bulk-operation.ts';

/** Creations that refer to each other in a circle, or one that refers to itself. */
export interface BulkCircle {
  /** The creations, in the order of the request. */
  readonly circle: readonly BulkOperation[];
}

/** What is run as one. */
export type BulkUnit = BulkItem | BulkCircle;

/** The operations that make the resources of bulkIds. */
export function makersOf(items: readonly BulkItem[]): ReadonlyMap<string, BulkOperation> {
  const makers = new Map<string, BulkOperation>();
  for (const item of items) {
    if (!('refusal' in item) && item.method === 'POST') makers.set(item.bulkId ?? '', item);
  }
  return makers;
}

/**
 * Puts operations in an order in which each comes after those it refers to; otherwise it is that of the request. Circles
 * are found as strongly connected components by Tarjan's algorithm, which yields them in just that order.
 */
export function orderOperations(items: readonly BulkItem[]): readonly BulkUnit[] {
  const makers = makersOf(items);
  const units: BulkUnit[] = [];
  const visits = new Map<BulkOperation, number>();
  const open: BulkOperation[] = [];

  /** Visits an operation and what it refers to; returns the earliest visit of an open operation that this leads to. */
  function visit(operation: BulkOperation): number {
    const own = visits.size;
    visits.set(operation, own);
    open.push(operation);
    let earliest = own;
    for (const bulkId of operation.references) {
      const maker = makers.get(bulkId);
      if (maker === undefined) continue;
      const visited = visits.get(maker);
      if (visited === undefined) earliest = Math.min(earliest, visit(maker));
      else if (open.includes(maker)) earliest = Math.min(earliest, visited);
    }
    if (earliest === own) units.push(unitOf(open.splice(open.indexOf(operation))));
    return earliest;
  }

  for (const item of items) {
    if ('refusal' in item) units.push(item);
    else if (!visits.has(item)) visit(item);
  }
  return units;
}

function unitOf(component: readonly BulkOperation[]): BulkUnit {
  const [only, ...others] = component.toSorted((a, b) => a.index - b.index);
  if (only === undefined) return { circle: [] };
  // The bulkId of anything but a POST is only echoed: it makes nothing that could be referred to.
  const refersToItself = only.method === 'POST' && only.references.has(only.bulkId ?? '');
  return others.length > 0 || refersToItself ? { circle: [only, ...others] } : only;
}

/**
 * Divides ordered units into batches, which run one after the other; what is in one batch may run at the same time. These
 * are operations of one method that follow each other, and whose order makes no difference: creations that do not refer to
 * each other and want no unique value in common; patches of different resources that touch no unique value; deletions.
 * @param atOnce how many units a batch has at most.
 */
export function batchUnits(units: readonly BulkUnit[], atOnce: number): readonly (readonly BulkUnit[])[] {
  const batches: BulkUnit[][] = [];
  let batch: BulkUnit[] = [];
  let method: string | undefined;
  // What the operations in the batch have for themselves; empty when it takes no others.
  let claimed = new Set<string>();
  for (const unit of units) {
    const { claims, needs } = claimsOf(unit);
    const isFree = [...claims, ...needs].every((key) => !claimed.has(key));
    const isAlike = 'method' in unit && unit.method === method && claims.length > 0 && claimed.size > 0;
    if (!isAlike || !isFree || batch.length >= atOnce) {
      batch = [];
      batches.push(batch);
      claimed = new Set();
      method = 'method' in unit ? unit.method : undefined;
    }
    batch.push(unit);
    for (const key of claims) claimed.add(key);
  }
  return batches;
}

interface Claims {
  /** What it has for itself: its resource, and values that nothing else may have; empty for what runs beside nothing. */
  readonly claims: readonly string[];
  /** What others of its batch must not have for themselves. */
  readonly needs: readonly string[];
}

function claimsOf(unit: BulkUnit): Claims {
  const nothing = { claims: [], needs: [] };
  if ('circle' in unit || 'refusal' in unit) return nothing;
  const { method, bulkId = '', resourceType, id, data, references } = unit;
  const resource = `${resourceType.name} ${id}`;
  switch (method) {
    case 'POST':
      return {
        claims: [`bulkId ${bulkId}`, ...uniqueValues(unit)],
        needs: [...references].map((reference) => `bulkId ${reference}`),
      };
    case 'PATCH':
      return mentions(data, uniqueNames(resourceType)) ? nothing : { claims: [resource], needs: [] };
    case 'DELETE':
      return { claims: [resource], needs: [] };
    case 'PUT':
      // It may free a unique value that the next one takes.
      return nothing;
  }
}

/** Whether any of the names stands anywhere in the text of an operation's data, as it does in every path and key. */
function mentions(data: JsonObject, names: ReadonlySet<string>): boolean {
  const text = JSON.stringify(data).toLowerCase();
  return [...names].some((name) => text.includes(name));
}

/** The attributes whose values may have to be unique, in lower case. */
function uniqueNames({ schema, extensions }: ResourceType): ReadonlySet<string> {
  const attributes = [schema, ...extensions.map((extension) => extension.schema)].flatMap(
    (each) => each.attributes,
  );
  return new Set(attributes.filter(mayBeUnique).map(({ name }) => name.toLowerCase()));
}

/**
 * The values that two new resources might not both have. They are folded further than the directory folds them: what it
 * takes for the same is the same here.
 */
function uniqueValues({ resourceType, data }: BulkOperation): readonly string[] {
  const names = uniqueNames(resourceType);
  const extensions = Object.entries(data).filter(([key]) => key.includes(':'));
  const holders: readonly JsonValue[] = [data, ...extensions.map(([, value]) => value)];
  return holders.filter(isJsonObject).flatMap((holder) => valuesNamed(resourceType.name, names, holder));
}

/** Names of groups are unique in some connections, which is not in the schema. No client can set an id. */
function mayBeUnique({ name, uniqueness, mutability }: AttributeDefinition): boolean {
  return (uniqueness !== 'none' && mutability !== 'readOnly') || name === 'displayName';
}

function valuesNamed(type: string, names: ReadonlySet<string>, holder: JsonObject): readonly string[] {
  return Object.entries(holder)
    .filter(([key]) => names.has(key.toLowerCase()))
    .flatMap(([key, value]) => {
      const values = isJsonArray(value) ? value : [value];
      return values.map((each) => `${type} ${key.toLowerCase()} ${folded(JSON.stringify(each))}`);
    });
}

function folded(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
}
