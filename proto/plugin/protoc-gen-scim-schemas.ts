#!/usr/bin/env node
import {
  type DescExtension,
  type DescField,
  type DescMessage,
  getExtension,
  hasExtension,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import { createEcmaScriptPlugin, runNodeJs, type Schema } from '@bufbuild/protoplugin';
import type {
  AttributeDefinition,
  AttributeType,
  ExtensionDefinition,
  ResourceTypeDefinition,
  SchemaDefinition,
} from '../../services/shared/scim/attribute.ts';

/** What is true of the attributes of a schema unless their fields say otherwise. */
interface Defaults {
  /** The names of those that every resource has. */
  commonAttributes: ReadonlySet<string>;
  mutability: AttributeDefinition['mutability'];
}

/** Schemas of resources (RFC 7643, section 3.1). */
const ofResources: Defaults = {
  commonAttributes: new Set(['id', 'externalId', 'meta']),
  mutability: 'readWrite',
};

/** Schemas of discovery documents, which list all they have and which nobody writes (RFC 7643, sections 5 to 7). */
const ofDiscovery: Defaults = { commonAttributes: new Set(), mutability: 'readOnly' };

/** What `AttributeOptions` of schema_options.proto looks like when it is read by reflection. */
interface AttributeOptions {
  required?: boolean;
  mutability?: number;
  returned?: number;
  uniqueness?: number;
  caseExact?: boolean;
  canonicalValues?: string[];
  referenceTypes?: string[];
  type?: number;
  name?: string;
  indexed?: boolean;
  derived?: boolean;
  format?: number;
}

interface SchemaOptions {
  urn: string;
  name: string;
  endpoint: string;
}

interface Annotations {
  schema: DescExtension;
  attribute: DescExtension;
}

function findAnnotations(schema: Schema): Annotations {
  const extensions = schema.allFiles.flatMap((file) => file.extensions);
  const find = (name: string) => {
    const found = extensions.find((extension) => extension.typeName === `rollcall.scim.v1.${name}`);
    if (!found) throw new Error(`the extension rollcall.scim.v1.${name} is not among the files`);
    return found;
  };
  return { schema: find('schema'), attribute: find('attribute') };
}

function readOption<Options>(options: Message | undefined, extension: DescExtension): Options | undefined {
  if (!options || !hasExtension(options, extension)) return undefined;
  return getExtension(options, extension) as Options;
}

function schemaOptions(message: DescMessage, annotations: Annotations): SchemaOptions | undefined {
  return readOption<SchemaOptions>(message.proto.options, annotations.schema);
}

function oneLine(comment: string | undefined): string {
  return (comment ?? '').trim().replace(/\s*\n\s*/g, ' ');
}

// Descriptors keep comments by path: [4, i] is message i of a file, [4, i, 2, j] its field j.
function commentAt(file: DescMessage['file'], path: readonly number[]): string | undefined {
  return file.proto.sourceCodeInfo?.location.find(
    (location) => location.path.length === path.length && location.path.every((part, i) => part === path[i]),
  )?.leadingComments;
}

function messageDescription(message: DescMessage): string {
  return oneLine(commentAt(message.file, [4, message.file.messages.indexOf(message)]));
}

function fieldDescription(field: DescField): string {
  const message = field.parent;
  const path = [4, message.file.messages.indexOf(message), 2, message.fields.indexOf(field)];
  return oneLine(commentAt(message.file, path));
}

function typeOf(field: DescField, options: AttributeOptions): AttributeType {
  if (options.type === 1) return 'reference';
  if (options.type === 2) return 'binary';
  if (field.message) return field.message.typeName === 'google.protobuf.Timestamp' ? 'dateTime' : 'complex';
  switch (field.scalar) {
    case ScalarType.STRING:
      return 'string';
    case ScalarType.BOOL:
      return 'boolean';
    case ScalarType.INT32:
    case ScalarType.INT64:
      return 'integer';
    case ScalarType.DOUBLE:
      return 'decimal';
    default:
      throw new Error(`${field}: no SCIM type for this field type`);
  }
}

function pick<const Names extends readonly string[]>(names: Names, index: number | undefined): Names[number] {
  const name = names[index ?? 0];
  if (name === undefined) throw new Error(`unknown enum number ${index}`);
  return name;
}

function attributeOf(field: DescField, annotations: Annotations, defaults: Defaults): AttributeDefinition {
  const options = readOption<AttributeOptions>(field.proto.options, annotations.attribute) ?? {};
  const type = typeOf(field, options);
  const name = options.name || field.jsonName;
  const ofParts: Defaults = { ...defaults, commonAttributes: new Set() };
  return {
    name,
    field: field.localName,
    description: fieldDescription(field),
    type,
    multiValued: field.fieldKind === 'list',
    required: options.required ?? false,
    caseExact: type === 'reference' || type === 'binary' || (options.caseExact ?? false),
    mutability: pick(
      [defaults.mutability, 'readOnly', 'readWrite', 'immutable', 'writeOnly'],
      options.mutability,
    ),
    returned: pick(['default', 'always', 'never', 'default', 'request'], options.returned),
    uniqueness: pick(['none', 'none', 'server', 'global'], options.uniqueness),
    canonicalValues: options.canonicalValues ?? [],
    referenceTypes: options.referenceTypes ?? [],
    indexed: options.indexed ?? false,
    derived: options.derived ?? false,
    format: pick(['any', 'countryCode', 'languageTag', 'certificate'], options.format),
    common: defaults.commonAttributes.has(name),
    subAttributes:
      type === 'complex' && field.message
        ? field.message.fields.map((sub) => attributeOf(sub, annotations, ofParts))
        : [],
  };
}

function schemaOf(
  message: DescMessage,
  options: SchemaOptions,
  annotations: Annotations,
  defaults: Defaults = ofResources,
): SchemaDefinition {
  const attributes = message.fields.filter(
    (field) => field.fieldKind !== 'map' && !(field.message && schemaOptions(field.message, annotations)),
  );
  return {
    id: options.urn,
    name: options.name,
    description: messageDescription(message),
    attributes: attributes.map((field) => attributeOf(field, annotations, defaults)),
  };
}

function extensionsOf(message: DescMessage, annotations: Annotations): ExtensionDefinition[] {
  return message.fields.flatMap((field) => {
    const options = field.message && schemaOptions(field.message, annotations);
    if (!field.message || !options) return [];
    const { required = false } =
      readOption<AttributeOptions>(field.proto.options, annotations.attribute) ?? {};
    const schema = schemaOf(field.message, options, annotations);
    return [{ field: field.localName, declared: false, required, schema }];
  });
}

function resourceTypesOf(schema: Schema, annotations: Annotations): ResourceTypeDefinition[] {
  return schema.files
    .flatMap((file) => file.messages)
    .flatMap((message) => {
      const options = schemaOptions(message, annotations);
      if (!options?.endpoint) return [];
      return [
        {
          name: options.name,
          endpoint: options.endpoint,
          description: messageDescription(message),
          schema: schemaOf(message, options, annotations),
          extensions: extensionsOf(message, annotations),
        },
      ];
    })
    .sort((a, b) => b.name.localeCompare(a.name, 'en'));
}

/** A schema that is of no resource type, and that no resource type has a field of, is of a discovery document. */
function discoverySchemasOf(schema: Schema, annotations: Annotations): SchemaDefinition[] {
  const messages = schema.files.flatMap((file) => file.messages);
  const fieldTypes = new Set(
    messages
      .filter((message) => schemaOptions(message, annotations)?.endpoint)
      .flatMap((message) => message.fields)
      .map((field) => field.message?.typeName),
  );
  return messages
    .flatMap((message) => {
      const options = schemaOptions(message, annotations);
      if (!options || options.endpoint || fieldTypes.has(message.typeName)) return [];
      return [schemaOf(message, options, annotations, ofDiscovery)];
    })
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

const plugin = createEcmaScriptPlugin({
  name: 'protoc-gen-scim-schemas',
  version: 'v1',
  generateTs(schema) {
    const annotations = findAnnotations(schema);
    const file = schema.generateFile('schemas.ts');
    file.print(
      '// Generated from the annotated messages in proto/rollcall/scim/v1 by protoc-gen-scim-schemas. Do not edit.',
    );
    file.print('/* eslint-disable */');
    file.print("import type { ResourceTypeDefinition, SchemaDefinition } from '#scim/attribute.ts';");
    file.print('');
    file.print('/** The built-in resource types with their schemas. */');
    file.print(
      'export const resourceTypes: readonly ResourceTypeDefinition[] = ',
      JSON.stringify(resourceTypesOf(schema, annotations), null, 2),
      ';',
    );
    file.print('');
    file.print('/** The schemas of the documents that the discovery endpoints answer with. */');
    file.print(
      'export const discoverySchemas: readonly SchemaDefinition[] = ',
      JSON.stringify(discoverySchemasOf(schema, annotations), null, 2),
      ';',
    );
  },
});

runNodeJs(plugin);
