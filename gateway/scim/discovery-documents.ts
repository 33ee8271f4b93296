import type { ResourceType as ResourceTypeDocument } from '#proto/rollcall/scim/v1/resource_type.ts';
import type { SchemaAttribute, Schema as SchemaDocument } from '#proto/rollcall/scim/v1/schema.ts';
import type { ServiceProviderConfig } from '#proto/rollcall/scim/v1/service_provider_config.ts';
import { discoverySchemas } from '#proto/schemas.ts';
import type { AttributeDefinition, ResourceTypeDefinition, SchemaDefinition } from '#scim/attribute.ts';
import { limits } from '../limits.ts';

/** A document of a discovery endpoint (RFC 7643, sections 5 to 7). */
export interface DiscoveryDocument {
  /** What names it in its URL; empty for the only document of its endpoint. */
  readonly key: string;
  /** Its JSON text for a base URL, with which `meta.location` begins; all else in it was written once. */
  readonly text: (baseUrl: string) => string;
}

/** Resource types that discovery tells of. */
interface KnownTypes {
  /** All of them, as they are in force. */
  readonly resourceTypes: readonly ResourceTypeDefinition[];
}

/**
 * The documents of `/Schemas`: the schemas of every resource type and of its extensions, each once, then those of the
 * discovery documents themselves.
 */
export function schemaDocuments({ resourceTypes }: KnownTypes): readonly DiscoveryDocument[] {
  const ofResources = resourceTypes.flatMap((resourceType) => [
    resourceType.schema,
    ...resourceType.extensions.map(({ schema }) => schema),
  ]);
  const schemas = new Map([...ofResources, ...discoverySchemas].map((schema) => [schema.id, schema]));
  return [...schemas.values()].map((schema) =>
    createDocument('Schema', `/Schemas/${schema.id}`, schema.id, schemaDocument(schema)),
  );
}

/** The documents of `/ResourceTypes`. */
export function resourceTypeDocuments({ resourceTypes }: KnownTypes): readonly DiscoveryDocument[] {
  return resourceTypes.map((resourceType) => {
    const { name } = resourceType;
    return createDocument('ResourceType', `/ResourceTypes/${name}`, name, resourceTypeDocument(resourceType));
  });
}

/** The document of `/ServiceProviderConfig`: what this server does, and nothing that it does not. */
export function serviceProviderConfigDocument(): DiscoveryDocument {
  const config: ServiceProviderConfig = {
    patch: { supported: true },
    bulk: {
      supported: true,
      maxOperations: limits.bulkOperations,
      maxPayloadSize: limits.bulkBytes,
    },
    filter: { supported: true, maxResults: limits.pageSize },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token of the connection in the Authorization header (RFC 6750).',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
      {
        type: 'oauth2',
        name: 'OAuth 2.0 client credentials',
        description:
          'An hourly bearer token for a client id and secret of the connection: POST oauth/token, beside v2 (RFC 6749, section 4.4).',
        specUri: 'https://www.rfc-editor.org/info/rfc6749',
      },
    ],
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: limits.defaultPageSize,
      maxPageSize: limits.pageSize,
      cursorTimeout: limits.cursorTimeout,
    },
  };
  return createDocument('ServiceProviderConfig', '/ServiceProviderConfig', '', config);
}

function createDocument(resourceType: string, path: string, key: string, body: object): DiscoveryDocument {
  const schemas = [`urn:ietf:params:scim:schemas:core:2.0:${resourceType}`];
  const begin = JSON.stringify({ schemas, ...body }, withoutEmptyLists).slice(0, -1);
  return {
    key,
    text(baseUrl) {
      const meta = { resourceType, location: `${baseUrl}${path}` };
      return `${begin},"meta":${JSON.stringify(meta)}}`;
    },
  };
}

/** An empty list is no value (RFC 7643, section 2.5). */
function withoutEmptyLists(_key: string, value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

function resourceTypeDocument(resourceType: ResourceTypeDefinition): ResourceTypeDocument {
  const { name, description, endpoint, schema, extensions } = resourceType;
  return {
    id: name,
    name,
    description,
    endpoint,
    schema: schema.id,
    schemaExtensions: extensions.map(({ schema: { id }, required }) => ({ schema: id, required })),
  };
}

function schemaDocument({ id, name, description, attributes }: SchemaDefinition): SchemaDocument {
  return {
    id,
    name,
    description,
    attributes: attributes.filter(({ common }) => !common).map(attributeDocument),
  };
}

function attributeDocument(attribute: AttributeDefinition): SchemaAttribute {
  const { name, type, multiValued, description, required, caseExact, mutability, returned, uniqueness } =
    attribute;
  return {
    name,
    type,
    multiValued,
    description,
    required,
    caseExact,
    canonicalValues: [...attribute.canonicalValues],
    mutability,
    returned,
    uniqueness,
    referenceTypes: [...attribute.referenceTypes],
    subAttributes: attribute.subAttributes.map(attributeDocument),
  };
}
