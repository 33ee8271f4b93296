import { Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Schema, SchemaAttribute, SchemaSubAttribute } from '#proto/rollcall/scim/v1/schema.ts';
import {
  attributeTypes,
  createDeclaredRegistry,
  mutabilities,
  returneds,
  uniquenesses,
} from '#scim/declared-extensions.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { DirectoryError } from './errors.ts';
import { refoldingName } from './refolding.ts';

/** How many extensions a connection may declare. */
export const maxExtensions = 20;

const maxAttributes = 100;
const maxTextLength = 1_000;
const maxCanonicalValues = 100;
const urnForm = /^urn:[a-z0-9][a-z0-9-]{0,31}(:[a-z0-9._-]+)+$/i;
const nameForm = /^[a-z][a-z0-9_-]{0,99}$/i;
// Names that every object has: a value that is absent could be taken for them.
const inheritedNames = Object.getOwnPropertyNames(Object.prototype);

/** A set of declared extensions, and what changes by it. */
export interface DeclaredSet {
  /** All extensions, in the order in which they were declared. */
  readonly extensions: readonly Extension[];
  /** See `WriteSettings.refolding`; also what is taken back, as long as its values are stored. */
  readonly refolding: readonly string[];
  /** Attributes with one value that are to be unique and were not. */
  readonly newlyUnique: readonly {
    readonly resourceType: string;
    readonly urn: string;
    readonly attribute: string;
  }[];
}

/**
 * The extensions of a connection with one declared, or declared anew. REQUEST_INVALID with the reason for one that cannot
 * work, LIMIT_EXCEEDED.
 */
export function withExtension(before: readonly Extension[], declared: Extension): DeclaredSet {
  const extension = checked(declared, before);
  const previous = before.find((known) => sameUrn(known, extension));
  if (previous) checkChange(previous, extension);
  else if (before.length >= maxExtensions)
    throw new DirectoryError(
      ErrorReason.LIMIT_EXCEEDED,
      `A connection declares at most ${maxExtensions} extensions; remove one first, or add attributes to one.`,
      { limit: 'extensions', maximum: String(maxExtensions) },
    );
  const { resourceType } = extension;
  const urn = extension.schema?.id ?? '';
  const pairs = attributesOf(extension).map((attribute) => ({
    attribute,
    earlier: attributesOf(previous).find(({ name }) => isSame(name, attribute.name)),
  }));
  return {
    extensions: previous
      ? before.map((known) => (known === previous ? extension : known))
      : [...before, extension],
    refolding: [
      ...pairs
        .filter(({ attribute, earlier }) => earlier === undefined || !foldsAlike(earlier, attribute))
        .map(({ attribute }) => refoldingName(urn, attribute.name)),
      ...attributesOf(previous)
        .filter(({ name }) => !attributesOf(extension).some((left) => isSame(left.name, name)))
        .map(({ name }) => refoldingName(urn, name)),
    ],
    newlyUnique: pairs
      .filter(({ attribute, earlier }) => earlier && isUnique(attribute) && !isUnique(earlier))
      .map(({ attribute }) => ({ resourceType, urn, attribute: attribute.name })),
  };
}

/** The extensions of a connection without one. EXTENSION_NOT_FOUND. */
export function withoutExtension(before: readonly Extension[], urn: string): DeclaredSet {
  const removed = before.find(({ schema }) => isSame(schema?.id ?? '', urn));
  if (!removed)
    throw new DirectoryError(
      ErrorReason.EXTENSION_NOT_FOUND,
      'The connection declares no extension of this URN.',
      { urn: urn.slice(0, 200) },
    );
  return {
    extensions: before.filter((known) => known !== removed),
    refolding: attributesOf(removed).map(({ name }) => refoldingName(removed.schema?.id ?? '', name)),
    newlyUnique: [],
  };
}

function invalid(problem: string): DirectoryError {
  return new DirectoryError(ErrorReason.REQUEST_INVALID, `extension: ${problem}`, { field: 'extension' });
}

function checked({ resourceType, schema }: Extension, others: readonly Extension[]): Extension {
  const { resourceTypes } = createDeclaredRegistry([]);
  const type = resourceTypes.find(({ name }) => isSame(name, resourceType));
  if (!type)
    throw invalid(`resource_type must be one of ${resourceTypes.map(({ name }) => name).join(', ')}`);
  if (!schema) throw invalid('schema is missing');
  const { id } = schema;
  if (id.length > 200 || !urnForm.test(id))
    throw invalid(
      'schema.id must be a URN of at most 200 characters such as "urn:example:params:scim:schemas:Badge", of letters, digits and ":._-"',
    );
  const builtIn = resourceTypes.flatMap((each) => [each.schema, ...each.extensions.map((one) => one.schema)]);
  const taken = [...builtIn, ...others.flatMap((other) => other.schema ?? [])].filter(
    (one) => !isSame(one.id, id),
  );
  if (builtIn.some((one) => isSame(one.id, id))) throw invalid(`${id} is a built-in schema`);
  const overlap = taken.find((one) => isWithin(one.id, id) || isWithin(id, one.id));
  if (overlap)
    throw invalid(
      `${id} and ${overlap.id} begin alike, so that no path could tell them apart; choose another URN`,
    );
  return Extension.fromPartial({ resourceType: type.name, schema: checkedSchema(schema) });
}

