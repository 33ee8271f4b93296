import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ScimAnswer, ScimClient } from './scim-client.ts';

/** An attribute as `/Schemas` describes it (RFC 7643, section 7). */
export interface PublishedAttribute {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: string;
  readonly returned: string;
  readonly uniqueness: string;
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly PublishedAttribute[];
}

/** A schema as `/Schemas` publishes it. */
export interface PublishedSchema {
  readonly id: string;
  readonly attributes: readonly PublishedAttribute[];
}

/** A resource type with its schemas, as `/ResourceTypes` and `/Schemas` publish them. */
export interface PublishedType {
  readonly name: string;
  readonly endpoint: string;
  readonly core: PublishedSchema;
  readonly extensions: readonly PublishedSchema[];
}

type Json = ScimAnswer['body'];

/** A published attribute and where a resource has it. */
export interface PublishedPlace {
  /** How a path names it: `title`, `urn:…:User:manager`. */
  readonly path: string;
  readonly attribute: PublishedAttribute;
  /** Its value in a resource. */
  valueIn(resource: Json): Json;
  /** The resource with another value; undefined sends none. */
  replacedIn(resource: Json, value: unknown): Json;
}

/** A resource that sampled references point to. */
export interface Target {
  readonly id: string;
  readonly meta: { readonly location: string; readonly resourceType: string };
}

/** Reads every published schema, by its URN. */
export async function readSchemas(scim: ScimClient): Promise<ReadonlyMap<string, PublishedSchema>> {
  const { body } = await scim('GET', '/Schemas');
  return new Map(body.Resources.map((schema: PublishedSchema) => [schema.id, schema]));
}

/** Reads every published resource type. */
export async function readTypes(scim: ScimClient): Promise<readonly PublishedType[]> {
  const schemas = await readSchemas(scim);
  const find = (urn: string) => {
    const schema = schemas.get(urn);
    assert.ok(schema, `${urn} is published`);
    return schema;
  };
  const { body } = await scim('GET', '/ResourceTypes');
  return body.Resources.map(({ name, endpoint, schema, schemaExtensions = [] }: Json) => ({
    name,
    endpoint,
    core: find(schema),
    extensions: schemaExtensions.map((extension: { schema: string }) => find(extension.schema)),
  }));
}

/** Every attribute of a type, its extensions' included. */
export function placesOf({ core, extensions }: PublishedType): readonly PublishedPlace[] {
  const inCore = core.attributes.map((attribute) => ({
    path: attribute.name,
    attribute,
    valueIn: (resource: Json) => resource[attribute.name],
    replacedIn: (resource: Json, value: unknown) => ({ ...resource, [attribute.name]: value }),
  }));
  const inExtensions = extensions.flatMap(({ id, attributes }) =>
    attributes.map((attribute) => ({
      path: `${id}:${attribute.name}`,
      attribute,
      valueIn: (resource: Json) => resource[id]?.[attribute.name],
      replacedIn: (resource: Json, value: unknown) => ({
        ...resource,
        [id]: { ...resource[id], [attribute.name]: value },
      }),
    })),
  );
  return [...inCore, ...inExtensions];
}

/** Texts of which a standard says what they look like: two of each, by the name of the attribute. */
const standardTexts: Readonly<Record<string, readonly [string, string]>> = {
  country: ['NL', 'BE'],
  locale: ['nl-NL', 'fr-BE'],
  preferredLanguage: ['nl', 'fr'],
  timezone: ['Europe/Amsterdam', 'Europe/Brussels'],
};

/** Makes a value of an attribute by nothing but its published definition; references point to the first two targets. */
export function sample(
  attribute: PublishedAttribute,
  targets: readonly [Target, Target],
  choice: 0 | 1 = 0,
): unknown {
  if (!attribute.multiValued) return sampleOne(attribute, targets, choice);
  return [sampleOne(attribute, targets, 0), sampleOne(attribute, targets, 1)];
}

function sampleOne(
  attribute: PublishedAttribute,
  targets: readonly [Target, Target],
  choice: 0 | 1,
): unknown {
  const { name, type, canonicalValues = [], subAttributes = [] } = attribute;
  const unique = randomUUID();
  switch (type) {
    case 'complex': {
      const parts = subAttributes.map((sub) => [sub.name, sampleOne(sub, targets, choice)]);
      const { id, meta } = targets[choice];
      const reference = { value: id, $ref: meta.location, type: meta.resourceType };
      const isReference = subAttributes.some((sub) => sub.name === '$ref');
      const known = Object.entries(reference).filter(([key]) =>
        subAttributes.some((sub) => sub.name === key),
      );
      return Object.fromEntries([...parts, ...(isReference ? known : [])]);
    }
    case 'boolean':
      return choice === 0;
    case 'integer':
      return choice;
    case 'decimal':
      return choice + 0.5;
    case 'dateTime':
      return `200${choice}-01-01T00:00:00.000Z`;
    case 'binary':
      return Buffer.from(unique).toString('base64');
    case 'reference':
      return `https://example.com/${name}/${unique}`;
    default:
      return standardTexts[name]?.[choice] ?? canonicalValues[choice] ?? `${name} ${unique}`;
  }
}

