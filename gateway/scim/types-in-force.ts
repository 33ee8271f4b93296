import type {
  AttributeDefinition,
  ExtensionDefinition,
  ResourceTypeDefinition,
  SchemaDefinition,
} from '#scim/attribute.ts';
import { resolveRequired } from '#scim/required-attributes.ts';
import type { ResolvedPath, ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';

/** The settings of a connection that its schemas depend on. */
export interface SchemaSettings {
  /** Whether no two groups may share a displayName. */
  readonly uniqueGroupNames: boolean;
  /** The names of attributes that the connection requires. */
  readonly requiredAttributes: readonly string[];
}

/** The resource types as a connection's settings make them: what is required in it, and unique. */
export function typesInForce(
  { resourceTypes }: SchemaRegistry,
  { uniqueGroupNames, requiredAttributes }: SchemaSettings,
): readonly ResourceTypeDefinition[] {
  return resourceTypes.map((type) => {
    const required = requiredAttributes
      .map((name) => resolveRequired(type, name))
      .filter((path) => path !== undefined);
    const inForce = required.reduce(withRequired, definitionOf(type));
    return uniqueGroupNames && type.name === 'Group' ? withUniqueName(inForce) : inForce;
  });
}

function definitionOf({ name, endpoint, description, schema, extensions }: ResourceType) {
  return { name, endpoint, description, schema, extensions };
}

/** With all that leads to an attribute required, which is not there without it. */
function withRequired(
  type: ResourceTypeDefinition,
  { extension, attribute, subAttribute }: ResolvedPath,
): ResourceTypeDefinition {
  const require = (schema: SchemaDefinition) =>
    withAttribute(schema, attribute.name, (found) => ({
      ...found,
      required: true,
      subAttributes: found.subAttributes.map((sub) =>
        sub.name === subAttribute?.name ? { ...sub, required: true } : sub,
      ),
    }));
  if (!extension) return { ...type, schema: require(type.schema) };
  const extensions = type.extensions.map(
    (each): ExtensionDefinition =>
      each.schema.id === extension.schema.id
        ? { ...each, required: true, schema: require(each.schema) }
        : each,
  );
  return { ...type, extensions };
}

function withUniqueName(type: ResourceTypeDefinition): ResourceTypeDefinition {
  return {
    ...type,
    schema: withAttribute(type.schema, 'displayName', (found) => ({ ...found, uniqueness: 'server' })),
  };
}

function withAttribute(
  schema: SchemaDefinition,
  name: string,
  change: (attribute: AttributeDefinition) => AttributeDefinition,
): SchemaDefinition {
  const attributes = schema.attributes.map((each) => (each.name === name ? change(each) : each));
  return { ...schema, attributes };
}
