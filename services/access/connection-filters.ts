import { LRUCache } from 'lru-cache';
import { GetConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { createRegistries } from '#scim/declared-extensions.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import type { DirectoryClient } from './directory-client.ts';

type CallOptions = Parameters<DirectoryClient['connections']['getConnection']>[1];

/**
 * Reads SCIM filters on the users or groups of a connection. They may name what the connection declares, also when it has
 * only just done so.
 * @throws ScimSyntaxError
 */
export type FilterReader = (
  connection: string,
  resourceType: 'User' | 'Group',
  text: string,
  call: CallOptions,
) => Promise<Filter>;

const cachedConnections = 1_000;
// Longer would be right too: the directory checks every filter again.
const cacheMs = 60_000;

/** Makes a reader. It asks the directory what a connection declares only for filters that cannot be read without. */
export function createFilterReader(directory: DirectoryClient): FilterReader {
  const registryOf = createRegistries();
  const builtIn = registryOf([]);
  const declared = new LRUCache<string, SchemaRegistry>({ max: cachedConnections, ttl: cacheMs });

  async function readRegistry(connectionId: string, call: CallOptions): Promise<SchemaRegistry> {
    const request = GetConnectionRequest.fromPartial({ connectionId });
    const { connection } = await directory.connections.getConnection(request, call);
    const registry = registryOf(connection?.extensions ?? []);
    declared.set(connectionId, registry);
    return registry;
  }

  return async (connection, resourceType, text, call) => {
    const parse = (registry: SchemaRegistry) => {
      const type = registry.resourceType(resourceType);
      if (type === undefined) throw new TypeError(`no resource type ${resourceType}`);
      return parseFilter(type, text);
    };
    const refusal = attempt(() => parse(builtIn));
    if (!(refusal instanceof ScimSyntaxError)) return refusal;
    // What is declared is named by its URN.
    if (!/urn:/i.test(text)) throw refusal;
    const cached = declared.get(connection);
    const filter = cached && attempt(() => parse(cached));
    if (filter && !(filter instanceof ScimSyntaxError)) return filter;
    return parse(await readRegistry(connection, call));
  };
}

function attempt(parse: () => Filter): Filter | ScimSyntaxError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ScimSyntaxError) return error;
    throw error;
  }
}
