import { z } from 'zod';
import { Schema } from '#proto/rollcall/scim/v1/schema.ts';
import { attributeTypes, mutabilities, returneds, uniquenesses } from '#scim/declared-extensions.ts';
import { readJsonFile } from './json-file.ts';

const partSchema = z.strictObject({
  name: z.string(),
  type: z.enum(attributeTypes).default('string'),
  multiValued: z.boolean().default(false),
  description: z.string().optional(),
  required: z.boolean().optional(),
  canonicalValues: z.array(z.string()).default([]),
  caseExact: z.boolean().optional(),
  mutability: z.enum(mutabilities).optional(),
  returned: z.enum(returneds).optional(),
  uniqueness: z.enum(uniquenesses).optional(),
  referenceTypes: z.array(z.string()).default([]),
});

const documentSchema = z.strictObject({
  id: z.string(),
  name: z.string().default(''),
  description: z.string().optional(),
  attributes: z.array(partSchema.extend({ subAttributes: z.array(partSchema).default([]) })),
  /** What a document of `/Schemas` has besides; it says nothing. */
  schemas: z.array(z.string()).optional(),
  meta: z.looseObject({}).optional(),
});

/**
 * Reads a schema (RFC 7643, section 7) as operators write it and as `/Schemas` answers it, `-` for standard input. Throws an
 * Error that says what to change.
 */
export async function readExtensionFile(path: string): Promise<Schema> {
  const { schemas: _, meta: __, ...schema } = await readJsonFile(path, documentSchema);
  return Schema.fromPartial(schema);
}

/** A schema as it stands in a file: what says nothing is left out. */
export function extensionDocument({ id, name, description, attributes }: Schema): object {
  return {
    id,
    name,
    ...(description && { description }),
    attributes: attributes.map(({ subAttributes, ...attribute }) => ({
      ...withoutEmpty(attribute),
      ...(subAttributes.length > 0 && { subAttributes: subAttributes.map(withoutEmpty) }),
    })),
  };
}

function withoutEmpty(attribute: object): object {
  const isEmpty = (value: unknown) =>
    value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(attribute).filter(([, value]) => !isEmpty(value)));
}
