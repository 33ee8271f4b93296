import type { Document } from 'mongodb';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { isExtensionField } from '#scim/declared-extensions.ts';
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
  const entries = entryAttributesOf(resourceType).unique.flatMap((attribute) =>
    entriesOf(attribute, resource),
  );
  return [`id=${id}`, ...new Set(entries)];
}

/**
 * The entries that a resource may not share with another as its connection is set: the unique ones, a group's displayName
 * where no two groups may share one, and what the connection declares to be unique. Those two are among the lookup entries
 * and not among the unique ones, so that the settings can be changed at any time and nothing stored needs to.
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
  const declared = entryAttributesOf(resourceType).declared.flatMap((attribute) =>
    entriesOf(attribute, resource),
  );
  return [...uniqueEntries(resourceType, id, resource), ...names, ...declared];
}

/** Whether a claimed entry is among the lookup entries of its owner, and not among the unique ones. */
export function isClaimedByLookup(resourceType: ResourceType, entry: string): boolean {
  return isGroupName(resourceType, entry) || isExtensionField(entry);
}

function isGroupName(resourceType: ResourceType, entry: string): boolean {
  return resourceType.name === 'Group' && entry.startsWith('displayName=');
}

/** The entries by which `eq` filters find a document: one for each value of an indexed attribute, such as `emails.value=…`. */
export function lookupEntries(resourceType: ResourceType, resource: JsonObject): string[] {
  const entries = entryAttributesOf(resourceType).lookup.flatMap((attribute) =>
    entriesOf(attribute, resource),
  );
  return [...new Set(entries)];
}

/**
 * The text of one entry.
 * @param keys the storage keys of the attribute, from the top of the resource.
 */
export function indexEntry(keys: readonly string[], value: FoldedValue): string {
  return `${keys.join('.')}=${value instanceof Date ? value.toISOString() : value}`;
}

/**
 * Whether values of a top-level attribute make unique entries. `id` has an entry of its own.
 * @param declared whether the attribute is of an extension that the connection declares.
 */
export function hasUniqueEntry(attribute: AttributeDefinition, declared: boolean): boolean {
  const { uniqueness, type, name } = attribute;
  return uniqueness !== 'none' && type !== 'complex' && name !== 'id' && !declared;
}

/** An attribute that makes entries. */
interface EntryAttribute {
  /** Its storage keys, from the top of the resource. */
  readonly keys: readonly string[];
  /** What has the values: the attribute, or the sub-attribute of its values. */
  readonly definition: AttributeDefinition;
  /** The storage key of the sub-attribute. */
  readonly sub?: string;
}

/** The attributes of a type that make entries of each kind. */
interface EntryAttributes {
  readonly unique: readonly EntryAttribute[];
  readonly declared: readonly EntryAttribute[];
  readonly lookup: readonly EntryAttribute[];
}

const known = new WeakMap<ResourceType, EntryAttributes>();

function entryAttributesOf(resourceType: ResourceType): EntryAttributes {
  const found = known.get(resourceType) ?? findEntryAttributes(resourceType);
  known.set(resourceType, found);
  return found;
}

function findEntryAttributes({ schema, extensions }: ResourceType): EntryAttributes {
  const all = [
    ...schema.attributes.map((attribute) => ({ keys: [attribute.field], attribute, declared: false })),
    ...extensions.flatMap(({ field, schema: { attributes }, declared }) =>
      attributes.map((attribute) => ({ keys: [field, attribute.field], attribute, declared })),
    ),
  ];
  const whole = (some: typeof all) => some.map(({ keys, attribute }) => ({ keys, definition: attribute }));
  return {
    unique: whole(all.filter(({ attribute, declared }) => hasUniqueEntry(attribute, declared))),
    declared: whole(all.filter(({ attribute, declared }) => declared && attribute.uniqueness !== 'none')),
    lookup: all.flatMap(({ keys, attribute }): EntryAttribute[] => {
      if (attribute.indexed) return [{ keys, definition: attribute }];
      return attribute.subAttributes
        .filter((sub) => sub.indexed)
        .map((sub) => ({ keys, definition: sub, sub: sub.field }));
    }),
  };
}

function entriesOf({ keys, definition, sub }: EntryAttribute, resource: JsonObject): string[] {
  const held = listOf(valueAt(resource, keys));
  const values =
    sub === undefined
      ? held
      : held.flatMap((element) => listOf(isJsonObject(element) ? element[sub] : undefined));
  const path = sub === undefined ? keys : [...keys, sub];
  return values
    .map((value) => foldValue(definition, value))
    .filter((value) => value !== undefined)
    .map((value) => indexEntry(path, value));
}

function listOf(held: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(held) ? held : held === undefined ? [] : [held];
}
