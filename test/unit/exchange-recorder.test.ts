import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { createLogger } from '#runtime/logger.ts';
import { createExchangeRecorder } from '../../gateway/http/exchange-recorder.ts';

const hopeless = new Error('refused');

/** A recorder that sends by `send`, and what it has counted. */
function start(send: (ids: readonly string[], signal: AbortSignal) => Promise<void>) {
  const metrics = new Registry();
  const recorder = createExchangeRecorder({
    send: (records, signal) =>
      send(
        records.map(({ id }) => id),
        signal,
      ),
    isHopeless: (error) => error === hopeless,
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics,
  });
  return {
    recorder,
    record: (id: string, fields: Partial<Exchange> = {}) =>
      recorder.record(() => Exchange.fromPartial({ id, ...fields })),
    async counts(): Promise<Record<string, number>> {
      const { values } = (await metrics.getSingleMetric('rollcall_gateway_exchanges_total')?.get()) ?? {};
      return Object.fromEntries((values ?? []).map(({ labels, value }) => [String(labels.outcome), value]));
    },
  };
}

suite('the recorder of exchanges', () => {
  test('sends what is recorded in batches, one at a time', async () => {
    const batches: (readonly string[])[] = [];
    const answers: (() => void)[] = [];
    const { recorder, record, counts } = start((ids) => {
      batches.push(ids);
      const { promise, resolve } = Promise.withResolvers<void>();
      answers.push(resolve);
      return promise;
    });
    const ids = Array.from({ length: 450 }, (_, index) => String(index));
    for (const id of ids) record(id);
    assert.deepEqual(batches, [ids.slice(0, 1)], 'the first is sent at once, and nothing else meanwhile');
    const stopped = recorder[Symbol.asyncDispose]();
    while (batches.flat().length < ids.length) {
      answers.at(-1)?.();
      await new Promise(setImmediate);
    }
    answers.at(-1)?.();
    await stopped;
    assert.deepEqual(batches.flat(), ids);
    assert.deepEqual(
      batches.map(({ length }) => length),
      [1, 200, 200, 49],
    );
    assert.deepEqual(await counts(), { recorded: 450, lost: 0 });
    record('late');
    assert.deepEqual(await counts(), { recorded: 450, lost: 0, dropped: 1 });
  });

  test('tries again until a batch has arrived, and what came meanwhile follows', async () => {
    const tries: (readonly string[])[] = [];
    const arrived = Promise.withResolvers<void>();
    const { recorder, record, counts } = start(async (ids) => {
      tries.push(ids);
      if (tries.length < 3) throw new Error('not there');
      if (ids.includes('c')) arrived.resolve();
    });
    record('a');
    record('b');
    record('c');
    await arrived.promise;
    assert.deepEqual(tries, [['a'], ['a'], ['a'], ['b', 'c']]);
    await recorder[Symbol.asyncDispose]();
    assert.deepEqual(await counts(), { recorded: 3, lost: 0 });
  });

  test('gives up what is refused, and goes on', async () => {
    const { recorder, record, counts } = start(async (ids) => {
      if (ids.includes('bad')) throw hopeless;
    });
    record('bad');
    record('good');
    await recorder[Symbol.asyncDispose]();
    assert.deepEqual(await counts(), { lost: 1, recorded: 1 });
  });

  test('holds no more than its queue while nobody takes it, makes no record that it drops, and still stops', async () => {
    const { recorder, record, counts } = start((_, signal) => {
      const { promise, reject } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => reject(signal.reason));
      return promise;
    });
    const requestBody = 'x'.repeat(16 * 1_024);
    for (let index = 0; index < 3_000; index++) record(String(index), { requestBody });
    let isMade = false;
    recorder.record(() => {
      isMade = true;
      return Exchange.fromPartial({});
    });
    assert.equal(isMade, false);
    const { dropped = 0 } = await counts();
    const held = 3_001 - dropped;
    assert.ok(held * requestBody.length <= 16 * 1_024 * 1_024, `${held} are held`);
    assert.ok(held > 900, `${held} are held`);
    await recorder[Symbol.asyncDispose]();
    assert.deepEqual(await counts(), { dropped, lost: held });
  });

  test('survives what cannot be written down', async () => {
    const { recorder, record, counts } = start(async () => undefined);
    recorder.record(() => {
      throw new Error('a bug');
    });
    record('a');
    recorder.countStranger();
    await recorder[Symbol.asyncDispose]();
    assert.deepEqual(await counts(), { lost: 1, recorded: 1, stranger: 1 });
  });
});