/** Checks that what was sent of an attribute came back just as its definition promises. */
export function assertKept(attribute: PublishedAttribute, sent: unknown, read: unknown, path: string): void {
  const { type, mutability, returned, multiValued, subAttributes = [] } = attribute;
  if (returned === 'never') assert.equal(read, undefined, `${path} is a secret`);
  else if (mutability === 'readOnly') assert.notDeepEqual(read, sent, `${path} is not for clients`);
  else if (Array.isArray(sent) && multiValued) {
    assert.ok(Array.isArray(read) && read.length === sent.length, `${path}: ${JSON.stringify(read)}`);
    const values = new Map(read.map((value) => [value.value ?? value.formatted, value]));
    for (const value of sent)
      assertKept(
        { ...attribute, multiValued: false },
        value,
        values.get(value.value ?? value.formatted),
        path,
      );
  } else if (type !== 'complex') assert.deepEqual(read, sent, path);
  else
    for (const sub of subAttributes)
      assertKept(sub, partOf(sent, sub), partOf(read, sub), `${path}.${sub.name}`);
}

function partOf(value: unknown, { name }: PublishedAttribute): unknown {
  return Object(value)[name];
}

const text = { type: 'string', multiValued: false, required: false };

/** What every resource has without its schema saying so (RFC 7643, section 3.1). */
const common: readonly DeclaredAttribute[] = [
  { ...text, name: 'schemas', type: 'reference', multiValued: true, required: true },
  { ...text, name: 'id' },
  { ...text, name: 'externalId' },
  {
    ...text,
    name: 'meta',
    type: 'complex',
    subAttributes: [
      { ...text, name: 'resourceType', required: true },
      { ...text, name: 'created', type: 'dateTime' },
      { ...text, name: 'lastModified', type: 'dateTime' },
      { ...text, name: 'location', type: 'reference', required: true },
      { ...text, name: 'version' },
    ],
  },
];

type DeclaredAttribute = Pick<PublishedAttribute, 'name' | 'type' | 'multiValued' | 'required'> & {
  readonly subAttributes?: readonly DeclaredAttribute[];
};

/** Where a resource or a discovery document is not what the published schemas say, one text each. */
export function undeclared(
  resource: Readonly<Record<string, unknown>>,
  schemas: ReadonlyMap<string, PublishedSchema>,
): readonly string[] {
  const [coreUrn, ...urns] = resource.schemas as readonly string[];
  const attributesOf = (urn = '') => schemas.get(urn)?.attributes ?? [];
  const extensions = urns.map((name) => ({
    ...text,
    name,
    type: 'complex',
    subAttributes: attributesOf(name),
  }));
  return deviations(
    resource,
    [...common, ...attributesOf(coreUrn), ...extensions],
    `${resource.id ?? coreUrn}`,
  );
}

function deviations(value: object, declared: readonly DeclaredAttribute[], path: string): readonly string[] {
  const names = new Map(declared.map((attribute) => [attribute.name, attribute]));
  const missing = declared.filter(({ name, required }) => required && !Object.hasOwn(value, name));
  return [
    ...missing.map(({ name }) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const attribute = names.get(name);
      if (attribute === undefined) return [`${path}.${name} is not declared`];
      if (Array.isArray(item) !== attribute.multiValued)
        return [`${path}.${name} is not as many as declared`];
      return [item].flat().flatMap((one) => deviationsOfOne(one, attribute, `${path}.${name}`));
    }),
  ];
}

function deviationsOfOne(value: unknown, attribute: DeclaredAttribute, path: string): readonly string[] {
  if (attribute.type === 'complex') {
    return typeof value === 'object' && value !== null
      ? deviations(value, attribute.subAttributes ?? [], path)
      : [`${path} is not complex`];
  }
  return hasType(value, attribute.type) ? [] : [`${path} is not of type ${attribute.type}`];
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'boolean') return typeof value === 'boolean';
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'decimal') return typeof value === 'number';
  if (typeof value !== 'string' || value === '') return false;
  return type !== 'dateTime' || !Number.isNaN(Date.parse(value));
}
