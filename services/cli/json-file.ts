import { readFile } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import type { z } from 'zod';

/** Reads what a file holds as JSON, `-` for standard input. Throws an Error that says what to change. */
export async function readJsonFile<Content>(path: string, schema: z.ZodType<Content>): Promise<Content> {
  const content = path === '-' ? await readStream(process.stdin) : await readFile(path, 'utf8');
  const { data, error } = schema.safeParse(parseJson(content, path));
  if (error) throw new Error(`${path}: ${error.issues.map(issueText).join('; ')}`);
  return data;
}

function parseJson(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new Error(`${path} is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function issueText({
  path,
  message,
}: {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
}
