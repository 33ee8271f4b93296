import { Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Schema, SchemaAttribute, SchemaSubAttribute } from '#proto/rollcall/scim/v1/schema.ts';
import {
  attributeTypes,
  createDeclaredRegistry,
  indexedTypes,
  mutabilities,
  returneds,
  uniquenesses,
} from '#scim/declared-extensions.ts';
import { DirectoryError } from './errors.ts';

const maxAttributes = 100;
const maxTextLength = 1_000;
const maxCanonicalValues = 100;
const urnForm = /^urn:[a-z0-9][a-z0-9-]{0,31}(:[a-z0-9._-]+)+$/i;
const nameForm = /^[a-z][a-z0-9_-]{0,99}$/i;
// Names that every object has: a value that is absent could be taken for them.
const inheritedNames = Object.getOwnPropertyNames(Object.prototype);

/** The error for an extension that cannot be declared as it is. @param problem what is wrong with it, and what to change */
export function extensionInvalid(problem: string): DirectoryError {
  return new DirectoryError(ErrorReason.REQUEST_INVALID, `extension: ${problem}`, { field: 'extension' });
}

/** Whether two URNs, or two names of attributes, are the same: their letter case does not count. */
export function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/**
 * An extension as it is to be stored, with the defaults of RFC 7643, section 2.2 written out; see the message for what one
 * can be. REQUEST_INVALID with the reason for one that cannot work.
 * @param others what the connection declares already, which may include an earlier form of this one.
 */
export function checkExtension({ resourceType, schema }: Extension, others: readonly Extension[]): Extension {
  const { resourceTypes } = createDeclaredRegistry([]);
  const type = resourceTypes.find(({ name }) => isSameName(name, resourceType));
  if (!type)
    throw extensionInvalid(
      `resource_type must be one of ${resourceTypes.map(({ name }) => name).join(', ')}`,
    );
  if (!schema) throw extensionInvalid('schema is missing');
  const { id } = schema;
  if (id.length > 200 || !urnForm.test(id))
    throw extensionInvalid(
      'schema.id must be a URN of at most 200 characters such as "urn:example:params:scim:schemas:Badge", of letters, digits and ":._-"',
    );
  const builtIn = resourceTypes.flatMap((each) => [each.schema, ...each.extensions.map((one) => one.schema)]);
  const taken = [...builtIn, ...others.flatMap((other) => other.schema ?? [])].filter(
    (one) => !isSameName(one.id, id),
  );
  if (builtIn.some((one) => isSameName(one.id, id))) throw extensionInvalid(`${id} is a built-in schema`);
  const overlap = taken.find((one) => isWithin(one.id, id) || isWithin(id, one.id));
  if (overlap)
    throw extensionInvalid(
      `${id} and ${overlap.id} begin alike, so that no path could tell them apart; choose another URN`,
    );
  return Extension.fromPartial({ resourceType: type.name, schema: checkedSchema(schema) });
}

function checkedSchema({ id, name, description = '', attributes }: Schema): Schema {
  const count = attributes.reduce((sum, { subAttributes }) => sum + 1 + subAttributes.length, 0);
  if (count === 0 || count > maxAttributes)
    throw extensionInvalid(
      `${id} must have 1 to ${maxAttributes} attributes, parts included; it has ${count}`,
    );
  const schemaName = name.trim() === '' ? (id.split(':').at(-1) ?? id) : name;
  return {
    id,
    name: checkedText(schemaName, `${id}, name`),
    description: checkedText(description, `${id}, description`),
    attributes: checkedNames(id, attributes).map((attribute) =>
      checkedTopLevel(`${id}:${attribute.name}`, attribute),
    ),
  };
}

