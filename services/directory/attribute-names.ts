import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { parseAttributeName } from '#scim/attribute-path.ts';
import { resolveRequired } from '#scim/required-attributes.ts';
import type { ResolvedPath, ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { DirectoryError } from './errors.ts';

/** A setting of a connection that is a list of attributes. */
export interface AttributeSetting {
  /** The field of the requests that set it. */
  readonly field: string;
  /** What is done to the attributes, as in `id cannot be required`. */
  readonly done: string;
  /** Says why an attribute cannot be in the list; undefined when it can. */
  obstacleOf(path: ResolvedPath, registry: SchemaRegistry): string | undefined;
}

const maxAttributeNames = 50;

/**
 * Reads the names of attributes that a setting lists, in any letter case: spelled as the schemas do and each once.
 * REQUEST_INVALID with the reason for the first that cannot be there.
 */
export function parseAttributeNames(
  setting: AttributeSetting,
  registry: SchemaRegistry,
  names: readonly string[],
): readonly string[] {
  if (names.length > maxAttributeNames)
    throw notPossible(setting, `must be at most ${maxAttributeNames} attributes`);
  return [...new Set(names.map((name) => parseOne(setting, registry, name.trim())))];
}

function parseOne(setting: AttributeSetting, registry: SchemaRegistry, name: string): string {
  const { resourceTypes } = registry;
  let spelled: string | undefined;
  for (const type of resourceTypes) {
    const path = resolveRequired(type, name);
    if (!path) continue;
    const obstacle = setting.obstacleOf(path, registry);
    if (obstacle) throw notPossible(setting, `${name} cannot be ${setting.done}, because ${obstacle}`);
    const urn = name.includes(':') ? `${path.extension?.schema.id ?? type.schema.id}:` : '';
    spelled = `${urn}${[path.attribute, path.subAttribute].flatMap((part) => part?.name ?? []).join('.')}`;
  }
  if (spelled !== undefined) return spelled;
  const [problem = 'there are no attributes'] = resourceTypes.map((type) => unknownIn(type, name));
  throw notPossible(setting, problem);
}

function unknownIn(type: ResourceType, name: string): string {
  try {
    parseAttributeName(type, name);
  } catch (error) {
    if (error instanceof ScimSyntaxError) return error.message;
    throw error;
  }
  return `${JSON.stringify(name.slice(0, 200))} is a schema; name one of its attributes`;
}

function notPossible({ field }: AttributeSetting, problem: string): DirectoryError {
  return new DirectoryError(ErrorReason.REQUEST_INVALID, `${field}: ${problem}`, { field });
}
