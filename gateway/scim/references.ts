import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { findSubAttribute, type ResourceType, type SchemaRegistry } from '#scim/schema-registry.ts';
import { valueOfKey } from './json-key.ts';

/** A resource that a URI names; whether there is one is not known. */
export interface ResourceReference {
  /** Its type, by the endpoint. */
  readonly type: ResourceType;
  /** Its id. */
  readonly id: string;
}

/** Reads the URI of a resource of one connection; undefined for that of anything else. */
export type ReadReference = (uri: string) => ResourceReference | undefined;

/**
 * Makes a ReadReference for the connection with a base URL. A URI is absolute, or relative to the base URL (RFC 7643,
 * section 2.3.7), and the same with and without the version (section 2.4): `Users/x`, `/Users/x`, `../Users/x`,
 * `https://…/scim/{connection}/v2/Users/x` and `https://…/scim/{connection}/Users/x` name one user.
 */
export function createReferenceReader(registry: SchemaRegistry, baseUrl: string): ReadReference {
  const { origin, pathname } = new URL(baseUrl);
  const [, root = pathname, version = ''] = /^(.*)(\/v\d+)$/.exec(pathname) ?? [];
  return (uri) => {
    const path = pathBelow(origin, root, uri);
    const unversioned = path?.startsWith(`${version}/`) ? path.slice(version.length) : path;
    const [, endpoint, id = ''] = /^(\/[^/?#]+)\/([^/?#]+)$/.exec(unversioned ?? '') ?? [];
    const type = registry.resourceTypes.find((candidate) => candidate.endpoint === endpoint);
    return type && { type, id };
  };
}

/** What follows the connection in a URI, from the slash. */
function pathBelow(origin: string, root: string, uri: string): string | undefined {
  if (/^[a-z][a-z\d+.-]*:/i.test(uri)) {
    const url = URL.canParse(uri) ? new URL(uri) : undefined;
    const isBelow = url?.origin === origin && url.pathname.startsWith(`${root}/`);
    return isBelow ? url.href.slice(origin.length + root.length) : undefined;
  }
  if (uri.startsWith(`${root}/`)) return uri.slice(root.length);
  return `/${uri.replace(/^((\.\.?\/)+|\/)/, '')}`;
}

/**
 * A value that a client sends for an attribute, with an id as `value` wherever only `$ref` says which resource is meant. The
 * very value when nothing is to be added; a URI of anything else stays what it is.
 */
export function withReferencedIds(
  attribute: AttributeDefinition,
  value: JsonValue,
  readReference: ReadReference,
): JsonValue {
  const types = findSubAttribute(attribute, '$ref')?.referenceTypes;
  if (types === undefined) return value;
  if (isJsonArray(value)) return value.map((item) => withReferencedIds(attribute, item, readReference));
  if (!isJsonObject(value) || (valueOfKey(value, 'value') ?? null) !== null) return value;
  const uri = valueOfKey(value, '$ref');
  const target = typeof uri === 'string' ? readReference(uri) : undefined;
  return target && types.includes(target.type.name) ? withId(value, target.id) : value;
}

function withId(value: JsonObject, id: string): JsonObject {
  const others = Object.entries(value).filter(([key]) => key.toLowerCase() !== 'value');
  return { ...Object.fromEntries(others), value: id };
}
