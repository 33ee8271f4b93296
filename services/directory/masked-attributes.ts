import type { AttributeDefinition } from '#scim/attribute.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { type AttributeSetting, parseAttributeNames } from './attribute-names.ts';

const setting: AttributeSetting = {
  field: 'masked_attributes',
  done: 'masked',
  obstacleOf({ attribute, subAttribute }, registry) {
    if (attribute.name === 'id') return 'it is in the URLs of requests and says nothing about a person';
    // Masking goes by the last part of the name, which clients send in many places and ways.
    if (subAttribute === undefined || namesOf(registry, subAttribute.name) === 1) return undefined;
    return `other attributes have a part of this name too; mask ${attribute.name}`;
  },
};

/**
 * Reads the names of attributes that a connection is to mask, spelled as the schemas do and each once; see
 * `Connection.masked_attributes`. REQUEST_INVALID with the reason for the first that cannot be masked.
 */
export function parseMaskedAttributes(registry: SchemaRegistry, names: readonly string[]): readonly string[] {
  return parseAttributeNames(setting, registry, names);
}

/** How many attributes and sub-attributes have this name; one that resource types share counts once. */
function namesOf({ resourceTypes }: SchemaRegistry, name: string): number {
  const places = resourceTypes.flatMap(({ schema, extensions }) =>
    [schema, ...extensions.map((extension) => extension.schema)].flatMap(({ attributes }) =>
      attributes.flatMap((attribute) => placesIn(attribute, name)),
    ),
  );
  return new Set(places).size;
}

function placesIn({ name: own, subAttributes }: AttributeDefinition, name: string): readonly string[] {
  const names = [own, ...subAttributes.map((sub) => `${own}.${sub.name}`)];
  return names.filter((each) => each.split('.').at(-1)?.toLowerCase() === name.toLowerCase());
}
