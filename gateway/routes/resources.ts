import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import type { DirectoryClient } from '../directory/directory-client.ts';
import type { Call, WrittenResource } from '../directory/resource-calls.ts';
import type { ResourceExchange, Stage } from '../http/exchange.ts';
import { entityTag, namesVersion } from '../http/preconditions.ts';
import { sendJson } from '../http/send-json.ts';
import { projects } from '../scim/projection.ts';
import { createResourceRenderer, type ResourceMessage } from '../scim/resource-to-json.ts';
import { ScimError } from '../scim/scim-error.ts';

/** The last stage of each endpoint for resources: it asks the directory and answers. */
export interface ResourceStages {
  /** `GET /Users` */
  readonly list: Stage<ResourceExchange>;
  /** `POST /Users` */
  readonly create: Stage<ResourceExchange>;
  /** `GET /Users/{id}` */
  readonly read: Stage<ResourceExchange>;
  /** `PUT /Users/{id}` */
  readonly replace: Stage<ResourceExchange>;
  /** `PATCH /Users/{id}` */
  readonly patch: Stage<ResourceExchange>;
  /** `DELETE /Users/{id}` */
  readonly remove: Stage<ResourceExchange>;
}

/** Makes the stages, the same for every resource type. */
export function createResourceStages(directory: DirectoryClient, registry: SchemaRegistry): ResourceStages {
  const callsOf = ({ resourceType }: ResourceExchange) => directory.resources(resourceType);

  /** The version that a write expects. Of several in If-Match it is the present one, when that is among them. */
  async function expectedVersion(exchange: ResourceExchange): Promise<string | undefined> {
    const { ifMatch } = exchange.precondition;
    if (ifMatch === undefined || ifMatch === '*') return undefined;
    const [only, ...others] = ifMatch;
    if (only !== undefined && others.length === 0) return only;
    const message = await callsOf(exchange).get(callOf(exchange), exchange.id, nothingMore, () => true);
    const version = versionOf(message);
    if (namesVersion(ifMatch, version)) return version;
    throw new ScimError(
      412,
      'The resource has none of the versions in If-Match. Read it again and repeat the change.',
    );
  }

  function sendResource(exchange: ResourceExchange, status: number, message: ResourceMessage): void {
    const { http, resourceType, projection } = exchange;
    const renderer = createResourceRenderer(registry, exchange.baseUrl);
    http.set('ETag', entityTag(versionOf(message)));
    http.set('Location', renderer.location(resourceType, String(message.id)));
    if (status === 204 || status === 304) http.status = status;
    else sendJson(http, status, renderer.render(resourceType, message, projection));
  }

  function sendWritten(
    exchange: ResourceExchange,
    status: number,
    { message, position }: WrittenResource,
  ): void {
    exchange.http.set('Rollcall-Position', String(position));
    sendResource(exchange, status, message);
  }

  return {
    async list(exchange) {
      const { http, query, resourceType, projection } = exchange;
      const page = await callsOf(exchange).list(callOf(exchange), query, maskOf(exchange));
      const renderer = createResourceRenderer(registry, exchange.baseUrl);
      sendJson(http, 200, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
        totalResults: page.totalResults,
        startIndex: query.startIndex,
        itemsPerPage: page.messages.length,
        Resources: page.messages.map((message) => renderer.render(resourceType, message, projection)),
      });
    },
    async create(exchange) {
      const created = await callsOf(exchange).create(callOf(exchange), exchange.written, maskOf(exchange));
      sendWritten(exchange, 201, created);
    },
    async read(exchange) {
      const { ifNoneMatch } = exchange.precondition;
      const isKnown = (version: string) => namesVersion(ifNoneMatch, version);
      const message = await callsOf(exchange).get(callOf(exchange), exchange.id, maskOf(exchange), isKnown);
      sendResource(exchange, isKnown(versionOf(message)) ? 304 : 200, message);
    },
    async replace(exchange) {
      const { id, written } = exchange;
      const version = await expectedVersion(exchange);
      const replaced = await callsOf(exchange).replace(
        callOf(exchange),
        id,
        written,
        maskOf(exchange),
        version,
      );
      sendWritten(exchange, 200, replaced);
    },
    async patch(exchange) {
      const { id, projection, resourceType, strict } = exchange;
      const version = await expectedVersion(exchange);
      const changes = { ...exchange.changes, onNoTarget: strict ? OnNoTarget.ERROR : OnNoTarget.CREATE };
      // A large group would be sent back for each member that comes or goes (RFC 7644, section 3.5.2, allows 204).
      const isQuiet = resourceType.name === 'Group' && !projection.asked;
      const mask = isQuiet ? nothingMore : maskOf(exchange);
      const patched = await callsOf(exchange).patch(callOf(exchange), id, changes, mask, version);
      sendWritten(exchange, isQuiet ? 204 : 200, patched);
    },
    async remove(exchange) {
      const version = await expectedVersion(exchange);
      const position = await callsOf(exchange).delete(callOf(exchange), exchange.id, version);
      exchange.http.set('Rollcall-Position', String(position));
      exchange.http.status = 204;
    },
  };
}

const nothingMore: ResourceMask = { withoutGroups: true, withoutNames: true, withoutMembers: true };

function callOf({ connectionId, requestId, signal }: ResourceExchange): Call {
  return { connectionId, requestId, signal };
}

/** What the answer does not have need not be read. */
function maskOf({ projection }: ResourceExchange): ResourceMask {
  const hasManagerName = projection.extensions.some(({ attributes }) =>
    attributes.some(({ subAttributes }) =>
      subAttributes.some(({ derived, name }) => derived && name !== '$ref'),
    ),
  );
  return {
    withoutGroups: !projects(projection, 'groups'),
    withoutNames: !projects(projection, 'groups', 'display') && !hasManagerName,
    withoutMembers: !projects(projection, 'members'),
  };
}

function versionOf(message: ResourceMessage): string {
  const { meta } = message as { meta?: { version?: string } };
  return meta?.version ?? '';
}
