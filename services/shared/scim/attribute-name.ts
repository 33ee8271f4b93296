import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from './attribute.ts';
import { findSubAttribute, type ResourceType } from './schema-registry.ts';
import { ScimSyntaxError } from './scim-syntax-error.ts';
import type { Token } from './token-cursor.ts';

/** What a name such as `name.givenName` or `urn:…:User:manager.value` stands for. */
export interface NamedAttribute {
  /** The path, every name spelled as the schema spells it; without a value filter. */
  readonly path: AttributePath;
  /** The top-level attribute; absent when the name is that of a whole extension. */
  readonly attribute?: AttributeDefinition;
  /** The sub-attribute; absent when none is named. */
  readonly subAttribute?: AttributeDefinition;
}

/**
 * Finds what a word names, whatever its letter case. A URN before the name is taken as long as a known schema allows,
 * because URNs contain the same colons and dots that separate names.
 * @throws ScimSyntaxError of `kind` when the resource type has nothing of this name
 */
export function resolveAttributeName(
  resourceType: ResourceType,
  word: Token,
  kind: ScimSyntaxError['kind'],
): NamedAttribute {
  const urn = knownUrn(resourceType, word.text);
  const rest = word.text.slice(urn === '' ? 0 : urn.length + 1);
  const extension = resourceType.findExtension(urn)?.schema;
  if (urn !== '' && word.text.length === urn.length) {
    if (extension) return { path: { extension: extension.id, attribute: '', subAttribute: '' } };
    throw new ScimSyntaxError(kind, word.position, 'Add ":" and the name of an attribute to the schema URN.');
  }
  const position = word.position + word.text.length - rest.length;
  if (rest.includes(':')) {
    const known = [resourceType.schema, ...resourceType.extensions.map(({ schema }) => schema)];
    const list = known.map(({ id }) => id).join(', ');
    throw new ScimSyntaxError(
      kind,
      position,
      `This schema is not known. Schemas of ${resourceType.name}: ${list}.`,
    );
  }

  const [name = '', subName, ...more] = rest.split('.');
  const attribute = resourceType.findAttribute(name, urn);
  if (attribute === undefined) {
    throw new ScimSyntaxError(kind, position, unknownAttribute(resourceType, name, urn));
  }
  const names = { extension: extension?.id ?? '', attribute: attribute.name };
  if (subName === undefined) return { path: { ...names, subAttribute: '' }, attribute };
  if (more.length > 0) {
    throw new ScimSyntaxError(kind, position, 'Names have at most two parts: attribute.subAttribute.');
  }
  const subAttribute = requireSubAttribute(attribute, subName, kind, position + name.length + 1);
  return { path: { ...names, subAttribute: subAttribute.name }, attribute, subAttribute };
}

/** Finds a sub-attribute, whatever its letter case. @throws ScimSyntaxError that lists those there are */
export function requireSubAttribute(
  attribute: AttributeDefinition,
  name: string,
  kind: ScimSyntaxError['kind'],
  position: number,
): AttributeDefinition {
  const found = findSubAttribute(attribute, name);
  if (found) return found;
  const known = attribute.subAttributes.map((sub) => sub.name).join(', ');
  const advice = known === '' ? 'it has none' : `it has ${known}`;
  throw new ScimSyntaxError(
    kind,
    position,
    `${quote(name)} is not a sub-attribute of ${attribute.name}: ${advice}.`,
  );
}

/** Writes a path, its value filter left out, as text that `resolveAttributeName` reads back. */
export function printAttributeName(path: AttributePath): string {
  const name = [path.attribute, path.subAttribute].filter((part) => part !== '').join('.');
  return [path.extension, name].filter((part) => part !== '').join(':');
}

function knownUrn(resourceType: ResourceType, text: string): string {
  const lower = text.toLowerCase();
  return [resourceType.schema, ...resourceType.extensions.map(({ schema }) => schema)]
    .map(({ id }) => id)
    .filter((id) => lower === id.toLowerCase() || lower.startsWith(`${id.toLowerCase()}:`))
    .reduce((longest, id) => (id.length > longest.length ? id : longest), '');
}

function unknownAttribute(resourceType: ResourceType, name: string, urn: string): string {
  const owner = resourceType.extensions.find(({ schema }) => resourceType.findAttribute(name, schema.id));
  const problem = `${quote(name)} is not an attribute of ${urn === '' ? resourceType.name : urn}`;
  return owner && urn === '' ? `${problem}; did you mean ${owner.schema.id}:${name}?` : `${problem}.`;
}

// Names come from the client: a long one would make an error nobody can read.
function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}
