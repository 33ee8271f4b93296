import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, jsonEqual } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import { withMember } from '../resource-value.ts';
import { listToStore } from './list-to-store.ts';

/**
 * Checks a resource as a whole before it is stored: types that protobuf does not know (base64, dates), required attributes,
 * and extensions, immutable attributes. An immutable attribute that `next` leaves out keeps its value, and lists become
 * what `listToStore` makes of them.
 * @param previous the resource as stored; undefined for a new one.
 * @returns the resource to store: the same object when nothing had to be put right, `previous` when nothing changes.
 * @throws DirectoryError VALUE_INVALID, MUTABILITY
 */
export function validateResource(
  resourceType: ResourceType,
  next: JsonObject,
  previous: JsonObject | undefined,
): JsonObject {
  let valid = checkAttributes('', resourceType.schema.attributes, next, previous);
  for (const { field, required, schema } of resourceType.extensions) {
    const before = objectOf(previous?.[field]);
    if (valid[field] === undefined && required)
      throw invalid(schema.id, 'is a required extension; send its attributes.');
    if (valid[field] === undefined && before === undefined) continue;
    const extension = checkAttributes(
      `${schema.id}:`,
      schema.attributes,
      objectOf(valid[field]) ?? {},
      before,
    );
    valid = withMember(valid, field, Object.keys(extension).length === 0 ? undefined : extension);
  }
  return jsonEqual(valid, previous) && previous !== undefined ? previous : valid;
}

/** Checks the attributes of one schema, or the sub-attributes of one value; `prefix` leads to them. */
function checkAttributes(
  prefix: string,
  attributes: readonly AttributeDefinition[],
  next: JsonObject,
  previous: JsonObject | undefined,
): JsonObject {
  let valid = next;
  // Nothing is required in an extension or complex attribute that has no value itself.
  const isAbsent = prefix !== '' && Object.keys(next).length === 0;
  for (const attribute of attributes) {
    if (attribute.derived || attribute.mutability === 'readOnly') continue;
    const { field } = attribute;
    const value = checkAttribute(prefix, attribute, next[field], previous?.[field]);
    // What became required later may go on to be missing, or nothing else of the resource could be changed.
    const wasMissing = previous !== undefined && isBlank(previous[field]);
    if (attribute.required && !isAbsent && isBlank(value) && !wasMissing) {
      throw invalid(`${prefix}${attribute.name}`, 'is required; send a value that is not empty.');
    }
    valid = withMember(valid, field, value);
  }
  return valid;
}

function checkAttribute(
  prefix: string,
  attribute: AttributeDefinition,
  held: JsonValue | undefined,
  previous: JsonValue | undefined,
): JsonValue | undefined {
  const name = `${prefix}${attribute.name}`;
  const value = held === undefined ? undefined : readTyped(prefix, attribute, held);
  if (attribute.mutability === 'immutable' && previous !== undefined) {
    if (value === undefined || jsonEqual(value, previous)) return previous;
    throw new DirectoryError(ErrorReason.MUTABILITY, `${name} has a value and cannot be changed.`, {
      attribute: name,
    });
  }
  if (attribute.multiValued && isJsonArray(value)) {
    const before = isJsonArray(previous) ? previous : [];
    for (const element of value) checkRequiredParts(name, attribute, element, before);
    return listToStore(attribute, value, before);
  }
  if (attribute.type !== 'complex' || (value === undefined && previous === undefined)) return value;
  const whole = checkAttributes(
    `${name}.`,
    attribute.subAttributes,
    objectOf(value) ?? {},
    objectOf(previous),
  );
  return Object.keys(whole).length === 0 ? undefined : whole;
}

/** Values of a list have no identity, so only what each new one must have is checked; not what may have changed in it. */
function checkRequiredParts(
  name: string,
  attribute: AttributeDefinition,
  element: JsonValue,
  before: readonly JsonValue[],
): void {
  const missing = attribute.subAttributes.find(
    (sub) => sub.required && !sub.derived && isBlank(objectOf(element)?.[sub.field]),
  );
  if (missing && !before.some((known) => jsonEqual(known, element)))
    throw invalid(`${name}.${missing.name}`, 'is required; send a value that is not empty.');
}

function readTyped(prefix: string, attribute: AttributeDefinition, value: JsonValue): JsonValue | undefined {
  try {
    return readAttributeValue(attribute, value, { unknown: 'ignore' });
  } catch (error) {
    if (!(error instanceof AttributeValueError)) throw error;
    throw new DirectoryError(ErrorReason.VALUE_INVALID, error.message, {
      attribute: `${prefix}${error.attribute}`,
    });
  }
}

function invalid(attribute: string, problem: string): DirectoryError {
  return new DirectoryError(ErrorReason.VALUE_INVALID, `${attribute} ${problem}`, { attribute });
}

function isBlank(value: JsonValue | undefined): boolean {
  return value === undefined || (typeof value === 'string' && value.trim() === '');
}

function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}
