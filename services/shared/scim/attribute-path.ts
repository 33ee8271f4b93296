import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import { printAttributeName, resolveAttributeName } from './attribute-name.ts';
import { filterLimits } from './filter-limits.ts';
import { parseValueFilter, takeSubAttribute } from './filter-parser.ts';
import { printFilter } from './filter-printer.ts';
import type { ResourceType } from './schema-registry.ts';
import { createTokenCursor } from './token-cursor.ts';

/**
 * Reads the path of a PATCH operation (RFC 7644, section 3.5.2): `name.givenName`, `emails[type eq "work"].value`,
 * `urn:…:User:manager`, or the URN of a whole extension. Names may have any letter case.
 * @throws ScimSyntaxError of kind `path`, or of kind `filter` for what is wrong between brackets
 */
export function parseAttributePath(resourceType: ResourceType, text: string): AttributePath {
  const cursor = createTokenCursor(text, 'path', filterLimits.length);
  const word = cursor.expect('word', 'path', 'Write the name of an attribute here.');
  const named = resolveAttributeName(resourceType, word, 'path');
  let { path } = named;
  if (cursor.peek().kind === '[') {
    const valueFilter = parseValueFilter(cursor, named);
    const subAttribute = takeSubAttribute(cursor, named.attribute, 'path');
    path = { ...path, subAttribute: subAttribute?.name ?? '', valueFilter };
  }
  cursor.expect('end', 'path', 'End the path here.');
  return path;
}

/**
 * Reads one name as in `attributes`, `excludedAttributes` and `sortBy`: a path without a value filter.
 * @throws ScimSyntaxError of kind `path`
 */
export function parseAttributeName(resourceType: ResourceType, text: string): AttributePath {
  const cursor = createTokenCursor(text, 'path', filterLimits.length);
  const word = cursor.expect('word', 'path', 'Write the name of an attribute here.');
  cursor.expect('end', 'path', 'End the name here.');
  return resolveAttributeName(resourceType, word, 'path').path;
}

/** Writes a path as text that `parseAttributePath` reads back to the same path. */
export function printAttributePath(path: AttributePath): string {
  if (path.valueFilter === undefined) return printAttributeName(path);
  const attribute = printAttributeName({ ...path, subAttribute: '' });
  const subAttribute = path.subAttribute === '' ? '' : `.${path.subAttribute}`;
  return `${attribute}[${printFilter(path.valueFilter)}]${subAttribute}`;
}
