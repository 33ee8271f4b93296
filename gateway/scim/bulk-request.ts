import { isJsonArray } from '#scim/json.ts';
import type { Exchange } from '../http/exchange.ts';
import { limits } from '../limits.ts';
import { type BulkItem, readBulkItem } from './bulk-operation.ts';
import { valueOfKey } from './json-key.ts';
import { requireMessage } from './message-schema.ts';
import { ScimError } from './scim-error.ts';

/** A bulk request (RFC 7644, section 3.7). */
export interface BulkRequest {
  /** After how many errors to stop; absent means never. */
  readonly failOnErrors?: number;
  /** The operations in the order of the request. */
  readonly items: readonly BulkItem[];
}

const bulkSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

/**
 * Reads the message of a bulk request. What is wrong with one operation is that operation's own; throws ScimError 400
 * `invalidSyntax` for what is wrong with the whole, and 413.
 */
export function readBulkRequest(exchange: Exchange): BulkRequest {
  const { body } = exchange;
  requireMessage(body, bulkSchema);
  const failOnErrors = valueOfKey(body, 'failOnErrors') ?? undefined;
  const isCount = typeof failOnErrors === 'number' && Number.isSafeInteger(failOnErrors) && failOnErrors > 0;
  if (failOnErrors !== undefined && !isCount) {
    throw invalid('"failOnErrors" must be a whole number above zero.');
  }
  const list = valueOfKey(body, 'Operations');
  if (!isJsonArray(list) || list.length === 0) {
    throw invalid('"Operations" must be a list of at least one operation.');
  }
  const { bulkOperations } = limits;
  if (list.length > bulkOperations) {
    const detail = `Send at most ${bulkOperations} operations (maxOperations) in one bulk request. Of these ${list.length} none was executed.`;
    throw new ScimError(413, detail);
  }
  const bulkIds = new Set<string>();
  const items = list.map((value, index) => readBulkItem({ exchange, bulkIds }, value, index));
  return { items, ...(isCount && { failOnErrors }) };
}

function invalid(detail: string): ScimError {
  return new ScimError(400, detail, 'invalidSyntax');
}
