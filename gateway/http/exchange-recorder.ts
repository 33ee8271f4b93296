import { setTimeout as delay } from 'node:timers/promises';
import { Counter, type Registry } from 'prom-client';
import type { Exchange as ExchangeRecord } from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { Logger } from '#runtime/logger.ts';

/** Takes records of exchanges to the directory, behind the back of the requests: nothing waits for it. */
export interface ExchangeRecorder extends AsyncDisposable {
  /**
   * Queues a record; drops it when the queue is full, and then does not make it either.
   * @param make makes the record; what it throws is logged
   */
  record(make: () => ExchangeRecord): void;
  /** Counts an exchange that is not recorded because its sender did not present a good token. */
  countStranger(): void;
}

/** What the recorder needs. */
export interface ExchangeRecorderOptions {
  /** Sends records to the directory; gives up when the signal is aborted. */
  send(records: readonly ExchangeRecord[], signal: AbortSignal): Promise<void>;
  /** Whether what `send` rejected with would be the same another time. */
  isHopeless(error: unknown): boolean;
  /** Told when the directory does not take records, and of records that cannot be made. */
  readonly logger: Logger;
  /** Counts what becomes of records. */
  readonly metrics: Registry;
}

// A record has 40 KiB at most and is mostly much smaller.
const maxQueueBytes = 16 * 1_024 * 1_024;
const maxBatchRecords = 200;
const maxBatchBytes = 2 * 1_024 * 1_024;
// What arrives meanwhile travels together: a busy gateway writes ten times a second, not thousands of times.
const pauseMs = 100;
const firstRetryMs = 250;
const maxRetryMs = 15_000;
// What is still queued when the gateway stops gets this long.
const flushMs = 2_000;

interface Queued {
  readonly record: ExchangeRecord;
  readonly bytes: number;
}

/**
 * Starts a recorder: one sender that takes batches from a bounded queue, and tries again later, more and more seldom, while
 * the directory does not answer. Disposing it sends what is left, for two seconds at most.
 */
export function createExchangeRecorder(options: ExchangeRecorderOptions): ExchangeRecorder {
  const { send, isHopeless, logger, metrics } = options;
  const outcomes = new Counter({
    name: 'rollcall_gateway_exchanges_total',
    help: 'Exchanges of identity providers, by what became of their record in the sync log.',
    labelNames: ['outcome'],
    registers: [metrics],
  });
  const queue: Queued[] = [];
  const stopping = new AbortController();
  const gaveUp = new AbortController();
  let queuedBytes = 0;
  let isSending = false;
  let sending: Promise<void> | undefined;

  function takeBatch(): readonly Queued[] {
    let bytes = 0;
    const end = queue.findIndex((queued) => {
      bytes += queued.bytes;
      return bytes > maxBatchBytes;
    });
    return queue.splice(0, Math.min(maxBatchRecords, end < 0 ? queue.length : Math.max(end, 1)));
  }

  /** Sends a batch until it has arrived; false when that is hopeless. */
  async function deliver(batch: readonly Queued[]): Promise<boolean> {
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
      try {
        const records = batch.map(({ record }) => record);
        await send(records, gaveUp.signal);
        return true;
      } catch (error) {
        logger.warn({ err: error, records: batch.length }, 'exchanges could not be recorded');
        if (isHopeless(error) || gaveUp.signal.aborted) return false;
        await pause(retryMs * (0.5 + Math.random() / 2), gaveUp.signal);
        if (gaveUp.signal.aborted) return false;
      }
    }
  }

  async function sendAll() {
    isSending = true;
    while (queue.length > 0 && !gaveUp.signal.aborted) {
      const batch = takeBatch();
      const isDelivered = await deliver(batch);
      for (const { bytes } of batch) queuedBytes -= bytes;
      outcomes.inc({ outcome: isDelivered ? 'recorded' : 'lost' }, batch.length);
      if (queue.length < maxBatchRecords) await pause(pauseMs, stopping.signal);
    }
    isSending = false;
  }

  return {
    record(make) {
      if (queuedBytes >= maxQueueBytes || stopping.signal.aborted) {
        outcomes.inc({ outcome: 'dropped' });
        return;
      }
      try {
        const record = make();
        const bytes = bytesOf(record);
        queue.push({ record, bytes });
        queuedBytes += bytes;
      } catch (error) {
        // Nobody waits for it and nobody else would hear of it.
        logger.error({ err: error }, 'an exchange could not be written down');
        outcomes.inc({ outcome: 'lost' });
      }
      if (!isSending) sending = sendAll();
    },
    countStranger: () => outcomes.inc({ outcome: 'stranger' }),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      const timer = setTimeout(() => gaveUp.abort(), flushMs);
      await sending;
      clearTimeout(timer);
      outcomes.inc({ outcome: 'lost' }, queue.splice(0).length);
    },
  };
}

// Ids, headers and names.
const restBytes = 1_024;

/** About how many bytes a record has, which its texts make up. */
function bytesOf({ path, requestBody, responseBody, errorDetail }: ExchangeRecord): number {
  return path.length + requestBody.length + responseBody.length + errorDetail.length + restBytes;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
