import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import { resourceTypes as builtInResourceTypes } from '#proto/schemas.ts';
import type { AttributeDefinition, ExtensionDefinition, ResourceTypeDefinition } from './attribute.ts';

/** The resource types one server knows. */
export interface SchemaRegistry {
  /** All of them, in the order of their definitions. */
  readonly resourceTypes: readonly ResourceType[];
  /** Finds one by its name (`User`), whatever the letter case; undefined when there is none. */
  resourceType(name: string): ResourceType | undefined;
}

/** A resource type whose attributes can be found by name. */
export interface ResourceType extends ResourceTypeDefinition {
  /**
   * Finds a top-level attribute, whatever the letter case.
   * @param extensionUrn the URN of an extension; '' or the core schema's URN, which is the default, means the core and
   * common attributes.
   */
  findAttribute(name: string, extensionUrn?: string): AttributeDefinition | undefined;
  /** Finds an extension by its URN, whatever the letter case; undefined also for the core schema. */
  findExtension(urn: string): ExtensionDefinition | undefined;
}

/** Where a path leads. */
export interface ResolvedPath {
  /** The extension the attribute belongs to; absent for core and common attributes. */
  readonly extension?: ExtensionDefinition;
  /** The top-level attribute. */
  readonly attribute: AttributeDefinition;
  /** The sub-attribute; absent when the path names the whole attribute. */
  readonly subAttribute?: AttributeDefinition;
  /** The keys that lead from the top of a resource object to the value, one to three of them. */
  readonly keys: readonly string[];
}

/** Makes a registry of the given resource types; of the built-in ones by default. */
export function createSchemaRegistry(
  definitions: readonly ResourceTypeDefinition[] = builtInResourceTypes,
): SchemaRegistry {
  const resourceTypes = definitions.map(createResourceType);
  const byName = new Map(resourceTypes.map((type) => [type.name.toLowerCase(), type]));
  return { resourceTypes, resourceType: (name) => byName.get(name.toLowerCase()) };
}

/** Finds a sub-attribute by name, whatever the letter case. */
export function findSubAttribute(
  attribute: AttributeDefinition,
  name: string,
): AttributeDefinition | undefined {
  const wanted = name.toLowerCase();
  return attribute.subAttributes.find((sub) => sub.name === name || sub.name.toLowerCase() === wanted);
}

/**
 * Finds what a path names; undefined when the resource type does not have it, and for a path that names a whole
 * extension. The path's value filter is not looked at.
 */
export function resolvePath(resourceType: ResourceType, path: AttributePath): ResolvedPath | undefined {
  const attribute = resourceType.findAttribute(path.attribute, path.extension);
  if (attribute === undefined) return undefined;
  const extension = resourceType.findExtension(path.extension);
  const subAttribute = path.subAttribute === '' ? undefined : findSubAttribute(attribute, path.subAttribute);
  if (path.subAttribute !== '' && subAttribute === undefined) return undefined;
  return {
    ...(extension && { extension }),
    attribute,
    ...(subAttribute && { subAttribute }),
    keys: [extension?.field, attribute.field, subAttribute?.field].filter((key) => key !== undefined),
  };
}

function createResourceType(definition: ResourceTypeDefinition): ResourceType {
  const extensions = new Map(
    definition.extensions.map((extension) => [extension.schema.id.toLowerCase(), extension]),
  );
  const core = attributesByName(definition.schema.attributes);
  const attributes = new Map([
    ['', core],
    [definition.schema.id.toLowerCase(), core],
    ...definition.extensions.map(
      ({ schema }) => [schema.id.toLowerCase(), attributesByName(schema.attributes)] as const,
    ),
  ]);
  return {
    ...definition,
    findAttribute: (name, extensionUrn = '') =>
      attributes.get(extensionUrn.toLowerCase())?.get(name.toLowerCase()),
    findExtension: (urn) => extensions.get(urn.toLowerCase()),
  };
}

function attributesByName(attributes: readonly AttributeDefinition[]): Map<string, AttributeDefinition> {
  return new Map(attributes.map((attribute) => [attribute.name.toLowerCase(), attribute]));
}
