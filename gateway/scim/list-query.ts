import type { AttributePath, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceExchange } from '../http/exchange.ts';
import { limits } from '../limits.ts';
import { ScimError } from './scim-error.ts';

/** What a list asks for (RFC 7644, section 3.4.2). */
export interface ListQuery {
  /** Which resources; all when undefined. */
  readonly filter: Filter | undefined;
  /** The 1-based index of the first result, at least 1. */
  readonly startIndex: number;
  /** How many results at most, 0 to `limits.pageSize`. */
  readonly count: number;
}

/** The first page of everything. */
export const everything: ListQuery = { filter: undefined, startIndex: 1, count: limits.defaultPageSize };

const largestIndex = 2 ** 31 - 1;

/** Stage: reads `filter`, `startIndex` and `count`. Throws ScimError 400. */
export function readQuery(exchange: ResourceExchange): void {
  const { parameters } = exchange;
  const filters = parameters.getAll('filter');
  if (filters.length > 1) throw new ScimError(400, 'Send one filter; join two with "and".', 'invalidFilter');
  exchange.filterText = filters[0];
  exchange.query = {
    filter: undefined,
    startIndex: Math.min(Math.max(readInteger(parameters, 'startIndex') ?? 1, 1), largestIndex),
    count: Math.min(Math.max(readInteger(parameters, 'count') ?? limits.defaultPageSize, 0), limits.pageSize),
  };
}

/**
 * Stage: parses the filter. Throws ScimSyntaxError; for a filter on a secret ScimError 403 `sensitive` when it stands in
 * the URL, and 400 `invalidFilter` in a search.
 */
export function resolveQuery(exchange: ResourceExchange): void {
  if (exchange.filterText === undefined) return;
  const filter = parseFilter(exchange.resourceType, exchange.filterText);
  if (namesSecret(exchange.resourceType, filter)) {
    const detail = 'No value of this attribute is kept to compare with.';
    if (exchange.http.method === 'POST') throw new ScimError(400, detail, 'invalidFilter');
    throw new ScimError(403, `A filter on this attribute must not stand in a URL. ${detail}`, 'sensitive');
  }
  exchange.query = { ...exchange.query, filter };
}

function readInteger(parameters: URLSearchParams, name: string): number | undefined {
  const values = parameters.getAll(name);
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1 || !/^[+-]?\d{1,15}$/.test(value.trim())) {
    throw new ScimError(400, `${name} must be one whole number.`, 'invalidValue');
  }
  return Number(value);
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
