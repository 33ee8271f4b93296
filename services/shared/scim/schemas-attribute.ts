import type { AttributeDefinition } from './attribute.ts';

/**
 * `schemas` (RFC 7643, section 3), which no message declares: it follows from the attributes that a resource has. Filters
 * may name it; the gateway turns them into filters on those attributes.
 */
export const schemasAttribute: AttributeDefinition = {
  name: 'schemas',
  field: 'schemas',
  description: 'The URNs of the schemas of which the resource has attributes.',
  type: 'reference',
  multiValued: true,
  required: true,
  caseExact: true,
  mutability: 'readWrite',
  returned: 'always',
  uniqueness: 'none',
  canonicalValues: [],
  referenceTypes: ['uri'],
  indexed: false,
  derived: true,
  format: 'any',
  common: true,
  subAttributes: [],
};
