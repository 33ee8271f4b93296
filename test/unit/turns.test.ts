import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Crowd, createTurns } from '#runtime/turns.ts';

/** Turns, here to read, and reads that last until they are ended by hand. */
function setUp(atOnce: number, crowd?: Crowd) {
  const turns = createTurns(atOnce, crowd);
  const underWay: { readonly connection: string; readonly end: () => void }[] = [];
  const read = (connection: string, signal?: AbortSignal) =>
    turns.take(
      connection,
      () =>
        new Promise<void>((resolve) => {
          const entry = { connection, end: resolve };
          underWay.push(entry);
        }),
      signal,
    );
  return {
    turns,
    read,
    flood: (connection: string, count: number) => Array.from({ length: count }, () => read(connection)),
    /** How many reads each connection has under way. */
    async counts(): Promise<Record<string, number>> {
      await nextTurn();
      const entries = [...Map.groupBy(underWay, ({ connection }) => connection)];
      return Object.fromEntries(entries.map(([connection, reads]) => [connection, reads.length]));
    },
    /** Ends the oldest read of a connection. */
    async end(connection: string): Promise<void> {
      const index = underWay.findIndex((entry) => entry.connection === connection);
      underWay.splice(index, 1)[0]?.end();
      await nextTurn();
    },
  };
}

suite('turns', () => {
  test('alone a connection has half of them', async () => {
    const { flood, counts } = setUp(8);
    void flood('a', 20);
    assert.deepEqual(await counts(), { a: 4 });
  });

  test('who comes next need not wait, however many the others want', async () => {
    const { flood, read, counts } = setUp(8);
    void flood('a', 20);
    void flood('b', 20);
    assert.deepEqual(await counts(), { a: 4, b: 2 });
    void read('c');
    assert.deepEqual(await counts(), { a: 4, b: 2, c: 1 });
    void read('d');
    assert.deepEqual(await counts(), { a: 4, b: 2, c: 1, d: 1 });
  });

  test('beside others a connection has few, until they have not come for a while', async () => {
    const { flood, read, counts, end } = setUp(16, { atOnce: 2, ofLast: 30 });
    void flood('a', 20);
    assert.deepEqual(await counts(), { a: 8 });
    void read('b');
    assert.deepEqual(await counts(), { a: 8, b: 1 });
    for (let ended = 0; ended < 6; ended++) await end('a');
    assert.deepEqual(await counts(), { a: 2, b: 1 });
    await end('a');
    await end('b');
    assert.deepEqual(await counts(), { a: 2 }, 'one has come for the one that ended');
    void flood('a', 29);
    assert.deepEqual(await counts(), { a: 2 });
    void read('a');
    assert.deepEqual(await counts(), { a: 8 });
  });

  test('those that want the same have about the same in the end', async () => {
    const { flood, counts, end } = setUp(9);
    void flood('a', 50);
    void flood('b', 50);
    for (let round = 0; round < 10; round++) for (const each of ['a', 'b']) await end(each);
    const { a = 0, b = 0 } = await counts();
    assert.ok(Math.abs(a - b) <= 1, `${a} and ${b}`);
    assert.ok(a + b < 9, 'one is left for who comes next');
  });

  test('when all are taken, each connection gets the next one free in its turn', async () => {
    const { flood, read, counts, end } = setUp(2);
    void flood('a', 20);
    void read('b');
    assert.deepEqual(await counts(), { a: 1, b: 1 });
    for (const each of ['c', 'd']) void flood(each, 2);
    await end('a');
    assert.deepEqual(await counts(), { a: 1, b: 1 });
    await end('a');
    assert.deepEqual(await counts(), { b: 1, c: 1 });
    await end('c');
    assert.deepEqual(await counts(), { b: 1, d: 1 });
    await end('d');
    assert.deepEqual(await counts(), { b: 1, a: 1 });
  });

  test('who gives up while waiting lets the others pass, and reads nothing', async () => {
    const { flood, read, counts, end } = setUp(2);
    void flood('a', 1);
    const controller = new AbortController();
    const given = read('a', controller.signal);
    const after = read('a');
    controller.abort(new Error('gone'));
    await assert.rejects(given, /gone/);
    await assert.rejects(read('a', controller.signal), /gone/);
    await end('a');
    assert.deepEqual(await counts(), { a: 1 });
    await end('a');
    await after;
    assert.deepEqual(await counts(), {});
  });

  test('a read that fails gives its turn back', async () => {
    const { turns, read, counts } = setUp(2);
    await assert.rejects(
      turns.take('a', () => Promise.reject(new Error('no database'))),
      /no database/,
    );
    void read('a');
    assert.deepEqual(await counts(), { a: 1 });
  });

  test('a stream has none while its consumer is busy, and closes its source when left', async () => {
    const { turns, read, counts, end } = setUp(2);
    let closed = false;
    async function* source() {
      try {
        for (let item = 0; ; item++) yield item;
      } finally {
        closed = true;
      }
    }
    const seen: number[] = [];
    for await (const item of turns.each('a', source())) {
      seen.push(item);
      const meanwhile = read('a');
      assert.deepEqual(await counts(), { a: 1 });
      await end('a');
      await meanwhile;
      if (item === 2) break;
    }
    assert.deepEqual(seen, [0, 1, 2]);
    assert.ok(closed);
  });
});
