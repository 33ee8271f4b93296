import type { AttributeMapping } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { printAttributeName } from '#scim/attribute-name.ts';
import { parseAttributePath, printAttributePath } from '#scim/attribute-path.ts';
import {
  findSubAttribute,
  type ResourceType,
  resolvePath,
  type SchemaRegistry,
} from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { DirectoryError } from './errors.ts';
import { createValueTest, type ValueTest } from './filter/value-test.ts';

/** The mapping of a connection that was given none; see the message AttributeMapping. */
export const defaultAttributeMapping: AttributeMapping = {
  login: 'userName',
  email: 'emails.value',
  externalId: 'externalId',
};

/** A part of a user's identity. */
export type IdentityPart = keyof AttributeMapping;

/** A path of a mapping, resolved. */
export interface MappedPath {
  /** The path down to one value, its value filter included. */
  readonly path: AttributePath;
  /** The top-level attribute. */
  readonly attribute: AttributeDefinition;
  /** What has the value: the attribute itself, or one of its parts. It is text, a reference or a whole number. */
  readonly leaf: AttributeDefinition;
  /** Storage keys that lead to the attribute from the top of a resource. */
  readonly keys: readonly string[];
  /** Which values of a multi-valued attribute count; all when absent. */
  readonly selects: ValueTest | undefined;
}

/** The most characters of one path. */
const maxMappedPathLength = 500;

/**
 * Reads a mapping: what is empty is the default, and every path is spelled as the schemas do. REQUEST_INVALID with the
 * reason for the first path that cannot work.
 * @param field the field of the request, for the error.
 */
export function parseAttributeMapping(
  registry: SchemaRegistry,
  { login, email, externalId }: AttributeMapping,
  field = 'attribute_mapping',
): AttributeMapping {
  const type = registry.resourceType('User');
  if (type === undefined) throw new TypeError('no resource type User');
  const parse = (text: string, name: IdentityPart, fieldName: string) => {
    const path = text.trim();
    if (path === '') return defaultAttributeMapping[name];
    return printAttributePath(readMappedPath(type, path, `${field}.${fieldName}`).path);
  };
  return {
    login: parse(login, 'login', 'login'),
    email: parse(email, 'email', 'email'),
    externalId: parse(externalId, 'externalId', 'external_id'),
  };
}

/** A path of a stored mapping; undefined when the type has it no more. */
export function findMappedPath(type: ResourceType, text: string): MappedPath | undefined {
  try {
    return readMappedPath(type, text, '');
  } catch (error) {
    if (error instanceof DirectoryError) return undefined;
    throw error;
  }
}

function readMappedPath(type: ResourceType, text: string, field: string): MappedPath {
  const refuse = (problem: string) =>
    new DirectoryError(ErrorReason.REQUEST_INVALID, `${field}: ${problem}`, { field });
  if (text.length > maxMappedPathLength)
    throw refuse(`a path must have at most ${maxMappedPathLength} characters`);
  const path = asReason(refuse, () => parseAttributePath(type, text));
  const resolved = resolvePath(type, path);
  if (resolved === undefined) throw refuse(`${path.extension} is a schema; name one of its attributes`);
  const { attribute, subAttribute } = resolved;
  const leaf =
    subAttribute ?? (attribute.type === 'complex' ? findSubAttribute(attribute, 'value') : attribute);
  const name = printAttributeName(path);
  if (leaf === undefined) {
    const example = attribute.subAttributes.find((sub) => obstacleOf(sub) === undefined)?.name;
    throw refuse(`${name} has several parts; name one of them, such as ${name}.${example}`);
  }
  const obstacle = obstacleOf(attribute) ?? obstacleOf(leaf) ?? typeObstacleOf(attribute, leaf);
  if (obstacle) throw refuse(`${name} names nobody, because ${obstacle}`);
  const { valueFilter } = path;
  return {
    path: { ...path, subAttribute: leaf === attribute ? '' : leaf.name },
    attribute,
    leaf,
    keys: subAttribute === undefined ? resolved.keys : resolved.keys.slice(0, -1),
    selects: valueFilter && asReason(refuse, () => createValueTest(attribute, valueFilter)),
  };
}

/** Why no user has a value there. */
function obstacleOf({ mutability, returned, derived }: AttributeDefinition): string | undefined {
  if (returned === 'never') return 'it is never returned, and not kept';
  if (derived) return 'it is computed and not kept with the user';
  return mutability === 'readOnly' ? 'it is read-only: the server sets it' : undefined;
}

/** Why the values there are no names. */
function typeObstacleOf(attribute: AttributeDefinition, leaf: AttributeDefinition): string | undefined {
  if (leaf !== attribute && leaf.multiValued) return 'each of its values is a list';
  switch (leaf.type) {
    case 'string':
    case 'reference':
    case 'integer':
      return undefined;
    default:
      return `it is ${leaf.type === 'complex' ? 'complex' : `a ${leaf.type}`}, and neither text nor a whole number`;
  }
}

/** Runs a part of the reading whose refusals, made for clients of SCIM, say what is wrong with the path. */
function asReason<Result>(refuse: (problem: string) => DirectoryError, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ScimSyntaxError || error instanceof DirectoryError) throw refuse(error.message);
    throw error;
  }
}
