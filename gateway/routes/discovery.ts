import type { JsonObject } from '#scim/json.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import type { Exchange, Stage } from '../http/exchange.ts';
import { queryParameters } from '../http/query-parameters.ts';
import { sendJson } from '../http/send-json.ts';
import {
  type DiscoveryDocument,
  resourceTypeDocuments,
  schemaDocuments,
  serviceProviderConfig,
} from '../scim/discovery-documents.ts';
import { ScimError } from '../scim/scim-error.ts';

/** A discovery endpoint (RFC 7644, section 4). */
export interface DiscoveryEndpoint {
  /** Its path below the base URL. */
  readonly path: string;
  /** Whether it answers without a token. */
  readonly isPublic: boolean;
  /** Answers with the document that `key` names; without a key, with all of them or the only one. */
  readonly answer: (exchange: Exchange, key?: string) => void;
  /** Whether single documents have a URL of their own. */
  readonly hasDocuments: boolean;
}

/** Stage: refuses a filter, which discovery endpoints do not take; other parameters mean nothing there. */
export const refuseFilter: Stage = (exchange) => {
  if (!queryParameters(exchange).has('filter')) return;
  throw new ScimError(403, 'Leave out the filter: this endpoint always answers with everything.');
};

/** Makes the discovery endpoints from what the registry knows. */
export function createDiscoveryEndpoints(registry: SchemaRegistry): readonly DiscoveryEndpoint[] {
  return [
    endpoint('/Schemas', 'Schema', schemaDocuments(registry)),
    endpoint('/ResourceTypes', 'ResourceType', resourceTypeDocuments(registry)),
    {
      path: '/ServiceProviderConfig',
      isPublic: true,
      hasDocuments: false,
      answer: (exchange) =>
        sendJson(
          exchange.http,
          200,
          withMeta(exchange, '/ServiceProviderConfig', 'ServiceProviderConfig', serviceProviderConfig),
        ),
    },
  ];
}

function endpoint(
  path: string,
  resourceType: string,
  documents: readonly DiscoveryDocument[],
): DiscoveryEndpoint {
  return {
    path,
    isPublic: false,
    hasDocuments: true,
    answer(exchange, key) {
      const render = (document: DiscoveryDocument) => withMeta(exchange, path, resourceType, document);
      if (key === undefined) {
        const list = {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
          totalResults: documents.length,
          startIndex: 1,
          itemsPerPage: documents.length,
          Resources: documents.map(render),
        };
        return sendJson(exchange.http, 200, list);
      }
      const found = documents.find((document) => document.key.toLowerCase() === key.toLowerCase());
      if (found === undefined)
        throw new ScimError(404, `There is no such ${resourceType}; ${path} lists them.`);
      sendJson(exchange.http, 200, render(found));
    },
  };
}

function withMeta(
  { baseUrl }: Exchange,
  path: string,
  resourceType: string,
  { key, body }: DiscoveryDocument,
): JsonObject {
  const location = key === '' ? `${baseUrl}${path}` : `${baseUrl}${path}/${key}`;
  return { ...body, meta: { resourceType, location } };
}
