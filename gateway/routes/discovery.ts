import { LRUCache } from 'lru-cache';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import type { Exchange, Stage } from '../http/exchange.ts';
import { queryParameters } from '../http/query-parameters.ts';
import {
  type DiscoveryDocument,
  resourceTypeDocuments,
  schemaDocuments,
  serviceProviderConfigDocument,
} from '../scim/discovery-documents.ts';
import { ScimError } from '../scim/scim-error.ts';
import { type SchemaSettings, typesInForce } from '../scim/types-in-force.ts';

// The documents of one take some 100 kB.
const keptSettings = 100;

/** A discovery endpoint (RFC 7644, section 4). */
export interface DiscoveryEndpoint {
  /** Its path below the base URL. */
  readonly path: string;
  /** Whether it answers without a token. */
  readonly isPublic: boolean;
  /**
   * Answers with the document that `key` names, whatever its letter case; without a key, with all of them or the only
   * one. Throws ScimError 404.
   */
  readonly answer: (exchange: Exchange, key?: string) => void;
  /** Whether single documents have a URL of their own. */
  readonly hasDocuments: boolean;
}

/**
 * Stage: refuses a filter, which discovery endpoints do not take. Other parameters mean nothing there, `attributes` and
 * `excludedAttributes` included: the documents are always whole.
 */
export const refuseFilter: Stage = (exchange) => {
  if (!queryParameters(exchange).has('filter')) return;
  throw new ScimError(403, 'Leave out the filter: this endpoint always answers with everything.');
};

/** Makes the discovery endpoints, which answer with what the registry of an exchange knows. */
export function createDiscoveryEndpoints(): readonly DiscoveryEndpoint[] {
  const documentsFor = createDocumentsInForce();
  return [
    listEndpoint('/Schemas', (exchange) => documentsFor(exchange).schemas),
    listEndpoint('/ResourceTypes', (exchange) => documentsFor(exchange).resourceTypes),
    configEndpoint('/ServiceProviderConfig', serviceProviderConfigDocument()),
  ];
}

/** The documents that depend on the settings of a connection. */
interface DocumentsInForce {
  /** Those of `/Schemas`. */
  readonly schemas: Collection;
  /** Those of `/ResourceTypes`. */
  readonly resourceTypes: Collection;
}

/** What they depend on. */
interface SettingsInForce extends SchemaSettings {
  readonly registry: SchemaRegistry;
}

/** Makes them once for all connections that are set alike, and forgets those of settings that are rare. */
function createDocumentsInForce(): (exchange: SettingsInForce) => DocumentsInForce {
  const made = new LRUCache<string, DocumentsInForce>({ max: keptSettings });
  const numbers = new WeakMap<SchemaRegistry, number>();
  let registries = 0;

  function numberOf(registry: SchemaRegistry): number {
    const number = numbers.get(registry) ?? registries++;
    numbers.set(registry, number);
    return number;
  }

  return ({ registry, uniqueGroupNames, requiredAttributes }) => {
    const key = JSON.stringify([numberOf(registry), uniqueGroupNames, requiredAttributes]);
    const known = made.get(key);
    if (known) return known;
    const resourceTypes = typesInForce(registry, { uniqueGroupNames, requiredAttributes });
    const documents = {
      schemas: createCollection(schemaDocuments({ resourceTypes })),
      resourceTypes: createCollection(resourceTypeDocuments({ resourceTypes })),
    };
    made.set(key, documents);
    return documents;
  };
}

/** Documents that are answered together or one by one. */
interface Collection {
  /** Finds one by its key, whatever the letter case. */
  find(key: string): DiscoveryDocument | undefined;
  /** The JSON text of the list of them, for a base URL. */
  text(baseUrl: string): string;
}

function createCollection(documents: readonly DiscoveryDocument[]): Collection {
  const byKey = new Map(documents.map((document) => [document.key.toLowerCase(), document]));
  const begin = JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: documents.length,
    startIndex: 1,
    itemsPerPage: documents.length,
  }).slice(0, -1);
  return {
    find: (key) => byKey.get(key.toLowerCase()),
    text: (baseUrl) => `${begin},"Resources":[${documents.map(({ text }) => text(baseUrl)).join()}]}`,
  };
}

function listEndpoint(path: string, collectionFor: (exchange: Exchange) => Collection): DiscoveryEndpoint {
  return {
    path,
    isPublic: false,
    hasDocuments: true,
    answer(exchange, key) {
      const collection = collectionFor(exchange);
      const found = key === undefined ? collection : collection.find(key);
      if (found === undefined)
        throw new ScimError(404, `There is nothing of this name; ${path} lists what there is.`);
      exchange.answer = { status: 200, body: whole(found.text(exchange.baseUrl)) };
    },
  };
}

function configEndpoint(path: string, { text }: DiscoveryDocument): DiscoveryEndpoint {
  return {
    path,
    isPublic: true,
    hasDocuments: false,
    answer(exchange) {
      exchange.answer = { status: 200, body: whole(text(exchange.baseUrl)) };
    },
  };
}

/** A text in one piece. */
async function* whole(text: string): AsyncIterable<string> {
  yield text;
}
