import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition, ExtensionDefinition } from '#scim/attribute.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import type { Exchange, ListExchange, ResourceExchange } from '../http/exchange.ts';
import { qualifyBareName } from '../repairs/bare-extension-attributes.ts';

/** Which attributes an answer has (RFC 7644, section 3.9). */
export interface Projection {
  /** Whether the client named attributes with `attributes`. */
  readonly asked: boolean;
  /** Core and common attributes, in the order of the schema. */
  readonly core: readonly ProjectedAttribute[];
  /** The attributes of each extension of which any may be in the answer. */
  readonly extensions: readonly ProjectedExtension[];
  /** The names that the client asked for and excluded, in lower case: they decide about attributes that no schema knows. */
  readonly unknown: { readonly asked: Names | undefined; readonly excluded: Names };
}

type Names = ReadonlySet<string>;

/** An attribute that may be in an answer. */
export interface ProjectedAttribute {
  /** The attribute. */
  readonly attribute: AttributeDefinition;
  /** Its sub-attributes that may be in the answer. */
  readonly subAttributes: readonly AttributeDefinition[];
}

/** An extension that may be in an answer. */
export interface ProjectedExtension {
  /** The extension. */
  readonly extension: ExtensionDefinition;
  /** Its attributes that may be in the answer. */
  readonly attributes: readonly ProjectedAttribute[];
}

/**
 * Stage: reads `attributes` and `excludedAttributes`; with both, what is excluded is taken from what is asked for.
 * Unknown names are ignored.
 */
export function readProjection(exchange: ResourceExchange): void {
  exchange.projection = projectionOf(exchange, exchange.resourceType) ?? exchange.projection;
}

/** Stage: the same for a list, for each type. */
export function readProjections(exchange: ListExchange): void {
  exchange.queries = exchange.queries.map((query) => {
    const projection = projectionOf(exchange, query.resourceType);
    return projection ? { ...query, projection } : query;
  });
}

function projectionOf(exchange: Exchange, resourceType: ResourceType): Projection | undefined {
  const attributes = namesIn(exchange, resourceType, 'attributes');
  const excluded = namesIn(exchange, resourceType, 'excludedAttributes');
  if (attributes === undefined && excluded === undefined) return undefined;
  return createProjection(resourceType, attributes, excluded);
}

function namesIn(
  { parameters, strict }: Pick<Exchange, 'parameters' | 'strict'>,
  resourceType: ResourceType,
  parameter: string,
): readonly string[] | undefined {
  const names = readNames(parameters, parameter);
  return strict ? names : names?.map((name) => qualifyBareName(resourceType, name));
}

/**
 * Lets the answer to a write have what the client supplied of attributes that are returned on request only (RFC 7643,
 * section 7), unless the client says with `attributes` what it wants.
 * @param supplied the paths of the attributes that the client wrote, sub-attributes not looked at.
 */
export function showSupplied(
  exchange: Pick<ResourceExchange, 'resourceType' | 'parameters' | 'projection' | 'strict'>,
  supplied: readonly AttributePath[],
): void {
  const { resourceType, projection } = exchange;
  const keys = supplied.flatMap(({ attribute, extension }) => {
    const definition = resourceType.findAttribute(attribute, extension);
    return definition?.returned === 'request' ? [key(extension, definition.name)] : [];
  });
  if (projection.asked || keys.length === 0) return;
  const excluded = namesIn(exchange, resourceType, 'excludedAttributes');
  exchange.projection = createProjection(resourceType, undefined, excluded, new Set(keys));
}

/** The names that a parameter lists; undefined when there are none. */
export function readNames(parameters: URLSearchParams, parameter: string): readonly string[] | undefined {
  const names = parameters.getAll(parameter).flatMap((value) => value.split(','));
  const given = names.map((name) => name.trim()).filter((name) => name !== '');
  return given.length === 0 ? undefined : given;
}

/**
 * Makes a projection from names as `attributes` and `excludedAttributes` have them; undefined is a parameter not sent.
 * @param onRequest the attributes returned on request that are in the answer without being asked for.
 */
export function createProjection(
  resourceType: ResourceType,
  attributes?: readonly string[],
  excluded: readonly string[] = [],
  onRequest: Names = new Set(),
): Projection {
  const asked = attributes && keysOf(resourceType, attributes);
  const without = keysOf(resourceType, excluded);
  const project = (urn: string, definitions: readonly AttributeDefinition[]) =>
    definitions
      .filter((attribute) => isIncluded(urn, attribute, asked, without, onRequest))
      .map((attribute) => ({
        attribute,
        subAttributes: attribute.subAttributes.filter((sub) =>
          isSubIncluded(urn, attribute, sub, asked, without),
        ),
      }));
  return {
    asked: asked !== undefined,
    core: project('', resourceType.schema.attributes),
    extensions: resourceType.extensions
      .map((extension) => ({
        extension,
        attributes: project(extension.schema.id, extension.schema.attributes),
      }))
      .filter((extension) => extension.attributes.length > 0),
    unknown: { asked: attributes && folded(attributes), excluded: folded(excluded) },
  };
}

function folded(names: readonly string[]): Names {
  return new Set(names.map((name) => name.toLowerCase()));
}

/** Whether an answer may have a core attribute, or one sub-attribute of it. */
export function projects(projection: Projection, attribute: string, subAttribute?: string): boolean {
  const found = projection.core.find((projected) => projected.attribute.name === attribute);
  if (found === undefined) return false;
  return subAttribute === undefined || found.subAttributes.some(({ name }) => name === subAttribute);
}

function isIncluded(
  urn: string,
  attribute: AttributeDefinition,
  asked: Names | undefined,
  without: Names,
  onRequest: Names,
): boolean {
  if (attribute.returned === 'never') return false;
  if (attribute.returned === 'always') return true;
  const whole = key(urn, attribute.name);
  const isAsked =
    asked === undefined
      ? attribute.returned !== 'request' || onRequest.has(whole)
      : asked.has(urn) ||
        asked.has(whole) ||
        attribute.subAttributes.some((sub) => asked.has(key(urn, attribute.name, sub.name)));
  return isAsked && !without.has(urn) && !without.has(whole);
}

function isSubIncluded(
  urn: string,
  attribute: AttributeDefinition,
  sub: AttributeDefinition,
  asked: Names | undefined,
  without: Names,
): boolean {
  if (sub.returned === 'never') return false;
  if (sub.returned === 'always') return true;
  const own = key(urn, attribute.name, sub.name);
  const isWhole = asked === undefined || asked.has(urn) || asked.has(key(urn, attribute.name));
  const isAsked = isWhole ? sub.returned !== 'request' || asked?.has(own) : asked.has(own);
  return isAsked === true && !without.has(own);
}

/** A URN alone stands for a whole extension. The core schema has no URN here, so '' is never asked for. */
function key(urn: string, ...names: string[]): string {
  return [urn, ...names].join(' ');
}

function keysOf(resourceType: ResourceType, names: readonly string[]): Names {
  const keys = names.map((name) => {
    try {
      const { extension, attribute, subAttribute } = parseAttributeName(resourceType, name);
      return key(extension, ...[attribute, subAttribute].filter((part) => part !== ''));
    } catch (error) {
      if (error instanceof ScimSyntaxError) return undefined;
      throw error;
    }
  });
  return new Set(keys.filter((name) => name !== undefined));
}
