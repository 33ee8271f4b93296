import type { AttributePath, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import type { ListExchange } from '../http/exchange.ts';
import { limits } from '../limits.ts';
import { qualifyBareName } from '../repairs/bare-extension-attributes.ts';
import { createProjection, type Projection } from './projection.ts';
import { resolveReferences } from './reference-filter.ts';
import { ScimError } from './scim-error.ts';

/** What a list asks of the resources of one type (RFC 7644, section 3.4.2). */
export interface TypeQuery {
  /** The type. */
  readonly resourceType: ResourceType;
  /** What the answer has of each resource; set by `readProjections`. */
  readonly projection: Projection;
  /** The text of the filter; set by `readQuery`, changed by the repairs. */
  readonly filterText?: string;
  /** Which resources, all when absent; set by `resolveQuery`. */
  readonly filter?: Filter;
  /** The attribute to sort by, absent when the type does not have it; set by `resolveQuery`. */
  readonly sortBy?: AttributePath;
}

/** Which part of a list is asked for. */
export interface ListPage {
  /**
   * Where it begins: the 1-based index of its first result, at least 1 (RFC 7644, section 3.4.2.4), or a cursor, empty
   * for the first page (RFC 9865).
   */
  readonly start: { readonly index: number } | { readonly cursor: string };
  /** How many results at most, 0 to `limits.pageSize`; undefined continues with as many as the cursor's walk began with. */
  readonly count: number | undefined;
  /** Whether a sorted list begins with the largest value. */
  readonly descending: boolean;
}

/** The first page, by index. */
export const firstPage: ListPage = { start: { index: 1 }, count: limits.defaultPageSize, descending: false };

const largestIndex = 2 ** 31 - 1;

/** What is asked of a type before anything is read: everything. */
export function everythingOf(resourceType: ResourceType): TypeQuery {
  return { resourceType, projection: createProjection(resourceType) };
}

/** Stage: reads `filter`, `startIndex`, `cursor`, `count` and `sortOrder`. Throws ScimError 400. */
export function readQuery(exchange: ListExchange): void {
  const { parameters } = exchange;
  const filterText = readOne(parameters, 'filter', 'Send one filter; join two with "and".', 'invalidFilter');
  if (filterText !== undefined)
    exchange.queries = exchange.queries.map((query) => ({ ...query, filterText }));
  const start = readStart(parameters);
  const count = readInteger(parameters, 'count');
  const isContinued = 'cursor' in start && start.cursor !== '';
  exchange.page = {
    start,
    count:
      count === undefined && isContinued
        ? undefined
        : Math.min(Math.max(count ?? limits.defaultPageSize, 0), limits.pageSize),
    descending: readOrder(parameters),
  };
}

/**
 * Stage: parses the filter and resolves `sortBy`, for each type. In a list of several types an attribute that a type does
 * not have has no value there (RFC 7644, section 3.4.2.1). Throws ScimSyntaxError; ScimError 400 `invalidValue` for an
 * attribute that nothing can be sorted by; for a filter on a secret 403 `sensitive` when it stands in the URL, and 400
 * `invalidFilter` in a search.
 */
export function resolveQuery(exchange: ListExchange): void {
  const sortBy = readOne(exchange.parameters, 'sortBy', 'Sort by one attribute.', 'invalidValue');
  const paths = exchange.queries.map(({ resourceType }) => sortPath(exchange, resourceType, sortBy));
  const unsortable = paths.find((path) => path instanceof ScimError);
  if (unsortable && paths.every((path) => path instanceof ScimError)) throw unsortable;
  exchange.queries = exchange.queries.map((query, index) => {
    const path = paths[index];
    return {
      ...query,
      ...(path && !(path instanceof ScimError) && { sortBy: path }),
      ...(query.filterText !== undefined && { filter: readFilter(exchange, query, query.filterText) }),
    };
  });
}

function readFilter(exchange: ListExchange, { resourceType }: TypeQuery, text: string): Filter {
  const { registry, baseUrl, queries } = exchange;
  const filter = parseFilter(resourceType, text, { unknown: queries.length > 1 ? 'noValue' : 'refuse' });
  if (!namesSecret(resourceType, filter)) return resolveReferences(resourceType, registry, baseUrl, filter);
  const detail = 'No value of this attribute is kept to compare with.';
  if (exchange.http.method === 'POST') throw new ScimError(400, detail, 'invalidFilter');
  throw new ScimError(403, `A filter on this attribute must not stand in a URL. ${detail}`, 'sensitive');
}

function sortPath(
  { strict }: ListExchange,
  resourceType: ResourceType,
  text: string | undefined,
): AttributePath | ScimError | undefined {
  if (text === undefined) return undefined;
  try {
    return parseAttributeName(resourceType, strict ? text : qualifyBareName(resourceType, text));
  } catch (error) {
    if (!(error instanceof ScimSyntaxError)) throw error;
    return new ScimError(400, `sortBy: ${error.message}`, 'invalidValue');
  }
}

function readStart(parameters: URLSearchParams): ListPage['start'] {
  const cursor = readOne(parameters, 'cursor', 'Send one cursor.', 'invalidCursor');
  if (cursor === undefined) {
    return { index: Math.min(Math.max(readInteger(parameters, 'startIndex') ?? 1, 1), largestIndex) };
  }
  if (!parameters.has('startIndex')) return { cursor };
  throw new ScimError(400, 'Page by "cursor" or by "startIndex", not by both.', 'invalidValue');
}

/** `sortOrder` means nothing without `sortBy`. */
function readOrder(parameters: URLSearchParams): boolean {
  if (!parameters.has('sortBy')) return false;
  const order = readOne(parameters, 'sortOrder', 'Send one sortOrder.', 'invalidValue') ?? 'ascending';
  if (/^(a|de)scending$/i.test(order)) return order.toLowerCase() === 'descending';
  throw new ScimError(400, 'sortOrder must be "ascending" or "descending".', 'invalidValue');
}

function readInteger(parameters: URLSearchParams, name: string): number | undefined {
  const problem = `${name} must be one whole number.`;
  const value = readOne(parameters, name, problem, 'invalidValue')?.trim();
  if (value === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(value)) throw new ScimError(400, problem, 'invalidValue');
  return Number(value);
}

function readOne(
  parameters: URLSearchParams,
  name: string,
  problem: string,
  scimType: 'invalidCursor' | 'invalidFilter' | 'invalidValue',
): string | undefined {
  const [value, ...others] = parameters.getAll(name);
  if (others.length > 0) throw new ScimError(400, problem, scimType);
  return value;
}

function namesSecret(resourceType: ResourceType, { node }: Filter): boolean {
  const isSecret = (path: AttributePath | undefined) =>
    path !== undefined && resourceType.findAttribute(path.attribute, path.extension)?.returned === 'never';
  switch (node?.$case) {
    case 'and':
    case 'or':
      return node.value.filters.some((filter) => namesSecret(resourceType, filter));
    case 'not':
      return namesSecret(resourceType, node.value);
    case 'present':
      return isSecret(node.value);
    case 'comparison':
    case 'valuePath':
      return isSecret(node.value.path);
    case undefined:
      return false;
  }
}
