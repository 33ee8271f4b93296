import { parseAttributeName } from '#scim/attribute-path.ts';
import { findSubAttribute, type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { splitQuoted } from './quoted-text.ts';
import type { TextRepair } from './repair.ts';

/**
 * Entra ID compares truth values with text, in PATCH paths above all.
 *
 * broken: `roles[primary eq "True"].value`
 * right:  `roles[primary eq true].value`
 */
export const quotedBooleans: TextRepair = (text, { resourceType }) => {
  let before = '';
  const pieces = splitQuoted(text).map((piece, index) => {
    const isTruthValue = index % 2 === 1 && /^"(true|false)"$/i.test(piece);
    const repaired =
      isTruthValue && comparesBoolean(resourceType, before) ? piece.slice(1, -1).toLowerCase() : piece;
    // Strings before this one are left out, for brackets in them mean nothing.
    before += index % 2 === 0 ? piece : '""';
    return repaired;
  });
  return pieces.join('');
};

/** Whether the text ends with `name eq` or `name ne`, and the name is that of a boolean. */
function comparesBoolean(resourceType: ResourceType, before: string): boolean {
  const [, name] = /([\w$:.-]+)\s+(?:eq|ne)\s*$/i.exec(before) ?? [];
  if (name === undefined) return false;
  const [, holder] = /([\w$:.-]+)\s*\[[^\]]*$/.exec(before) ?? [];
  const found = findAttribute(resourceType, holder ?? name);
  if (holder === undefined) return found?.type === 'boolean';
  return found !== undefined && findSubAttribute(found, name)?.type === 'boolean';
}

function findAttribute(resourceType: ResourceType, name: string) {
  try {
    const resolved = resolvePath(resourceType, parseAttributeName(resourceType, name));
    return resolved?.subAttribute ?? resolved?.attribute;
  } catch (error) {
    if (error instanceof ScimSyntaxError) return undefined;
    throw error;
  }
}
