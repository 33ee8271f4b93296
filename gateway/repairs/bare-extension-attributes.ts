import type { ExtensionDefinition } from '#scim/attribute.ts';
import { isJsonObject, type JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { BodyRepair, TextRepair } from './repair.ts';
import { textPieces } from './text-pieces.ts';

/**
 * Entra ID's tutorial puts attributes of the enterprise extension beside the core ones.
 *
 * broken: `{"userName": "ada@example.com", "department": "R"}`
 * right:  `{"userName": "ada@example.com", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R"}}`
 */
export const bareExtensionAttributes: BodyRepair = (body, { resourceType }) => {
  const kept: [string, JsonValue][] = [];
  const moved = new Map<ExtensionDefinition, [string, JsonValue][]>();
  for (const [key, value] of Object.entries(body)) {
    const extension = extensionOf(resourceType, key);
    if (extension) moved.set(extension, [...(moved.get(extension) ?? []), [key, value]]);
    else kept.push([key, value]);
  }
  if (moved.size === 0) return body;
  for (const [extension, entries] of moved) {
    const index = kept.findIndex(([key]) => resourceType.findExtension(key) === extension);
    const [key, own] = kept[index] ?? [extension.schema.id, {}];
    // What stands in its right place wins.
    const merged = { ...Object.fromEntries(entries), ...(isJsonObject(own) && own) };
    if (index >= 0) kept[index] = [key, merged];
    else kept.push([key, merged]);
  }
  return Object.fromEntries(kept);
};

/**
 * The same in a PATCH path and in a filter.
 *
 * broken: `manager eq "0192"`
 * right:  `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "0192"`
 */
export const bareExtensionNames: TextRepair = (text, { resourceType }) => {
  let depth = 0;
  const pieces = textPieces(text).map((piece) => {
    // Names between brackets are those of sub-attributes.
    if (piece === '[') depth += 1;
    if (piece === ']') depth -= 1;
    return depth > 0 ? piece : qualifyBareName(resourceType, piece);
  });
  return pieces.join('');
};

/** A name such as `manager` or `manager.value` with the URN of the extension it belongs to; any other as it is. */
export function qualifyBareName(resourceType: ResourceType, name: string): string {
  const extension = extensionOf(resourceType, name.split('.')[0] ?? '');
  return extension === undefined ? name : `${extension.schema.id}:${name}`;
}

/** The extension that alone has an attribute of this name; where several have, any could be meant. */
function extensionOf(resourceType: ResourceType, name: string): ExtensionDefinition | undefined {
  if (resourceType.findAttribute(name)) return undefined;
  const [only, ...others] = resourceType.extensions.filter(({ schema }) =>
    resourceType.findAttribute(name, schema.id),
  );
  return others.length === 0 ? only : undefined;
}