function checkedSchema({ id, name, description = '', attributes }: Schema): Schema {
  const count = attributes.reduce((sum, { subAttributes }) => sum + 1 + subAttributes.length, 0);
  if (count === 0 || count > maxAttributes)
    throw invalid(`${id} must have 1 to ${maxAttributes} attributes, parts included; it has ${count}`);
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
    throw invalid(`${path} is complex and must have subAttributes`);
  if (common.type !== 'complex' && parts.length > 0)
    throw invalid(`${path} has subAttributes, so its type must be "complex"`);
  if (common.uniqueness !== 'none' && ['complex', 'boolean'].includes(common.type))
    throw invalid(`${path} cannot be unique, because it is ${common.type}`);
  if (common.uniqueness !== 'none' && common.multiValued)
    throw invalid(`${path} cannot be unique, because it has several values`);
  return {
    ...common,
    subAttributes: checkedNames(path, parts).map((part) => {
      const checkedPart = checkedAttribute(`${path}.${part.name}`, part);
      if (checkedPart.type === 'complex')
        throw invalid(
          `${path}.${part.name} cannot be complex, because it is a part itself (RFC 7643, section 2.3.8)`,
        );
      if (checkedPart.uniqueness !== 'none')
        throw invalid(`${path}.${part.name} cannot be unique, because it is a part`);
      return checkedPart;
    }),
  };
}

type Common = Omit<SchemaAttribute, 'subAttributes'>;

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
  if (mutability === 'readOnly') throw invalid(`${path} cannot be readOnly, because nobody could write it`);
  if (mutability === 'writeOnly' && returned !== 'never')
    throw invalid(`${path} is writeOnly, so that "returned" must be "never"`);
  if (required && returned === 'never')
    throw invalid(`${path} cannot be required, because it is never returned and so not kept`);
  if (canonicalValues.length > maxCanonicalValues || referenceTypes.length > maxCanonicalValues)
    throw invalid(`${path} must have at most ${maxCanonicalValues} canonicalValues and referenceTypes`);
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
  throw invalid(
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
      throw invalid(
        `${owner}: ${shown} cannot be a name; use a letter, then at most 99 letters, digits, "-" and "_" (RFC 7643, section 2.1)`,
      );
    if (name.toLowerCase() === 'schemas' || inheritedNames.some((inherited) => isSame(inherited, name)))
      throw invalid(`${owner}: the name ${shown} is taken; choose another`);
    if (seen.has(name.toLowerCase())) throw invalid(`${owner}: ${shown} is there twice`);
    seen.add(name.toLowerCase());
  }
  return named;
}

function checkedText(text: string, what: string): string {
  if (text.length <= maxTextLength && text.isWellFormed()) return text;
  throw invalid(`${what} must have at most ${maxTextLength} characters`);
}

/** Refuses to make of stored values something else. */
function checkChange(before: Extension, after: Extension): void {
  const urn = after.schema?.id ?? '';
  const remedy = 'to change that, take the attribute away first and declare it again then';
  if (before.resourceType !== after.resourceType)
    throw invalid(
      `${urn} is an extension of ${before.resourceType}; remove it first to declare it for ${after.resourceType}`,
    );
  for (const attribute of attributesOf(after)) {
    const earlier = attributesOf(before).find(({ name }) => isSame(name, attribute.name));
    if (!earlier) continue;
    const path = `${urn}:${attribute.name}`;
    checkSameShape(path, earlier, attribute, remedy);
    if (earlier.caseExact !== attribute.caseExact && (isUnique(earlier) || isUnique(attribute)))
      throw invalid(`${path} is unique, so that caseExact cannot change; make it "uniqueness": "none" first`);
    for (const part of attribute.subAttributes) {
      const earlierPart = earlier.subAttributes.find(({ name }) => isSame(name, part.name));
      if (earlierPart) checkSameShape(`${path}.${part.name}`, earlierPart, part, remedy);
    }
  }
}

function checkSameShape(
  path: string,
  before: SchemaSubAttribute,
  after: SchemaSubAttribute,
  remedy: string,
): void {
  // The name is the key of what is stored.
  if (before.name !== after.name) throw invalid(`${path} was declared as ${before.name}; spell it like that`);
  if (before.type !== after.type) throw invalid(`${path} is a ${before.type}; ${remedy}`);
  if (before.multiValued !== after.multiValued)
    throw invalid(`${path} has ${before.multiValued ? 'several values' : 'one value'}; ${remedy}`);
}

/** Whether values of an attribute are compared, and found, as before. */
function foldsAlike(before: SchemaAttribute, after: SchemaAttribute): boolean {
  const isAlike = (a: SchemaSubAttribute | undefined, b: SchemaSubAttribute) =>
    a !== undefined && a.caseExact === b.caseExact && (a.returned === 'never') === (b.returned === 'never');
  return (
    isAlike(before, after) &&
    after.subAttributes.every((part) =>
      isAlike(
        before.subAttributes.find(({ name }) => name === part.name),
        part,
      ),
    )
  );
}

function attributesOf(extension: Extension | undefined): readonly SchemaAttribute[] {
  return extension?.schema?.attributes ?? [];
}

function isUnique({ uniqueness }: SchemaAttribute): boolean {
  return uniqueness !== 'none';
}

function sameUrn(a: Extension, b: Extension): boolean {
  return isSame(a.schema?.id ?? '', b.schema?.id ?? '');
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function isWithin(urn: string, longer: string): boolean {
  return longer.toLowerCase().startsWith(`${urn.toLowerCase()}:`);
}

/**
 * Refuses a set of extensions by which another setting of the connection would name nothing any more.
 * @param readSettings reads the settings that name attributes; throws DirectoryError for one that is unknown.
 * @throws DirectoryError REQUEST_INVALID
 */
export function checkNamed(
  extensions: readonly Extension[],
  readSettings: (registry: SchemaRegistry) => void,
): void {
  try {
    readSettings(createDeclaredRegistry(extensions));
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw invalid(
      `another setting of the connection goes by what would be gone; change it first (${error.message})`,
    );
  }
}
