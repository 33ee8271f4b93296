import type { AttributeDefinition } from '#scim/attribute.ts';
import { extensionField, isExtensionField } from '#scim/declared-extensions.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, toJsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { adoptUnknown, notDeclared } from './declared-values.ts';
import { keptUnknown, unknownField, withUnknown } from './unknown-attributes.ts';

/**
 * What is stored of a resource's message (`User`, `Group`): every attribute that a client may write and the server returns.
 * Left out are `id`, `meta`, what is read-only, derived or never returned, and what has no value: undefined, null, and empty
 * lists and objects (RFC 7643, section 2.5). Times become text in UTC. Values of declared extensions are taken as they come,
 * under the keys of `extensionField`; whoever knows what the connection declares has to read them: see `readDeclared`.
 * @throws DirectoryError VALUE_INVALID for an extension whose name is no URN.
 */
export function resourceFromMessage(resourceType: ResourceType, message: object): JsonObject {
  const resource = storedAttributes(resourceType.schema.attributes, message) ?? {};
  const extensions = resourceType.extensions
    .filter(({ declared }) => !declared)
    .map(({ field, schema }) => {
      const held = memberOf(message, field);
      return [field, isObject(held) ? storedAttributes(schema.attributes, held) : undefined] as const;
    });
  return {
    ...resource,
    ...Object.fromEntries(
      extensions.filter((entry): entry is [string, JsonObject] => entry[1] !== undefined),
    ),
    ...declaredFromMessage(message),
    ...unknownFromMessage(message),
  };
}

function declaredFromMessage(message: object): JsonObject {
  const entries = membersOf(memberOf(message, 'extensions')).map(([urn, values]) => {
    const field = extensionField(urn);
    // Another key would stand where an attribute of the resource does.
    if (!isExtensionField(field)) throw notDeclared(urn.slice(0, 200));
    return [field, toJsonValue(values)] as const;
  });
  return Object.fromEntries(
    entries.filter(([, values]) => isJsonObject(values) && Object.keys(values).length > 0),
  );
}

function unknownFromMessage(message: object): JsonObject {
  const entries = membersOf(memberOf(message, 'unknown')).map(
    ([name, value]) => [name, toJsonValue(value)] as const,
  );
  return withUnknown({}, Object.fromEntries(entries));
}

/** The message's shape of a stored resource, for the message's `fromPartial`: the resource itself, with times as Dates. */
export function resourceToMessage(resourceType: ResourceType, stored: JsonObject): object {
  // Until it is folded again, what is kept may be what has been declared since.
  const resource = adoptUnknown(resourceType, stored);
  const core = messageAttributes(resourceType.schema.attributes, resource);
  const builtIn: [string, object][] = [];
  const declared: [string, object][] = [];
  for (const { field, schema, declared: isDeclared } of resourceType.extensions) {
    const held = resource[field];
    if (!isJsonObject(held)) continue;
    // What was declared once may still be stored.
    const values = isDeclared ? storedAttributes(schema.attributes, held) : undefined;
    if (values) declared.push([schema.id, values]);
    else if (!isDeclared) builtIn.push([field, messageAttributes(schema.attributes, held)]);
  }
  return {
    ...core,
    ...Object.fromEntries(builtIn),
    ...(declared.length > 0 && { extensions: Object.fromEntries(declared) }),
    ...(resource[unknownField] !== undefined && { unknown: keptUnknown(resource) }),
  };
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

function membersOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function memberOf(holder: object, key: string): unknown {
  return Object.hasOwn(holder, key) ? Reflect.get(holder, key) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
