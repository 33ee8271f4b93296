import { parseAttributeName } from '#scim/attribute-path.ts';
import { findSubAttribute, type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import type { TextRepair } from './repair.ts';
import { textPieces } from './text-pieces.ts';

/**
 * Entra ID compares truth values with text, in PATCH paths above all.
 *
 * broken: `roles[primary eq "True"].value`
 * right:  `roles[primary eq true].value`
 */
export const quotedBooleans: TextRepair = (text, { resourceType }) => {
  let holder: string | undefined;
  let [name, operator] = ['', ''];
  const pieces = textPieces(text).map((piece) => {
    if (/^\s$/.test(piece)) return piece;
    const isTruthValue = /^"(true|false)"$/i.test(piece) && /^(eq|ne)$/i.test(operator);
    const isQuoted = isTruthValue && isBoolean(resourceType, holder, name);
    if (piece === '[') holder = operator;
    if (piece === ']') holder = undefined;
    [name, operator] = [operator, piece];
    return isQuoted ? piece.slice(1, -1).toLowerCase() : piece;
  });
  return pieces.join('');
};

/** Whether an attribute is a boolean. @param holder the attribute whose sub-attribute is meant, if so. */
function isBoolean(resourceType: ResourceType, holder: string | undefined, name: string): boolean {
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
