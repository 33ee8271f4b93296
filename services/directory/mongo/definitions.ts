import { createHash } from 'node:crypto';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';

const fingerprints = new WeakMap<ResourceType, string>();

/**
 * The fingerprint of a resource type's definitions. Documents carry it: another one means that `fold`, `unique` and
 * `lookup` were made by other definitions.
 */
export function definitionsFingerprint(type: ResourceType): string {
  const known = fingerprints.get(type);
  if (known !== undefined) return known;
  const { name, schema, extensions } = type;
  const digest = createHash('sha256').update(JSON.stringify({ name, schema, extensions })).digest('hex');
  const fingerprint = digest.slice(0, 16);
  fingerprints.set(type, fingerprint);
  return fingerprint;
}

/** The fingerprint of all definitions of a registry. */
export function registryFingerprint({ resourceTypes }: SchemaRegistry): string {
  return resourceTypes.map(definitionsFingerprint).join();
}
