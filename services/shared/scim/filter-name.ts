import { type NamedAttribute, resolveAttributeName } from './attribute-name.ts';
import type { ResourceType } from './schema-registry.ts';
import { schemasAttribute } from './schemas-attribute.ts';
import { ScimSyntaxError } from './scim-syntax-error.ts';
import type { Token } from './token-cursor.ts';

/** Finds what a name in a filter stands for: an attribute, or `schemas`. @throws ScimSyntaxError when there is none */
export function resolveFilterName(resourceType: ResourceType, word: Token): NamedAttribute {
  const name = word.text.toLowerCase();
  if (name === 'schemas' || name === `${resourceType.schema.id}:schemas`.toLowerCase()) {
    return { path: { extension: '', attribute: 'schemas', subAttribute: '' }, attribute: schemasAttribute };
  }
  return resolveAttributeName(resourceType, word, 'filter');
}

/** The same; undefined when the resource type has nothing of this name. @throws ScimSyntaxError for what can be no name */
export function findFilterName(resourceType: ResourceType, word: Token): NamedAttribute | undefined {
  try {
    return resolveFilterName(resourceType, word);
  } catch (error) {
    const isName = /^(urn:[^\s"]+:)?[a-z$][\w$-]*(\.[a-z$][\w$-]*)?$/i.test(word.text);
    if (error instanceof ScimSyntaxError && isName) return undefined;
    throw error;
  }
}
