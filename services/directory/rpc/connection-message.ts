import {
  Connection,
  type CreateConnectionRequest,
  OnDelete,
  Provider,
  type Refolding,
  UnknownAttributes,
  type UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { defaultAttributeMapping, parseAttributeMapping } from '../attribute-mapping.ts';
import type { ConnectionWithHead } from '../connections.ts';
import type { ConnectionDetails, ConnectionUpdate, WriteSettings } from '../decision.ts';
import { signedTokensId } from '../last-used.ts';
import { parseMaskedAttributes } from '../masked-attributes.ts';
import type { HeadDocument } from '../mongo/documents.ts';
import { parseRequiredAttributes } from '../required-attributes.ts';
import { boundedText } from './request-checks.ts';

const maxNameLength = 200;

/** The message of a connection. */
export function connectionMessage({ connection, head }: ConnectionWithHead): Connection {
  const {
    _id: id,
    name,
    provider,
    strict,
    uniqueGroupNames,
    status,
    created,
    trustedIssuer,
    lastUsed,
  } = connection;
  const {
    organization = '',
    requiredAttributes = [],
    maskedAttributes = [],
    onDelete = OnDelete.REMOVE,
  } = connection;
  const { users = 0, groups = 0, position = 0 } = head ?? {};
  return Connection.fromPartial({
    id,
    name,
    provider,
    strict,
    uniqueGroupNames,
    status,
    created,
    users,
    groups,
    position,
    trustedIssuer: trustedIssuer && { ...trustedIssuer, lastUsed: lastUsed[signedTokensId] },
    organization,
    requiredAttributes: [...requiredAttributes],
    maskedAttributes: [...maskedAttributes],
    extensions: [...(connection.extensions ?? [])],
    unknownAttributes: connection.unknownAttributes ?? UnknownAttributes.DROP,
    refolding: head && refoldingOf(head),
    onDelete,
    attributeMapping: connection.attributeMapping ?? defaultAttributeMapping,
  });
}

/** How far folding again is; undefined when all is folded. */
function refoldingOf({ folded, settings }: HeadDocument): Refolding | undefined {
  const { extensionsRevision = '', refolding = [] } = settings ?? {};
  if (folded?.extensions === extensionsRevision && refolding.length === 0) return undefined;
  return { attributes: [...refolding] };
}

/** What a new connection is to be, with what the request leaves open chosen. REQUEST_INVALID. */
export function readNewConnection(
  registry: SchemaRegistry,
  request: CreateConnectionRequest,
): ConnectionDetails & WriteSettings {
  const { strict, provider, onDelete } = request;
  return {
    name: readName(request.name),
    provider: provider === Provider.UNSPECIFIED ? Provider.GENERIC : provider,
    strict,
    organization: readOrganization(request.organization),
    // RFC 7643 lets groups share a name; identity providers that match by it then mix groups up.
    uniqueGroupNames: request.uniqueGroupNames ?? !strict,
    requiredAttributes: parseRequiredAttributes(registry, request.requiredAttributes),
    maskedAttributes: parseMaskedAttributes(registry, request.maskedAttributes),
    unknownAttributes:
      request.unknownAttributes === UnknownAttributes.UNSPECIFIED
        ? UnknownAttributes.DROP
        : request.unknownAttributes,
    extensionsRevision: '',
    refolding: [],
    onDelete: onDelete === OnDelete.UNSPECIFIED ? OnDelete.REMOVE : onDelete,
    ...(request.attributeMapping && {
      attributeMapping: parseAttributeMapping(registry, request.attributeMapping),
    }),
  };
}

/** What is to change about a connection. REQUEST_INVALID. */
export function readConnectionUpdate(
  registry: SchemaRegistry,
  request: Omit<UpdateConnectionRequest, 'connectionId'>,
): ConnectionUpdate {
  const { name, provider, strict, organization, uniqueGroupNames, requiredAttributes, onDelete } = request;
  const { maskedAttributes, unknownAttributes } = request;
  return {
    ...(name !== undefined && { name: readName(name) }),
    ...(provider !== Provider.UNSPECIFIED && { provider }),
    ...(strict !== undefined && { strict }),
    ...(organization !== undefined && { organization: readOrganization(organization) }),
    ...(uniqueGroupNames !== undefined && { uniqueGroupNames }),
    ...(requiredAttributes && {
      requiredAttributes: parseRequiredAttributes(registry, requiredAttributes.paths),
    }),
    ...(unknownAttributes !== UnknownAttributes.UNSPECIFIED && { unknownAttributes }),
    ...(maskedAttributes && {
      maskedAttributes: parseMaskedAttributes(registry, maskedAttributes.paths),
    }),
    ...(onDelete !== OnDelete.UNSPECIFIED && { onDelete }),
    ...(request.attributeMapping && {
      attributeMapping: parseAttributeMapping(registry, request.attributeMapping),
    }),
  };
}

function readName(name: string): string {
  return boundedText(name, 'name', 1, maxNameLength);
}

function readOrganization(organization: string): string {
  return boundedText(organization, 'organization', 0, maxNameLength);
}
