import type { z } from 'zod';

/** A JSON schema as zod writes it. */
export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The schemas of an object's fields, by name. */
export function fieldSchemas({ properties = {} }: JsonSchema): ReadonlyMap<string, JsonSchema> {
  return new Map(
    Object.entries(properties).flatMap(([name, schema]): [string, JsonSchema][] =>
      typeof schema === 'boolean' ? [] : [[name, schema]],
    ),
  );
}

/** What a schema lets through, in words. */
export function schemaText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`'${value}'\``).join(', ');
  switch (schema.type) {
    case 'integer':
      return withDetail('number', range(schema.minimum, schema.maximum));
    case 'string': {
      const { pattern } = schema;
      const { minLength, maxLength } = schema;
      if (minLength === 1 && maxLength === undefined) return withDetail('string', 'not empty');
      const length = range(minLength, maxLength);
      return withDetail('string', pattern ? `\`${pattern}\`` : length && `${length} characters`);
    }
    case 'array': {
      const { items } = schema;
      const count = range(schema.minItems, schema.maxItems);
      const each = typeof items === 'object' && !Array.isArray(items) ? schemaText(items) : '';
      return `${withDetail('list', count)} of ${each}`;
    }
    case 'object': {
      const fields = [...fieldSchemas(schema)].map(([name, field]) => `\`${name}\`: ${schemaText(field)}`);
      return `{ ${fields.join('; ')} }`;
    }
    default:
      return String(schema.type ?? 'any value');
  }
}

function withDetail(type: string, detail: string): string {
  return detail === '' ? type : `${type} (${detail})`;
}

/** `1 to 1,000`, `at least 1`, `at most 1,000`; empty for any number that is safe. */
function range(least: number | undefined, most: number | undefined): string {
  const [low, high] = [least, most].map((bound) =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER ? bound.toLocaleString('en') : '',
  );
  if (low && high) return `${low} to ${high}`;
  if (low) return `at least ${low}`;
  return high ? `at most ${high}` : '';
}
