import { isJsonArray, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ListExchange } from '../http/exchange.ts';
import { valueOfKey } from './json-key.ts';
import { requireMessage } from './message-schema.ts';
import { ScimError } from './scim-error.ts';

/** The URN of the message of a query by POST. */
export const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

const lists = ['attributes', 'excludedAttributes'];
const texts = ['filter', 'sortBy', 'sortOrder', 'cursor'];
const integers = ['startIndex', 'count'];

/**
 * Stage: reads the message of a query by POST (RFC 7644, section 3.4.3) into the parameters that a query by GET has in its
 * URL, so that both mean the same from here on. Throws ScimError 400.
 */
export function readSearch(exchange: ListExchange): void {
  const { body } = exchange;
  requireMessage(body, searchSchema);
  const parameters = new URLSearchParams();
  for (const name of lists) copy(body, name, parameters, 'a list of attribute names', isTextList);
  for (const name of texts) copy(body, name, parameters, 'text', (value) => typeof value === 'string');
  for (const name of integers) copy(body, name, parameters, 'a whole number', Number.isInteger);
  exchange.parameters = parameters;
}

function copy(
  body: JsonObject,
  name: string,
  parameters: URLSearchParams,
  what: string,
  isRight: (value: JsonValue) => boolean,
): void {
  const value = valueOfKey(body, name) ?? null;
  if (value === null) return;
  if (!isRight(value)) throw new ScimError(400, `"${name}" must be ${what}.`, 'invalidValue');
  parameters.set(name, isJsonArray(value) ? value.join(',') : String(value));
}

function isTextList(value: JsonValue): boolean {
  return isJsonArray(value) && value.every((item) => typeof item === 'string');
}
