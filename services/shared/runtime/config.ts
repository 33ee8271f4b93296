import type { z } from 'zod';

/** A setting that cannot be used. The message is one line for the person who set it; the process ends with code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Settings with such names may hold credentials, and their values are not shown. */
const secretName = /SECRET|TOKEN|PASSWORD|KEY|URI|URL/;

/**
 * Reads settings from the environment. The schema's keys are the names of the variables and their descriptions say what
 * is allowed. A variable set to the empty string counts as not set; variables the schema does not name are ignored.
 *
 * Throws `ConfigError`, whose one line names each wrong variable, its value (unless it may be a secret), the problem and
 * the description.
 */
export function readConfig<Schema extends z.ZodObject>(
  schema: Schema,
  env: Record<string, string | undefined>,
): z.output<Schema> {
  const input: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = env[name];
    if (value !== undefined && value !== '') input[name] = value;
  }
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const name = issue.path[0] === undefined ? 'settings' : String(issue.path[0]);
    const value = input[name];
    const shown = secretName.test(name) ? '(value not shown)' : JSON.stringify(value);
    const what = value === undefined ? (issue.path.length === 0 ? '' : ' is not set') : ` is ${shown}`;
    const field = schema.shape[name] as { description?: string } | undefined;
    return `${name}${what}: ${issue.message}${field?.description ? ` (${field.description})` : ''}`;
  });
  throw new ConfigError(problems.join('; ').replaceAll(/\s*\n\s*/g, ' '));
}
