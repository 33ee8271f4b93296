import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { ResolvedPath } from '#scim/schema-registry.ts';
import { DirectoryError } from './errors.ts';

/** How `WriteSettings.refolding` names a top-level attribute of an extension. */
export function refoldingName(urn: string, attribute: string): string {
  return `${urn}:${attribute}`;
}

/** The error for what cannot be asked or changed until what is stored is folded again. */
export function definitionsChanging(attribute: string): DirectoryError {
  const what = attribute === '' ? 'The extensions of this connection have' : `${attribute} has`;
  return new DirectoryError(
    ErrorReason.DEFINITIONS_CHANGING,
    `${what} just changed, and what is stored is still being brought to that; repeat the call later.`,
    attribute === '' ? {} : { attribute },
  );
}

/** Refuses to look for resources by an attribute that they are not folded by yet. @throws DirectoryError DEFINITIONS_CHANGING */
export function refuseRefolding(refolding: readonly string[], { extension, attribute }: ResolvedPath): void {
  if (refolding.length === 0 || !extension) return;
  const { id } = extension.schema;
  if (refolding.includes(refoldingName(id, attribute.name)))
    throw definitionsChanging(`${id}:${attribute.name}`);
}
