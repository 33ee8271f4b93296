import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { AttributeValueError, type ReadValueOptions, readAttributeValue } from '#scim/attribute-value.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceExchange } from '../http/exchange.ts';
import { valueOfKey } from './json-key.ts';
import { isMemberList, readMemberIds } from './member-list.ts';
import { showSupplied } from './projection.ts';
import { createReferenceReader, type ReadReference, withReferencedIds } from './references.ts';
import { ScimError } from './scim-error.ts';
import { isKeepable } from './unknown-attributes.ts';

/**
 * Stage: reads the body of a POST or PUT into the fields of the resource's message. What only the server sets is left
 * out, and so is what is never returned. Throws ScimError 400, AttributeValueError.
 */
export function resolveResource(exchange: ResourceExchange): void {
  const { resourceType, body, strict, keepsUnknown } = exchange;
  checkSchemas(resourceType, body);
  const options = readOptions(exchange);
  const readReference = createReferenceReader(exchange.registry, exchange.baseUrl);
  const reading = { resourceType, strict, keepsUnknown, options, readReference };
  const { members, ...read } = readAttributes(reading, body, '');
  const list = members ?? (exchange.strict && hasMemberList(resourceType) ? [] : undefined);
  showSupplied(exchange, suppliedPaths(resourceType, read));
  exchange.written = { resource: messageOf(read), ...(list !== undefined && { members: list }) };
}

/** The fields of the resource's message. */
function messageOf({ resource, declared, unknown }: Omit<ReadAttributes, 'members'>): JsonObject {
  const others = { extensions: declared, unknown };
  return { ...resource, ...Object.fromEntries(Object.entries(others).filter(([, held]) => hasAny(held))) };
}

function hasAny(object: JsonObject): boolean {
  return Object.keys(object).length > 0;
}

function suppliedPaths(
  resourceType: ResourceType,
  { resource, declared }: Omit<ReadAttributes, 'members'>,
): readonly AttributePath[] {
  const pathsIn = (extension: string, attributes: readonly AttributeDefinition[], holder: JsonObject) =>
    attributes
      .filter(({ field }) => holder[field] !== undefined)
      .map(({ name }) => ({ extension, attribute: name, subAttribute: '' }));
  const inExtensions = resourceType.extensions.flatMap(({ field, schema }) => {
    const holder = declared[schema.id] ?? resource[field];
    return isJsonObject(holder) ? pathsIn(schema.id, schema.attributes, holder) : [];
  });
  return [...pathsIn('', resourceType.schema.attributes, resource), ...inExtensions];
}

/** How values are read: what the schema does not know is refused in strict mode, else left out and noted. */
export function readOptions(exchange: ResourceExchange): ReadValueOptions {
  return {
    unknown: exchange.strict ? 'refuse' : 'ignore',
    checkFormats: exchange.strict,
    onIgnored: (path) => exchange.ignored.add(path),
  };
}

interface Reading {
  readonly resourceType: ResourceType;
  readonly strict: boolean;
  readonly keepsUnknown: boolean;
  readonly options: ReadValueOptions;
  readonly readReference: ReadReference;
}

interface ReadAttributes {
  readonly resource: JsonObject;
  /** Of the extensions that the connection declares, by URN. */
  readonly declared: JsonObject;
  /** What no schema knows and is to be kept. */
  readonly unknown: JsonObject;
  readonly members?: readonly string[];
}

function readAttributes(reading: Reading, object: JsonObject, urn: string): ReadAttributes {
  const { resourceType, options, readReference } = reading;
  const fields = new Map<string, JsonValue>();
  const declared = new Map<string, JsonValue>();
  const unknown = new Map<string, JsonValue>();
  const seen = new Set<string>();
  let members: readonly string[] | undefined;
  for (const [name, value] of Object.entries(object)) {
    refuseTwice(seen, name);
    // It follows from the attributes there are; some client libraries send it in the object of an extension too.
    if (name.toLowerCase() === 'schemas') continue;
    const attribute = resourceType.findAttribute(name, urn);
    const extension = urn === '' ? resourceType.findExtension(name) : undefined;
    if (attribute && isMemberList(attribute)) {
      // Null says as little as leaving it out (RFC 7643, section 2.5); an empty list is a list.
      if (value === null) continue;
      members = readMemberIds(attribute, withReferencedIds(attribute, value, readReference), options);
    } else if (attribute) {
      const named = withReferencedIds(attribute, value, readReference);
      const read = isWritable(attribute) ? readAttributeValue(attribute, named, options) : undefined;
      if (read !== undefined && attribute.returned !== 'never') fields.set(attribute.field, read);
    } else if (extension && value !== null) {
      if (!isJsonObject(value)) throw new AttributeValueError(name, `${name} must be an object.`);
      const { resource } = readAttributes(reading, value, extension.schema.id);
      const [holder, key] = extension.declared ? [declared, extension.schema.id] : [fields, extension.field];
      if (hasAny(resource)) holder.set(key, resource);
    } else if (!extension) {
      if (urn === '' && reading.keepsUnknown && isKeepable(resourceType, name, value))
        unknown.set(name, value);
      unknownAttribute(reading, urn === '' ? name : `${urn}:${name}`);
    }
  }
  return {
    resource: Object.fromEntries(fields),
    declared: Object.fromEntries(declared),
    unknown: Object.fromEntries(unknown),
    ...(members !== undefined && { members }),
  };
}

function isWritable({ mutability, derived }: AttributeDefinition): boolean {
  return mutability !== 'readOnly' && !derived;
}

function hasMemberList(resourceType: ResourceType): boolean {
  return resourceType.schema.attributes.some(isMemberList);
}

function unknownAttribute({ resourceType, strict, options }: Reading, name: string): void {
  if (strict) {
    const short = JSON.stringify(name.slice(0, 100));
    throw new ScimError(
      400,
      `${short} is not an attribute of ${resourceType.name}; leave it out.`,
      'invalidSyntax',
    );
  }
  options.onIgnored?.(name);
}

function refuseTwice(seen: Set<string>, name: string): void {
  const folded = name.toLowerCase();
  if (seen.has(folded)) {
    throw new ScimError(
      400,
      `${JSON.stringify(name.slice(0, 100))} is there twice; send it once.`,
      'invalidSyntax',
    );
  }
  seen.add(folded);
}

function checkSchemas(resourceType: ResourceType, body: JsonObject): void {
  const schemas = valueOfKey(body, 'schemas');
  const { id } = resourceType.schema;
  const isList = isJsonArray(schemas) && schemas.every((urn) => typeof urn === 'string');
  if (!isList || !schemas.some((urn) => urn.toLowerCase() === id.toLowerCase())) {
    throw new ScimError(400, `"schemas" must be a list of URNs with "${id}" in it.`, 'invalidSyntax');
  }
  const unknown = schemas.find(
    (urn) => urn.toLowerCase() !== id.toLowerCase() && !resourceType.findExtension(urn),
  );
  if (unknown !== undefined) {
    const short = JSON.stringify(unknown.slice(0, 200));
    throw new ScimError(
      400,
      `${short} is not a schema of ${resourceType.name}; see /ResourceTypes.`,
      'invalidSyntax',
    );
  }
}
