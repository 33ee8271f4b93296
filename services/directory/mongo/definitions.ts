import { createHash } from 'node:crypto';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';

const fingerprints = new WeakMap<ResourceType, string>();

// What people read, and what is asked of a client and makes no difference to what is stored.
const withoutEffect = new Set(['description', 'canonicalValues', 'referenceTypes', 'required', 'format']);

/**
 * The fingerprint of a resource type's definitions, as far as they decide what is stored. Documents carry it: another one
 * means that `fold`, `unique` and `lookup` were made by other definitions.
 */
export function definitionsFingerprint(type: ResourceType): string {
  const known = fingerprints.get(type);
  if (known !== undefined) return known;
  const { name, schema, extensions } = type;
  const effective = JSON.stringify({ name, schema, extensions }, (key, value: unknown) =>
    withoutEffect.has(key) ? undefined : value,
  );
  const fingerprint = createHash('sha256').update(effective).digest('hex').slice(0, 16);
  fingerprints.set(type, fingerprint);
  return fingerprint;
}

/** The fingerprint of all definitions of a registry. */
export function registryFingerprint({ resourceTypes }: SchemaRegistry): string {
  return resourceTypes.map(definitionsFingerprint).join();
}
