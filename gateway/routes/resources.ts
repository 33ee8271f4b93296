import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { ResourceMask } from '#proto/rollcall/directory/v1/reads.ts';
import type { DirectoryClient } from '../directory/directory-client.ts';
import type { FoundResource, WrittenResource } from '../directory/resource-calls.ts';
import type { ResourceExchange, Stage } from '../http/exchange.ts';
import { entityTag, namesVersion } from '../http/preconditions.ts';
import { resourcePieces } from '../scim/resource-text.ts';
import { createResourceRenderer, type ResourceMessage } from '../scim/resource-to-json.ts';
import { ScimError } from '../scim/scim-error.ts';
import { callOf } from './directory-call.ts';
import { maskOf, nothingMore } from './read-mask.ts';

/** The stages that ask the directory about one resource, and say how the exchange is answered. */
export interface ResourceStages {
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
export function createResourceStages(directory: DirectoryClient): ResourceStages {
  const callsOf = ({ resourceType }: ResourceExchange) => directory.resources(resourceType);

  /** The version that a write expects. Of several in If-Match it is the present one, when that is among them. */
  async function expectedVersion(exchange: ResourceExchange): Promise<string | undefined> {
    const { ifMatch } = exchange.precondition;
    if (ifMatch === undefined || ifMatch === '*') return undefined;
    const [only, ...others] = ifMatch;
    if (only !== undefined && others.length === 0) return only;
    const { message } = await callsOf(exchange).get(callOf(exchange), exchange.id, nothingMore);
    const version = versionOf(message);
    if (namesVersion(ifMatch, version)) return version;
    throw new ScimError(
      412,
      'The resource has none of the versions in If-Match. Read it again and repeat the change.',
    );
  }

  function answer(exchange: ResourceExchange, status: number, found: FoundResource, position?: number): void {
    const { resourceType, projection, registry, baseUrl } = exchange;
    const { message } = found;
    const renderer = createResourceRenderer(registry, baseUrl);
    const isEmpty = status === 204 || status === 304;
    exchange.answer = {
      status,
      headers: {
        ETag: entityTag(versionOf(message)),
        Location: renderer.location(resourceType, String(message.id)),
        ...(position !== undefined && { 'Rollcall-Position': String(position) }),
      },
      ...(!isEmpty && { body: resourcePieces(renderer, resourceType, found, projection) }),
    };
  }

  function answerWrite(exchange: ResourceExchange, status: number, written: WrittenResource): void {
    answer(exchange, status, written, written.position);
  }

  return {
    async create(exchange) {
      const { id, written } = exchange;
      const reserved = id === '' ? undefined : id;
      const created = await callsOf(exchange).create(callOf(exchange), reserved, written, maskFor(exchange));
      answerWrite(exchange, 201, created);
    },
    async read(exchange) {
      const found = await callsOf(exchange).get(callOf(exchange), exchange.id, maskFor(exchange));
      const isKnown = namesVersion(exchange.precondition.ifNoneMatch, versionOf(found.message));
      answer(exchange, isKnown ? 304 : 200, found);
    },
    async replace(exchange) {
      const { id, written } = exchange;
      const version = await expectedVersion(exchange);
      const mask = maskFor(exchange);
      const replaced = await callsOf(exchange).replace(callOf(exchange), id, written, mask, version);
      answerWrite(exchange, 200, replaced);
    },
    async patch(exchange) {
      const { id, projection, resourceType, strict } = exchange;
      const version = await expectedVersion(exchange);
      const changes = { ...exchange.changes, onNoTarget: strict ? OnNoTarget.ERROR : OnNoTarget.CREATE };
      // A large group would be sent back for each member that comes or goes (RFC 7644, section 3.5.2, allows 204).
      const isQuiet = resourceType.name === 'Group' && !projection.asked;
      const mask = isQuiet ? nothingMore : maskFor(exchange);
      const patched = await callsOf(exchange).patch(callOf(exchange), id, changes, mask, version);
      answerWrite(exchange, isQuiet ? 204 : 200, patched);
    },
    async remove(exchange) {
      const version = await expectedVersion(exchange);
      const position = await callsOf(exchange).delete(callOf(exchange), exchange.id, version);
      exchange.answer = { status: 204, headers: { 'Rollcall-Position': String(position) } };
    },
  };
}

function maskFor({ http, projection }: ResourceExchange): ResourceMask {
  return http.method === 'HEAD' ? nothingMore : maskOf([projection]);
}

function versionOf({ meta }: ResourceMessage): string {
  return (meta as { version?: string } | undefined)?.version ?? '';
}
