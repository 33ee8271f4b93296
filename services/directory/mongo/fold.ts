import type { Document } from 'mongodb';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { type FoldedValue, foldValue } from '../filter/fold-value.ts';
import { valueAt } from '../resource-value.ts';

/**
 * The part of a document that filters compare: every attribute that is stored and may be filtered, under its storage
 * keys, with values folded. Attributes without a value, and values that have no comparable form, are absent; so are empty
 * lists and objects.
 */
export function foldResource(resourceType: ResourceType, resource: JsonObject): Document {
  const folded: Document = foldAttributes(resourceType.schema.attributes, resource) ?? {};
  for (const { field, schema } of resourceType.extensions) {
    const held = resource[field];
    const extension = isJsonObject(held) ? foldAttributes(schema.attributes, held) : undefined;
    if (extension !== undefined) folded[field] = extension;
  }
  return folded;
}

function foldAttributes(
  attributes: readonly AttributeDefinition[],
  holder: JsonObject,
): Document | undefined {
  const entries = attributes
    .filter(isFilterable)
    .map((attribute) => [attribute.field, foldAttribute(attribute, holder[attribute.field])] as const)
    .filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function foldAttribute(attribute: AttributeDefinition, held: JsonValue | undefined): unknown {
  if (held === undefined) return undefined;
  if (!attribute.multiValued) return foldElement(attribute, held);
  if (!isJsonArray(held)) return undefined;
  const elements = held
    .map((element) => foldElement(attribute, element))
    .filter((value) => value !== undefined);
  return elements.length === 0 ? undefined : elements;
}

function foldElement(attribute: AttributeDefinition, element: JsonValue): Document | FoldedValue | undefined {
  if (attribute.type !== 'complex') return foldValue(attribute, element);
  return isJsonObject(element) ? foldAttributes(attribute.subAttributes, element) : undefined;
}

function isFilterable(attribute: AttributeDefinition): boolean {
  return !attribute.derived && attribute.returned !== 'never';
}

/**
 * The entries of which no two documents of a type in one connection share one: `id=<id>` first, then one for each value of
 * a top-level attribute whose uniqueness is `server` or `global`, such as `userName=ada@example.com`.
 */
export function uniqueEntries(resourceType: ResourceType, id: string, resource: JsonObject): string[] {
  const entries = topLevelAttributes(resourceType)
    .filter(({ attribute }) => hasUniqueEntry(attribute))
    .flatMap(({ keys, attribute }) => entriesOf(keys, attribute, valueAt(resource, keys)));
  return [`id=${id}`, ...new Set(entries)];
}

/**
 * The entries that a resource may not share with another as its connection is set: the unique ones, and a group's
 * displayName where no two groups may share one. That one is among the lookup entries and not among the unique ones, so
 * that the setting can be changed at any time and nothing stored needs to.
 */
export function claimedEntries(
  resourceType: ResourceType,
  id: string,
  resource: JsonObject,
  settings: { readonly uniqueGroupNames: boolean },
): string[] {
  const names = settings.uniqueGroupNames
    ? lookupEntries(resourceType, resource).filter((entry) => isGroupName(resourceType, entry))
    : [];
  return [...uniqueEntries(resourceType, id, resource), ...names];
}

/** Whether an entry is that of a group's displayName. */
export function isGroupName(resourceType: ResourceType, entry: string): boolean {
  return resourceType.name === 'Group' && entry.startsWith('displayName=');
}

/** The entries by which `eq` filters find a document: one for each value of an indexed attribute, such as `emails.value=…`. */
export function lookupEntries(resourceType: ResourceType, resource: JsonObject): string[] {
  const entries = topLevelAttributes(resourceType).flatMap(({ keys, attribute }) => {
    const held = valueAt(resource, keys);
    if (attribute.indexed) return entriesOf(keys, attribute, held);
    return attribute.subAttributes
      .filter((sub) => sub.indexed)
      .flatMap((sub) =>
        listOf(held).flatMap((element) =>
          entriesOf([...keys, sub.field], sub, isJsonObject(element) ? element[sub.field] : undefined),
        ),
      );
  });
  return [...new Set(entries)];
}

/**
 * The text of one entry.
 * @param keys the storage keys of the attribute, from the top of the resource.
 */
export function indexEntry(keys: readonly string[], value: FoldedValue): string {
  return `${keys.join('.')}=${value instanceof Date ? value.toISOString() : value}`;
}

/** Whether values of a top-level attribute make unique entries. `id` has an entry of its own. */
export function hasUniqueEntry(attribute: AttributeDefinition): boolean {
  return attribute.uniqueness !== 'none' && attribute.type !== 'complex' && attribute.name !== 'id';
}

function entriesOf(
  keys: readonly string[],
  attribute: AttributeDefinition,
  held: JsonValue | undefined,
): string[] {
  return listOf(held)
    .map((value) => foldValue(attribute, value))
    .filter((value) => value !== undefined)
    .map((value) => indexEntry(keys, value));
}

function topLevelAttributes(resourceType: ResourceType) {
  return [
    ...resourceType.schema.attributes.map((attribute) => ({ keys: [attribute.field], attribute })),
    ...resourceType.extensions.flatMap(({ field, schema }) =>
      schema.attributes.map((attribute) => ({ keys: [field, attribute.field], attribute })),
    ),
  ];
}

function listOf(held: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(held) ? held : held === undefined ? [] : [held];
}