function checkedTopLevel(path: string, attribute: SchemaAttribute): SchemaAttribute {
  const common = checkedAttribute(path, attribute);
  const parts = attribute.subAttributes;
  if (common.type === 'complex' && parts.length === 0)
    throw extensionInvalid(`${path} is complex and must have subAttributes`);
  if (common.type !== 'complex' && parts.length > 0)
    throw extensionInvalid(`${path} has subAttributes, so its type must be "complex"`);
  if (common.uniqueness !== 'none' && !indexedTypes.includes(common.type))
    throw extensionInvalid(
      `${path} cannot be unique, because it is ${common.type}; what is can be ${indexedTypes.join(', ')}`,
    );
  if (common.uniqueness !== 'none' && common.returned === 'never')
    throw extensionInvalid(`${path} cannot be unique, because it is never returned and so not kept`);
  if (common.uniqueness !== 'none' && common.multiValued)
    throw extensionInvalid(`${path} cannot be unique, because it has several values`);
  return {
    ...common,
    subAttributes: checkedNames(path, parts).map((part) => {
      const checkedPart = checkedAttribute(`${path}.${part.name}`, part);
      if (checkedPart.type === 'complex')
        throw extensionInvalid(
          `${path}.${part.name} cannot be complex, because it is a part itself (RFC 7643, section 2.3.8)`,
        );
      if (checkedPart.uniqueness !== 'none')
        throw extensionInvalid(`${path}.${part.name} cannot be unique, because it is a part`);
      return checkedPart;
    }),
  };
}

type Common = Omit<SchemaAttribute, 'subAttributes'> & { readonly type: (typeof attributeTypes)[number] };

function checkedAttribute(path: string, attribute: SchemaSubAttribute): Common {
  const {
    name,
    multiValued,
    required = false,
    caseExact = false,
    canonicalValues,
    referenceTypes,
  } = attribute;
  const type = oneOf(attributeTypes, attribute.type || undefined, path, 'type');
  const mutability = oneOf(mutabilities, attribute.mutability, path, 'mutability');
  const returned = oneOf(returneds, attribute.returned, path, 'returned');
  if (mutability === 'readOnly')
    throw extensionInvalid(`${path} cannot be readOnly, because nobody could write it`);
  if (mutability === 'writeOnly' && returned !== 'never')
    throw extensionInvalid(`${path} is writeOnly, so that "returned" must be "never"`);
  if (required && returned === 'never')
    throw extensionInvalid(`${path} cannot be required, because it is never returned and so not kept`);
  if (canonicalValues.length > maxCanonicalValues || referenceTypes.length > maxCanonicalValues)
    throw extensionInvalid(
      `${path} must have at most ${maxCanonicalValues} canonicalValues and referenceTypes`,
    );
  return {
    name,
    type,
    multiValued,
    description: checkedText(attribute.description ?? '', `${path}, description`),
    required,
    caseExact: type === 'reference' || type === 'binary' || caseExact,
    mutability,
    returned,
    uniqueness: oneOf(uniquenesses, attribute.uniqueness, path, 'uniqueness'),
    canonicalValues: canonicalValues.map((value) => checkedText(value, `${path}, canonicalValues`)),
    referenceTypes: referenceTypes.map((value) => checkedText(value, `${path}, referenceTypes`)),
  };
}

function oneOf<const Values extends readonly [string, ...string[]]>(
  values: Values,
  given: string | undefined,
  path: string,
  characteristic: string,
): Values[number] {
  const value = given === undefined ? values[0] : values.find((known) => known === given);
  if (value !== undefined) return value;
  throw extensionInvalid(
    `${path} has the ${characteristic} ${JSON.stringify(given?.slice(0, 50))}; choose one of ${values.join(', ')}`,
  );
}

function checkedNames<Named extends { readonly name: string }>(
  owner: string,
  named: readonly Named[],
): readonly Named[] {
  const seen = new Set<string>();
  for (const { name } of named) {
    const shown = JSON.stringify(name.slice(0, 100));
    if (!nameForm.test(name))
      throw extensionInvalid(
        `${owner}: ${shown} cannot be a name; use a letter, then at most 99 letters, digits, "-" and "_" (RFC 7643, section 2.1)`,
      );
    if (name.toLowerCase() === 'schemas' || inheritedNames.some((inherited) => isSameName(inherited, name)))
      throw extensionInvalid(`${owner}: the name ${shown} is taken; choose another`);
    if (seen.has(name.toLowerCase())) throw extensionInvalid(`${owner}: ${shown} is there twice`);
    seen.add(name.toLowerCase());
  }
  return named;
}

function checkedText(text: string, what: string): string {
  if (text.length <= maxTextLength && text.isWellFormed()) return text;
  throw extensionInvalid(`${what} must have at most ${maxTextLength} characters`);
}

function isWithin(urn: string, longer: string): boolean {
  return longer.toLowerCase().startsWith(`${urn.toLowerCase()}:`);
}
