import type { AttributeDefinition, ExtensionDefinition } from '#scim/attribute.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import { entityTag } from '../http/preconditions.ts';
import { isMemberList } from './member-list.ts';
import type { ProjectedAttribute, ProjectedExtension, Projection } from './projection.ts';
import { renderUnknown, unknownSchemas } from './unknown-attributes.ts';

/** A resource, or a value of a complex attribute, as the directory sends it: the fields of its message. */
export type ResourceMessage = Readonly<Record<string, unknown>>;

/** Writes resources as SCIM JSON. */
export interface ResourceRenderer {
  /** The resource's URI. */
  location(resourceType: ResourceType, id: string): string;
  /** The resource with what the projection leaves of it; attributes without a value are left out. */
  render(resourceType: ResourceType, message: ResourceMessage, projection: Projection): JsonObject;
  /** Members of a group with what the projection leaves of each. */
  renderMembers(members: readonly ResourceMessage[], projection: Projection): readonly JsonValue[];
}

/** Makes a renderer whose URIs begin with a connection's base URL. */
export function createResourceRenderer(registry: SchemaRegistry, baseUrl: string): ResourceRenderer {
  const location = (resourceType: ResourceType, id: string) =>
    `${baseUrl}${resourceType.endpoint}/${encodeURIComponent(id)}`;
  const refer = (attribute: AttributeDefinition, holder: ResourceMessage) =>
    reference(registry, attribute, holder, location);
  return {
    location,
    renderMembers(members, projection) {
      const list = projection.core.find(({ attribute }) => isMemberList(attribute));
      if (list === undefined) return [];
      return members
        .map((member) => renderOne(list.attribute, list.subAttributes, member, refer))
        .filter((member) => member !== undefined);
    },
    render(resourceType, message, projection) {
      const complete = {
        ...message,
        meta: renderedMeta(message, location(resourceType, textOf(message.id))),
      };
      return {
        schemas: schemasOf(resourceType, message),
        ...renderFields(projection.core, complete, refer),
        ...renderExtensions(projection.extensions, message, refer),
        ...renderUnknown(resourceType, message, projection),
      };
    },
  };
}

type Refer = (attribute: AttributeDefinition, holder: ResourceMessage) => string | undefined;

function renderFields(
  projected: readonly ProjectedAttribute[],
  fields: ResourceMessage,
  refer: Refer,
): JsonObject {
  const rendered: Record<string, JsonValue> = {};
  for (const { attribute, subAttributes } of projected) {
    const value = fields[attribute.field];
    if (value === undefined) continue;
    const one = (item: unknown) => renderOne(attribute, subAttributes, item, refer);
    const found = Array.isArray(value) && attribute.multiValued ? valuesOf(value, one) : one(value);
    if (found !== undefined) rendered[attribute.name] = found;
  }
  return rendered;
}

function renderExtensions(
  projected: readonly ProjectedExtension[],
  message: ResourceMessage,
  refer: Refer,
): JsonObject {
  const rendered: Record<string, JsonObject> = {};
  for (const { extension, attributes } of projected) {
    const fields = renderFields(attributes, extensionOf(message, extension), refer);
    if (Object.keys(fields).length > 0) rendered[extension.schema.id] = fields;
  }
  return rendered;
}

/** What is rendered of the values of an attribute that may have several; undefined when that is nothing. */
function valuesOf(
  values: readonly unknown[],
  renderValue: (value: unknown) => JsonValue | undefined,
): readonly JsonValue[] | undefined {
  const rendered = values.map(renderValue).filter((value) => value !== undefined);
  return rendered.length === 0 ? undefined : rendered;
}

function renderOne(
  attribute: AttributeDefinition,
  subAttributes: readonly AttributeDefinition[],
  value: unknown,
  refer: Refer,
): JsonValue | undefined {
  if (attribute.type !== 'complex') return renderSimple(value);
  const fields = fieldsOf(value);
  const rendered: Record<string, JsonValue> = {};
  let isEmpty = true;
  for (const sub of subAttributes) {
    const part = sub.name === '$ref' ? refer(sub, fields) : renderPart(sub, fields[sub.field]);
    if (part === undefined) continue;
    rendered[sub.name] = part;
    isEmpty = false;
  }
  return isEmpty ? undefined : rendered;
}

/** A part of a complex value is simple, and may have several values. */
function renderPart({ multiValued }: AttributeDefinition, value: unknown): JsonValue | undefined {
  return multiValued && Array.isArray(value) ? valuesOf(value, renderSimple) : renderSimple(value);
}

function renderSimple(value: unknown): JsonValue | undefined {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return undefined;
}

/** The URI of what a complex value points to: its `value` names it, its `type` says what it is where that is open. */
function reference(
  registry: SchemaRegistry,
  attribute: AttributeDefinition,
  holder: ResourceMessage,
  location: ResourceRenderer['location'],
): string | undefined {
  const [only, ...others] = attribute.referenceTypes;
  const target = registry.resourceType((others.length === 0 ? only : textOf(holder.type)) ?? '');
  const id = textOf(holder.value);
  return target === undefined || id === '' ? undefined : location(target, id);
}

function renderedMeta(message: ResourceMessage, location: string): ResourceMessage {
  const meta = fieldsOf(message.meta);
  return { ...meta, location, version: entityTag(textOf(meta.version)) };
}

function schemasOf(resourceType: ResourceType, message: ResourceMessage): readonly string[] {
  const used = resourceType.extensions.filter((extension) =>
    Object.values(extensionOf(message, extension)).some((value) => value !== undefined),
  );
  return [
    resourceType.schema.id,
    ...used.map(({ schema }) => schema.id),
    ...unknownSchemas(resourceType, message),
  ];
}

/** The fields of an extension: in one of the message's own, or by URN among those that the connection declares. */
function extensionOf(
  message: ResourceMessage,
  { field, declared, schema }: ExtensionDefinition,
): ResourceMessage {
  return fieldsOf(declared ? fieldsOf(message.extensions)[schema.id] : message[field]);
}

const noFields: ResourceMessage = {};

function fieldsOf(value: unknown): ResourceMessage {
  return typeof value === 'object' && value !== null ? (value as ResourceMessage) : noFields;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
