import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributeDefinition, ExtensionDefinition } from '#scim/attribute.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import { extensionUrn, isExtensionField } from '#scim/declared-extensions.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from './errors.ts';
import { withMember } from './resource-value.ts';
import { keptUnknown, withUnknown } from './unknown-attributes.ts';

/**
 * Spells the names of what a client sent for declared extensions as their schemas do, and leaves out what is not stored.
 * Values are not checked yet.
 * @throws DirectoryError VALUE_INVALID for an extension or attribute that the connection does not declare.
 */
export function readDeclared(type: ResourceType, resource: JsonObject): JsonObject {
  let read = resource;
  for (const field of Object.keys(resource).filter(isExtensionField)) {
    const extension = type.extensions.find((known) => known.field === field);
    const held = resource[field];
    if (!extension) throw notDeclared(extensionUrn(field).slice(0, 200));
    read = withMember(read, field, isJsonObject(held) ? spelled(type, extension, held) : undefined);
  }
  return read;
}

function spelled(
  type: ResourceType,
  { schema }: ExtensionDefinition,
  held: JsonObject,
): JsonObject | undefined {
  const values = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(held)) {
    const attribute = type.findAttribute(name, schema.id);
    if (!attribute) throw notDeclared(`${schema.id}:${name.slice(0, 100)}`);
    if (isStored(attribute) && value !== null) values.set(attribute.field, value);
  }
  return values.size === 0 ? undefined : Object.fromEntries(values);
}

/** The error for values of an extension, or of an attribute of one, that the connection does not declare. */
export function notDeclared(attribute: string): DirectoryError {
  return new DirectoryError(
    ErrorReason.VALUE_INVALID,
    `${attribute} is declared by no extension of this resource type in this connection; leave it out, or declare it.`,
    { attribute },
  );
}

/**
 * What is stored, brought to the extensions that the connection declares now: without the values of attributes and
 * extensions that were taken back, and with what was kept while its URN was unknown as values of the extension, where it fits
 * and need not be unique. The same object when there is nothing to do.
 */
export function withDeclarations(type: ResourceType, resource: JsonObject): JsonObject {
  const adopted = adoptUnknown(type, resource);
  return Object.keys(adopted)
    .filter(isExtensionField)
    .reduce((state, field) => {
      const extension = type.extensions.find((known) => known.field === field);
      const held = adopted[field];
      const left =
        extension && isJsonObject(held) ? onlyDeclared(extension.schema.attributes, held) : undefined;
      return withMember(state, field, left);
    }, adopted);
}

/** An object without what its attributes do not store; undefined when nothing is left. */
function onlyDeclared(attributes: readonly AttributeDefinition[], held: JsonObject): JsonObject | undefined {
  const entries = attributes.filter(isStored).flatMap((attribute): [string, JsonValue][] => {
    const value = held[attribute.field];
    const left = value === undefined ? undefined : onlyParts(attribute, value);
    return left === undefined ? [] : [[attribute.field, left]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function onlyParts(attribute: AttributeDefinition, value: JsonValue): JsonValue | undefined {
  if (attribute.type !== 'complex') return value;
  if (isJsonObject(value)) return onlyDeclared(attribute.subAttributes, value);
  if (!isJsonArray(value)) return undefined;
  const left = value.map((item) => onlyParts(attribute, item)).filter((item) => item !== undefined);
  return left.length === 0 ? undefined : left;
}

function isStored({ derived, mutability, returned }: AttributeDefinition): boolean {
  return !derived && mutability !== 'readOnly' && returned !== 'never';
}

/**
 * What was kept while its name was unknown, as values of what has the name now: where it fits, need not be unique and
 * nothing was sent since. The same object when there is nothing to do.
 */
export function adoptUnknown(type: ResourceType, resource: JsonObject): JsonObject {
  return Object.entries(keptUnknown(resource)).reduce((state, [name, value]) => {
    const extension = type.findExtension(name);
    const attribute = type.findAttribute(name);
    const field = extension?.field ?? attribute?.field;
    if (field === undefined) return state;
    const { [name]: _, ...others } = keptUnknown(state);
    const left = withUnknown(state, others);
    if (left[field] !== undefined) return left;
    const fits = extension
      ? fittingExtension(type, extension, value)
      : attribute && fitting(attribute, value);
    return withMember(left, field, fits);
  }, resource);
}

function fittingExtension(
  type: ResourceType,
  { schema }: ExtensionDefinition,
  held: JsonValue,
): JsonObject | undefined {
  if (!isJsonObject(held)) return undefined;
  const entries = Object.entries(held).flatMap(([name, value]): [string, JsonValue][] => {
    const attribute = type.findAttribute(name, schema.id);
    const fits = attribute && fitting(attribute, value);
    return fits === undefined ? [] : [[attribute?.field ?? name, fits]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function fitting(attribute: AttributeDefinition, value: JsonValue): JsonValue | undefined {
  if (!isStored(attribute) || attribute.uniqueness !== 'none') return undefined;
  try {
    const read = readAttributeValue(attribute, value, { unknown: 'ignore' });
    return read === undefined || lacksPart(attribute, read) ? undefined : read;
  } catch (error) {
    if (error instanceof AttributeValueError) return undefined;
    throw error;
  }
}

function lacksPart(attribute: AttributeDefinition, value: JsonValue): boolean {
  const elements = isJsonArray(value) ? value : [value];
  return elements.some(
    (element) =>
      isJsonObject(element) &&
      attribute.subAttributes.some(({ field, required }) => required && element[field] === undefined),
  );
}
