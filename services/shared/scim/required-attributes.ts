import { type ResolvedPath, type ResourceType, resolvePath } from './schema-registry.ts';

/**
 * What the name of a required attribute stands for in a resource type: `title`, `name.familyName`, or either after the URN
 * of its schema. Undefined when the type has nothing of this name.
 */
export function resolveRequired(resourceType: ResourceType, name: string): ResolvedPath | undefined {
  const end = name.lastIndexOf(':');
  const [attribute = '', subAttribute = '', ...more] = name.slice(end + 1).split('.');
  if (more.length > 0) return undefined;
  return resolvePath(resourceType, { extension: name.slice(0, Math.max(end, 0)), attribute, subAttribute });
}
