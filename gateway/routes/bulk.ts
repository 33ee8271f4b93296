import type { JsonObject } from '#scim/json.ts';
import type { Answer, Exchange, Stage } from '../http/exchange.ts';
import type { FailureReport } from '../http/report-errors.ts';
import type { BulkItem } from '../scim/bulk-operation.ts';
import { batchUnits, orderOperations } from '../scim/bulk-order.ts';
import { readBulkRequest } from '../scim/bulk-request.ts';
import { createResourceRenderer, type ResourceRenderer } from '../scim/resource-to-json.ts';
import { ScimError, scimErrorBody } from '../scim/scim-error.ts';
import { type BulkJob, createBulkJob } from './bulk-job.ts';
import { type BulkOutcome, type BulkStages, createSendPart, isDone } from './bulk-part.ts';

// As many as the directory likes to have in one transaction, and few enough that others get their turn.
const atOnce = 64;

/**
 * Makes the stage that runs the operations of a bulk request and answers with what became of each (RFC 7644, section
 * 3.7). Each operation runs through the stages that a request of its own runs through.
 * @param report told of each operation that fails.
 */
export function createBulkStage(stages: BulkStages, report: FailureReport): Stage<Exchange> {
  const sendPart = createSendPart(stages, report);
  return async (exchange) => {
    const { registry, baseUrl } = exchange;
    const { items, failOnErrors = Number.POSITIVE_INFINITY } = readBulkRequest(exchange);
    const job = createBulkJob(exchange, items, sendPart);
    // What runs beside a failure is not stopped by it.
    const isEndless = failOnErrors === Number.POSITIVE_INFINITY;
    for (const batch of batchUnits(orderOperations(items), isEndless ? atOnce : 1)) {
      const errors = [...job.outcomes.values()].filter((outcome) => !isDone(outcome));
      if (errors.length >= failOnErrors || exchange.signal.aborted) break;
      await Promise.all(batch.map(job.run));
    }
    exchange.answer = answerOf(items, job, createResourceRenderer(registry, baseUrl));
  };
}

/** The BulkResponse: a result for each operation that has run, in the order of the request. */
function answerOf(items: readonly BulkItem[], job: BulkJob, renderer: ResourceRenderer): Answer {
  const results = items.flatMap((item) => {
    const outcome = job.outcomes.get(item.index);
    return outcome === undefined ? [] : [resultOf(item, outcome, locationOf(item, outcome, job, renderer))];
  });
  const position = job.position();
  return {
    status: 200,
    ...(position > 0 && { headers: { 'Rollcall-Position': String(position) } }),
    body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'], Operations: results },
  };
}

function resultOf(
  { method, bulkId }: BulkItem,
  outcome: BulkOutcome,
  location: string | undefined,
): JsonObject {
  const version = outcome.headers?.ETag;
  return {
    ...(method !== undefined && { method }),
    ...(bulkId !== undefined && { bulkId }),
    ...(version !== undefined && { version }),
    ...(location !== undefined && { location }),
    status: String(outcome.status),
    ...(outcome instanceof ScimError && { response: scimErrorBody(outcome) }),
  };
}

/** Where the resource is; also when the operation failed, unless it should have created it. */
function locationOf(
  item: BulkItem,
  outcome: BulkOutcome,
  job: BulkJob,
  renderer: ResourceRenderer,
): string | undefined {
  const target = 'refusal' in item ? item.target : item;
  if (target === undefined || (item.method === 'POST' && !isDone(outcome))) return undefined;
  const id = job.idOf({ ...item, id: target.id });
  return id === '' ? undefined : renderer.location(target.resourceType, id);
}
