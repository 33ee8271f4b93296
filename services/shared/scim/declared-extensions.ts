import { LRUCache } from 'lru-cache';
import type { Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Schema, SchemaAttribute, SchemaSubAttribute } from '#proto/rollcall/scim/v1/schema.ts';
import { resourceTypes as builtInResourceTypes } from '#proto/schemas.ts';
import type { AttributeDefinition, ExtensionDefinition, SchemaDefinition } from './attribute.ts';
import { createSchemaRegistry, type SchemaRegistry } from './schema-registry.ts';

/**
 * The key under which a resource object holds the values of a declared extension: the URN in lower case, without the dots
 * that would part a path of the database. No built-in attribute has such a key.
 */
export function extensionField(urn: string): string {
  return urn.toLowerCase().replaceAll('%', '%25').replaceAll('.', '%2e');
}

/** The URN, in lower case, of which `extensionField` makes a key. */
export function extensionUrn(field: string): string {
  return field.replaceAll('%2e', '.').replaceAll('%25', '%');
}

/** Whether a key of a resource object is that of a declared extension. */
export function isExtensionField(key: string): boolean {
  return key.startsWith('urn:');
}

/**
 * The built-in resource types with the extensions that a connection declares.
 * @param extensions as the directory sends them; see the message for what it has checked.
 */
export function createDeclaredRegistry(extensions: readonly Extension[]): SchemaRegistry {
  return createSchemaRegistry(
    builtInResourceTypes.map((type) => ({
      ...type,
      extensions: [
        ...type.extensions,
        ...extensions.filter(({ resourceType }) => resourceType === type.name).flatMap(extensionDefinition),
      ],
    })),
  );
}

/** Gives the registry of the extensions that a connection declares: the same one as long as they are the same. */
export type RegistryOf = (extensions: readonly Extension[]) => SchemaRegistry;

// Each has the connection's own maps of names: some kilobytes.
const maxRegistries = 500;

/** Makes a cache of registries; connections that declare nothing share the built-in one. */
export function createRegistries(): RegistryOf {
  const builtIn = createSchemaRegistry();
  const known = new LRUCache<string, SchemaRegistry>({ max: maxRegistries });
  return (extensions) => {
    if (extensions.length === 0) return builtIn;
    const key = JSON.stringify(extensions);
    const registry = known.get(key) ?? createDeclaredRegistry(extensions);
    known.set(key, registry);
    return registry;
  };
}

function extensionDefinition({ schema }: Extension): ExtensionDefinition[] {
  if (!schema) return [];
  return [
    { field: extensionField(schema.id), declared: true, required: false, schema: schemaDefinition(schema) },
  ];
}

function schemaDefinition({ id, name, description = '', attributes }: Schema): SchemaDefinition {
  return { id, name, description, attributes: attributes.map(topLevelDefinition) };
}

/** The data types of which `eq` filters read an index, and of which attributes can be unique. */
export const indexedTypes: readonly AttributeDefinition['type'][] = ['string', 'reference', 'integer'];

function topLevelDefinition(attribute: SchemaAttribute): AttributeDefinition {
  const definition = attributeDefinition(attribute);
  return {
    ...definition,
    indexed: indexedTypes.includes(definition.type),
    subAttributes: attribute.subAttributes.map(attributeDefinition),
  };
}

function attributeDefinition(attribute: SchemaAttribute | SchemaSubAttribute): AttributeDefinition {
  const type = attributeTypes.find((known) => known === attribute.type) ?? 'string';
  return {
    name: attribute.name,
    field: attribute.name,
    description: attribute.description ?? '',
    type,
    multiValued: attribute.multiValued,
    required: attribute.required ?? false,
    caseExact: type === 'reference' || type === 'binary' || (attribute.caseExact ?? false),
    mutability: mutabilities.find((known) => known === attribute.mutability) ?? 'readWrite',
    returned: returneds.find((known) => known === attribute.returned) ?? 'default',
    uniqueness: uniquenesses.find((known) => known === attribute.uniqueness) ?? 'none',
    canonicalValues: attribute.canonicalValues,
    referenceTypes: attribute.referenceTypes,
    indexed: false,
    declared: true,
    derived: false,
    format: 'any',
    common: false,
    subAttributes: [],
  };
}

/** The data types that an attribute can be declared with (RFC 7643, section 7). */
export const attributeTypes = [
  'string',
  'boolean',
  'decimal',
  'integer',
  'dateTime',
  'binary',
  'reference',
  'complex',
] as const satisfies readonly AttributeDefinition['type'][];
/** What an attribute can be declared as (RFC 7643, section 7, "mutability"). */
export const mutabilities = ['readWrite', 'readOnly', 'immutable', 'writeOnly'] as const;
/** What an attribute can be declared as (RFC 7643, section 7, "returned"). */
export const returneds = ['default', 'always', 'never', 'request'] as const;
/** What an attribute can be declared as (RFC 7643, section 7, "uniqueness"). */
export const uniquenesses = ['none', 'server', 'global'] as const;
