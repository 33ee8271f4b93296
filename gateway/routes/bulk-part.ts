import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { createResourceExchange } from '../http/create-exchange.ts';
import type { Answer, Exchange, ResourceExchange, Stage } from '../http/exchange.ts';
import { readTags } from '../http/preconditions.ts';
import type { FailureReport } from '../http/report-errors.ts';
import type { BulkMethod } from '../scim/bulk-operation.ts';
import { createProjection, type Projection } from '../scim/projection.ts';
import { ScimError } from '../scim/scim-error.ts';

/** What a request of its own runs through after it has arrived, for each method. */
export type BulkStages = Readonly<Record<BulkMethod, readonly Stage<ResourceExchange>[]>>;

/** A request about one resource, as part of a bulk request. */
export interface BulkPart {
  /** What to do. */
  readonly method: BulkMethod;
  /** The type of the resource. */
  readonly resourceType: ResourceType;
  /** The resource's id; that of a new one is chosen by who sends the part. */
  readonly id: string;
  /** The body. */
  readonly body: JsonObject;
  /** What a request of its own would have as If-Match; absent for none. */
  readonly version?: string | undefined;
  /** Gives up the part when aborted; that of the bulk request when absent. */
  readonly signal?: AbortSignal;
}

/** What became of a part: what a request of its own would be answered with, but for the body. */
export type BulkOutcome = Answer | ScimError;

/** Runs a part of a bulk request. Never rejects. */
export type SendPart = (exchange: Exchange, part: BulkPart) => Promise<BulkOutcome>;

/**
 * Makes a SendPart.
 * @param report told why a part failed.
 */
export function createSendPart(stages: BulkStages, report: FailureReport): SendPart {
  // An answer has the version of a resource and nothing else of it: what is costly need not be read.
  const projections = new WeakMap<ResourceType, Projection>();
  return async (exchange, { method, resourceType, id, body, version, signal = exchange.signal }) => {
    const projection = projections.get(resourceType) ?? createProjection(resourceType, ['id']);
    projections.set(resourceType, projection);
    const part: ResourceExchange = {
      ...createResourceExchange(exchange, resourceType, id, projection),
      signal,
      body,
      precondition: { ifMatch: readTags(version) },
    };
    try {
      for (const stage of stages[method]) await stage(part);
    } catch (error) {
      return report(error, exchange.requestId);
    }
    const { status, headers = {} } = part.answer;
    // Without the body, which would keep each resource in memory until the last part has run.
    return { status, headers };
  };
}

/** Whether a part has run, and did what it should. */
export function isDone(outcome: BulkOutcome | undefined): outcome is Answer {
  return outcome !== undefined && !(outcome instanceof ScimError);
}
