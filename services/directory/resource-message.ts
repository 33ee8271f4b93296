import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, toJsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';

/**
 * What is stored of a resource's message (`User`, `Group`): every attribute that a client may write and the server returns.
 * Left out are `id`, `meta`, `extensions` (no connection can declare any yet), what is read-only, derived or never
 * returned, and what has no value: undefined, null, and empty lists and objects (RFC 7643, section 2.5). Times become
 * text in UTC.
 */
export function resourceFromMessage(resourceType: ResourceType, message: object): JsonObject {
  const resource = storedAttributes(resourceType.schema.attributes, message) ?? {};
  const extensions = resourceType.extensions.map(({ field, schema }) => {
    const held = memberOf(message, field);
    return [field, isObject(held) ? storedAttributes(schema.attributes, held) : undefined] as const;
  });
  return {
    ...resource,
    ...Object.fromEntries(
      extensions.filter((entry): entry is [string, JsonObject] => entry[1] !== undefined),
    ),
  };
}

/** The message's shape of a stored resource, for the message's `fromPartial`: the resource itself, with times as Dates. */
export function resourceToMessage(resourceType: ResourceType, resource: JsonObject): object {
  const core = messageAttributes(resourceType.schema.attributes, resource);
  const extensions = resourceType.extensions.flatMap(({ field, schema }) => {
    const held = resource[field];
    return isJsonObject(held) ? [[field, messageAttributes(schema.attributes, held)]] : [];
  });
  return { ...core, ...Object.fromEntries(extensions) };
}

function storedAttributes(
  attributes: readonly AttributeDefinition[],
  holder: object,
): JsonObject | undefined {
  const entries = attributes
    .filter(
      ({ derived, mutability, returned }) => !derived && mutability !== 'readOnly' && returned !== 'never',
    )
    .map((attribute) => [attribute.field, storedValue(attribute, memberOf(holder, attribute.field))] as const)
    .filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function storedValue(attribute: AttributeDefinition, value: unknown): JsonValue | undefined {
  if (Array.isArray(value)) {
    const values = value.map((item) => storedValue(attribute, item)).filter((item) => item !== undefined);
    return values.length === 0 ? undefined : values;
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (attribute.type === 'complex') {
    return isObject(value) ? storedAttributes(attribute.subAttributes, value) : undefined;
  }
  return toJsonValue(value) ?? undefined;
}

function messageAttributes(attributes: readonly AttributeDefinition[], holder: JsonObject): object {
  const changed = attributes
    .filter((attribute) => hasTimes(attribute) && holder[attribute.field] !== undefined)
    .map((attribute) => [attribute.field, messageValue(attribute, holder[attribute.field])]);
  return changed.length === 0 ? holder : { ...holder, ...Object.fromEntries(changed) };
}

function messageValue(attribute: AttributeDefinition, value: JsonValue | undefined): unknown {
  if (isJsonArray(value)) return value.map((item) => messageValue(attribute, item));
  if (isJsonObject(value)) return messageAttributes(attribute.subAttributes, value);
  return attribute.type === 'dateTime' && typeof value === 'string' ? new Date(value) : value;
}

function hasTimes({ type, subAttributes }: AttributeDefinition): boolean {
  return type === 'dateTime' || subAttributes.some(hasTimes);
}

function memberOf(holder: object, key: string): unknown {
  return Object.hasOwn(holder, key) ? Reflect.get(holder, key) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
