import type { AttributeDefinition, SchemaDefinition } from '#scim/attribute.ts';
import type { JsonObject } from '#scim/json.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { limits } from '../limits.ts';

/** A document of a discovery endpoint (RFC 7643, sections 5 to 7), without `meta`. */
export interface DiscoveryDocument {
  /** What the URL names it by; undefined for the one document of its endpoint. */
  readonly key: string;
  /** The document. */
  readonly body: JsonObject;
}

/** The documents of `/Schemas`: the schemas of every resource type and of its extensions, each once. */
export function schemaDocuments({ resourceTypes }: SchemaRegistry): readonly DiscoveryDocument[] {
  const schemas = resourceTypes.flatMap(({ schema, extensions }) => [
    schema,
    ...extensions.map((extension) => extension.schema),
  ]);
  return [...new Map(schemas.map((schema) => [schema.id, schema])).values()].map((schema) => ({
    key: schema.id,
    body: schemaDocument(schema),
  }));
}

/** The documents of `/ResourceTypes`. */
export function resourceTypeDocuments({ resourceTypes }: SchemaRegistry): readonly DiscoveryDocument[] {
  return resourceTypes.map(({ name, description, endpoint, schema, extensions }) => ({
    key: name,
    body: {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
      id: name,
      name,
      description,
      endpoint,
      schema: schema.id,
      ...(extensions.length > 0 && {
        schemaExtensions: extensions.map((extension) => ({ schema: extension.schema.id, required: false })),
      }),
    },
  }));
}

/** The document of `/ServiceProviderConfig`: what this server does, and nothing that it does not. */
export const serviceProviderConfig: DiscoveryDocument = {
  key: '',
  body: {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: limits.pageSize },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token of the connection in the Authorization header (RFC 6750).',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
  },
};

function schemaDocument({ id, name, description, attributes }: SchemaDefinition): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    description,
    attributes: attributes.filter(({ common }) => !common).map(attributeDocument),
  };
}

function attributeDocument(attribute: AttributeDefinition): JsonObject {
  const { name, type, multiValued, description, required, caseExact, mutability, returned, uniqueness } =
    attribute;
  const { canonicalValues, referenceTypes, subAttributes } = attribute;
  return {
    name,
    type,
    multiValued,
    description,
    required,
    caseExact,
    ...(canonicalValues.length > 0 && { canonicalValues }),
    mutability,
    returned,
    uniqueness,
    ...(referenceTypes.length > 0 && { referenceTypes }),
    ...(subAttributes.length > 0 && { subAttributes: subAttributes.map(attributeDocument) }),
  };
}
