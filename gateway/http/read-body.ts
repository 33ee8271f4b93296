import type { IncomingMessage } from 'node:http';
import getRawBody from 'raw-body';
import { isJsonArray, isJsonObject, type JsonValue } from '#scim/json.ts';
import { limits } from '../limits.ts';
import { ScimError } from '../scim/scim-error.ts';
import type { Exchange } from './exchange.ts';

/**
 * Stage: reads the body, a JSON object in UTF-8 of `application/scim+json` or `application/json`. Throws ScimError 413,
 * 415, or 400 `invalidSyntax`.
 */
export async function readBody(exchange: Exchange): Promise<void> {
  const { req } = exchange.http;
  checkMediaType(req);
  const bytes = await readBytes(req, exchange);
  const value = parseJson(bytes);
  if (!isJsonObject(value)) {
    throw new ScimError(400, 'The body must be one JSON object.', 'invalidSyntax');
  }
  const problem = shapeProblem(value, limits.jsonDepth);
  if (problem !== undefined) throw new ScimError(400, problem, 'invalidSyntax');
  exchange.body = value;
  exchange.received = value;
}

function checkMediaType({ headers }: IncomingMessage): void {
  const [type = '', ...parameters] = (headers['content-type'] ?? 'application/json').split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/i.exec(parameter)?.[1]?.toLowerCase())
    .find((name) => name !== undefined);
  const isJson = /^\s*application\/(scim\+)?json\s*$/i.test(type);
  if (!isJson || !['utf-8', 'utf8', 'us-ascii'].includes(charset ?? 'utf-8')) {
    throw new ScimError(415, 'Send the body as application/scim+json or application/json in UTF-8.');
  }
  if (!/^(identity)?$/i.test(headers['content-encoding'] ?? '')) {
    throw new ScimError(415, 'Send the body without a content encoding.');
  }
}

/** Reads the bytes of a body. Throws ScimError 413 for more than the exchange allows, 400 when it breaks off. */
export async function readBytes(
  request: IncomingMessage,
  { bodyLimit: limit, bodyLimitName: name }: Exchange,
): Promise<Buffer> {
  try {
    const length = request.headers['content-length'];
    return await getRawBody(request, { limit, ...(length !== undefined && { length }) });
  } catch (error) {
    if (hasType(error, 'entity.too.large')) {
      // Node reads on what follows of the body, so that the client gets to see this answer.
      const named = name === '' ? '' : ` (${name})`;
      throw new ScimError(413, `Send at most ${limit} bytes${named} in one request.`);
    }
    throw new ScimError(400, 'The body ended before the length that Content-Length names.', 'invalidSyntax');
  }
}

function parseJson(bytes: Buffer): JsonValue {
  if (bytes.length === 0) throw new ScimError(400, 'Send a JSON object as the body.', 'invalidSyntax');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ScimError(400, 'The body is not UTF-8.', 'invalidSyntax');
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    // The parser quotes the body around the mistake, and that can be about a person: only its place is told.
    const message = error instanceof Error ? error.message : '';
    const position = /position (\d+)/.exec(message)?.[1];
    const where = position === undefined ? '' : ` at character ${Number(position) + 1}`;
    const problem = message.includes('end of JSON')
      ? 'It ends too early'
      : `Check quotes, commas and brackets${where}`;
    throw new ScimError(400, `The body is not JSON. ${problem}.`, 'invalidSyntax');
  }
}

/** What makes a value more work than any resource is worth; undefined for nothing. */
function shapeProblem(value: JsonValue, levels: number): string | undefined {
  if (!isJsonArray(value) && !isJsonObject(value)) return undefined;
  if (levels === 0) return `Nest lists and objects at most ${limits.jsonDepth} deep.`;
  const items: readonly JsonValue[] = Object.values(value);
  if (isJsonObject(value) && items.length > limits.jsonNames) {
    return `Give one object at most ${limits.jsonNames} names.`;
  }
  for (const item of items) {
    const problem = shapeProblem(item, levels - 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function hasType(error: unknown, type: string): boolean {
  return error instanceof Error && 'type' in error && error.type === type;
}
