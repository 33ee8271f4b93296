import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { resolveRequired } from '#scim/required-attributes.ts';
import type { ResolvedPath, ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import { type AttributeSetting, parseAttributeNames } from './attribute-names.ts';
import { DirectoryError } from './errors.ts';

const setting: AttributeSetting = {
  field: 'required_attributes',
  done: 'required',
  obstacleOf: ({ attribute, subAttribute }) =>
    obstacleOf(attribute) ?? (subAttribute && obstacleOf(subAttribute)),
};

/**
 * Reads the names of attributes that a connection is to require, spelled as the schemas do and each once; see
 * `Connection.required_attributes`. REQUEST_INVALID with the reason for the first that cannot be required.
 */
export function parseRequiredAttributes(
  registry: SchemaRegistry,
  names: readonly string[],
): readonly string[] {
  return parseAttributeNames(setting, registry, names);
}

/** Why no client can be held to send an attribute; undefined when it can. */
function obstacleOf({ mutability, returned, derived }: AttributeDefinition): string | undefined {
  if (mutability === 'readOnly') return 'it is read-only: the server sets it';
  if (returned === 'never') return 'it is never returned, and not kept';
  return derived ? 'it is computed and not kept with the resource' : undefined;
}

/** Refuses a resource that is created or replaced without an attribute that the connection requires. VALUE_INVALID. */
export function refuseLacking(type: ResourceType, required: readonly string[], next: JsonObject): void {
  const [attribute] = lacking(type, required, next);
  if (attribute === undefined) return;
  throw new DirectoryError(
    ErrorReason.VALUE_INVALID,
    `${attribute} is required in this connection; send a value that is not empty.`,
    { attribute },
  );
}

/**
 * Refuses a change that takes away an attribute which the connection requires; what was lacking before may go on to.
 * MUTABILITY.
 */
export function refuseTakenAway(
  type: ResourceType,
  required: readonly string[],
  previous: JsonObject,
  next: JsonObject,
): void {
  const lackingNow = lacking(type, required, next);
  if (lackingNow.length === 0) return;
  const lackingBefore = lacking(type, required, previous);
  const attribute = lackingNow.find((name) => !lackingBefore.includes(name));
  if (attribute === undefined) return;
  throw new DirectoryError(
    ErrorReason.MUTABILITY,
    `${attribute} is required in this connection and cannot be removed.`,
    { attribute },
  );
}

/** The required attributes that a resource of a type does not have. A name that means nothing for the type is skipped. */
function lacking(type: ResourceType, required: readonly string[], resource: JsonObject): string[] {
  return required.filter((name) => {
    const path: ResolvedPath | undefined = resolveRequired(type, name);
    return path !== undefined && !isFilled(resource, path.keys);
  });
}

/** Whether keys lead to a value that is not empty; in a list from each of its elements, of which there is one. */
function isFilled(held: JsonValue | undefined, keys: readonly string[]): boolean {
  if (isJsonArray(held)) return held.length > 0 && held.every((element) => isFilled(element, keys));
  const [key, ...others] = keys;
  if (key !== undefined) return isJsonObject(held) && isFilled(held[key], others);
  if (isJsonObject(held)) return Object.keys(held).length > 0;
  return typeof held === 'string' ? held.trim() !== '' : held !== undefined && held !== null;
}
