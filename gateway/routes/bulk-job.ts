import { v7 as newUuid } from 'uuid';
import type { JsonObject } from '#scim/json.ts';
import type { Exchange } from '../http/exchange.ts';
import type { BulkItem, BulkOperation } from '../scim/bulk-operation.ts';
import { type BulkUnit, makersOf } from '../scim/bulk-order.ts';
import { divideResource, referenceTo, resolveBulkIds, resolveId } from '../scim/bulk-references.ts';
import { patchSchema } from '../scim/patch-step.ts';
import { ScimError } from '../scim/scim-error.ts';
import { type BulkOutcome, type BulkPart, isDone, type SendPart } from './bulk-part.ts';

/** What says which resource an operation is about. */
export interface Named {
  /** See BulkOperation. */
  readonly method?: string;
  /** See BulkOperation. */
  readonly bulkId?: string;
  /** See BulkOperation. */
  readonly id: string;
}

/** The operations of a bulk request, while they are run. */
export interface BulkJob {
  /** Runs a unit; what it refers to has run before. Never rejects. */
  run(unit: BulkUnit): Promise<void>;
  /** What became of the operations that have run, by their place in the request. */
  readonly outcomes: ReadonlyMap<number, BulkOutcome>;
  /** The id of an operation's resource; empty when the path has a bulkId that stands for none. */
  idOf(operation: Named): string;
  /** The connection's position after the latest write; 0 when nothing was written. */
  position(): number;
}

/** Begins a job: chooses the ids of all new resources, so that operations can refer to them before they are there. */
export function createBulkJob(exchange: Exchange, items: readonly BulkItem[], sendPart: SendPart): BulkJob {
  const makers = makersOf(items);
  const newIds = new Map([...makers.keys()].map((bulkId) => [bulkId, newUuid()]));
  const outcomes = new Map<number, BulkOutcome>();
  let position = 0;

  const resolve = (bulkId: string) => newIds.get(bulkId) ?? referenceTo(bulkId);
  const isThere = (bulkId: string) => isDone(outcomes.get(makers.get(bulkId)?.index ?? -1));

  function idOf({ method, bulkId = '', id }: Named): string {
    if (method === 'POST') return resolve(bulkId);
    return resolveId(id, (reference) => (isThere(reference) ? resolve(reference) : ''));
  }

  /** Sends a request about an operation's resource. */
  async function send(
    operation: BulkOperation,
    part: Pick<BulkPart, 'method' | 'body' | 'signal'>,
  ): Promise<BulkOutcome> {
    const { resourceType, version } = operation;
    const body = resolveBulkIds(part.body, resolve);
    const outcome = await sendPart(exchange, { ...part, resourceType, version, id: idOf(operation), body });
    if (isDone(outcome)) position = Math.max(position, Number(outcome.headers?.['Rollcall-Position'] ?? 0));
    return outcome;
  }

  /** Refuses what refers to a resource that is not there. */
  function unresolved(references: Iterable<string>): ScimError | undefined {
    const bulkId = [...references].find((each) => !isThere(each));
    if (bulkId === undefined) return undefined;
    const why = makers.has(bulkId)
      ? 'the operation with this bulkId failed.'
      : 'no POST of this request that could be tried has this bulkId.';
    return new ScimError(409, `${quoted(bulkId)} stands for no resource: ${why}`);
  }

  async function runAlone(operation: BulkOperation): Promise<void> {
    const { index, method, data, references } = operation;
    outcomes.set(index, unresolved(references) ?? (await send(operation, { method, body: data })));
  }

  /**
   * Creates resources that refer to each other: first without the references to those that are not there yet, which are
   * added when all are. They stand or fall together: when one fails, those already created are deleted again, because
   * what is left of them would not be what the client sent.
   */
  async function runCircle(circle: readonly BulkOperation[]): Promise<void> {
    const bulkIds = new Set(circle.map(({ bulkId = '' }) => bulkId));
    const created: BulkOperation[] = [];
    const incomplete = new Map<BulkOperation, JsonObject>();

    async function create(operation: BulkOperation): Promise<BulkOutcome> {
      const { data, references } = operation;
      const refusal = unresolved(references.difference(bulkIds));
      if (refusal) return refusal;
      const { now, later } = divideResource(data, (bulkId) => !isThere(bulkId));
      if (Object.keys(later).length > 0) incomplete.set(operation, later);
      const outcome = await send(operation, { method: 'POST', body: now });
      if (isDone(outcome)) created.push(operation);
      return outcome;
    }
    async function complete(operation: BulkOperation): Promise<BulkOutcome> {
      const add = { op: 'add', value: incomplete.get(operation) ?? {} };
      const body = { schemas: [patchSchema], Operations: [add] };
      const outcome = await send(operation, { method: 'PATCH', body });
      // The version is a new one; what the client asked for is still a creation.
      return isDone(outcome) ? { ...outcome, status: 201 } : outcome;
    }

    const failed = (await firstFailure(circle, create)) ?? (await firstFailure(incomplete.keys(), complete));
    if (failed === undefined) return;
    // Also for a client that has gone: nobody else will clean up.
    const { signal } = new AbortController();
    for (const operation of created.toReversed()) {
      await send(operation, { method: 'DELETE', body: {}, signal });
    }
    const detail = `This operation and the one of ${quoted(failed.bulkId ?? '')}, which failed, need each other. Nothing is left of either.`;
    for (const { index } of circle)
      if (index !== failed.index) outcomes.set(index, new ScimError(409, detail));
  }

  async function firstFailure(
    operations: Iterable<BulkOperation>,
    step: (operation: BulkOperation) => Promise<BulkOutcome>,
  ): Promise<BulkOperation | undefined> {
    for (const operation of operations) {
      const outcome = await step(operation);
      outcomes.set(operation.index, outcome);
      if (!isDone(outcome)) return operation;
    }
    return undefined;
  }

  return {
    async run(unit) {
      if ('circle' in unit) await runCircle(unit.circle);
      else if ('refusal' in unit) outcomes.set(unit.index, unit.refusal);
      else await runAlone(unit);
    },
    outcomes,
    idOf,
    position: () => position,
  };
}

function quoted(bulkId: string): string {
  return JSON.stringify(referenceTo(bulkId).slice(0, 100));
}
