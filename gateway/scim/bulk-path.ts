import type { ResourceType } from '#scim/schema-registry.ts';
import type { Exchange } from '../http/exchange.ts';
import { ScimError } from './scim-error.ts';

/** What the path of a bulk operation names. */
export interface BulkPath {
  /** The type of its resource. */
  readonly resourceType: ResourceType;
  /** The resource's id, which may be a reference as `bulkId:x`; empty for the endpoint of the type. */
  readonly id: string;
}

/**
 * Reads the path of a bulk operation: relative to the connection's base URL, or the whole URL below it (RFC 7644,
 * section 3.7). Throws ScimError 400 `invalidSyntax`, and 404 for what is no path of users, groups and the like.
 */
export function readBulkPath(
  { registry: { resourceTypes }, baseUrl, strict, repairs }: Exchange,
  path: string,
): BulkPath {
  const relative = path.startsWith(`${baseUrl}/`) ? path.slice(baseUrl.length) : path;
  const hasSlash = relative.startsWith('/');
  if (strict && !hasSlash) throw malformedPath('Begin "path" with a slash: it is relative to the base URL.');
  if (/[?#]/.test(relative)) throw malformedPath('Send "path" without a query.');
  const [endpoint, id = '', ...others] = (hasSlash ? relative.slice(1) : relative).split('/');
  const resourceType = resourceTypes.find((type) => type.endpoint === `/${endpoint}`);
  if (resourceType === undefined || others.length > 0) {
    const known = resourceTypes.flatMap((type) => [type.endpoint, `${type.endpoint}/{id}`]).join(', ');
    throw new ScimError(404, `A bulk operation cannot have this "path". Those it can have are ${known}.`);
  }
  if (!hasSlash) repairs.add('bulkSpelling');
  return { resourceType, id: decoded(id) };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    throw malformedPath('The id in "path" is not percent-encoded UTF-8.');
  }
}

function malformedPath(detail: string): ScimError {
  return new ScimError(400, detail, 'invalidSyntax');
}
