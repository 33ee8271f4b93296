import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRefusalHold } from '../../gateway/http/refusal-hold.ts';
import { limits } from '../../gateway/limits.ts';

const { leastMs, mostMs, held: most } = limits.refusals;

/** A hold, whose time passes by hand, and the keys of the refusals that were let go. */
function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stopping = new AbortController();
  const hold = createRefusalHold(stopping.signal);
  const released: string[] = [];
  return {
    stop: () => stopping.abort(),
    refuse: (key: string, client = new AbortController()) => {
      void hold(key, client.signal).then(() => released.push(key));
      return client;
    },
    async releasedAfter(ms: number): Promise<readonly string[]> {
      t.mock.timers.tick(ms);
      await nextTurn();
      return released.splice(0);
    },
  };
}

suite('a refusal that is held', () => {
  test('is answered after a moment, and before the second of Retry-After is over', async (t) => {
    const { refuse, releasedAfter } = setUp(t);
    refuse('a');
    assert.deepEqual(await releasedAfter(leastMs - 1), []);
    assert.deepEqual(await releasedAfter(mostMs - leastMs + 1), ['a']);
    assert.ok(mostMs < 1_000);
  });

  test('is let go with its client, and all of them when the gateway stops', async (t) => {
    const { refuse, releasedAfter, stop } = setUp(t);
    const leaving = refuse('a');
    refuse('b');
    leaving.abort();
    assert.deepEqual(await releasedAfter(0), ['a']);
    stop();
    assert.deepEqual(await releasedAfter(0), ['b']);
    refuse('c');
    assert.deepEqual(await releasedAfter(0), ['c']);
  });

  test('is one of so many of its sender: further ones are answered at once', async (t) => {
    const { refuse, releasedAfter } = setUp(t);
    for (let sent = 0; sent < most; sent++) refuse('a');
    refuse('a');
    refuse('b');
    assert.deepEqual(await releasedAfter(0), ['a']);
    assert.equal((await releasedAfter(mostMs)).length, most + 1);
    refuse('a');
    assert.deepEqual(await releasedAfter(0), [], 'there is room again');
  });
});
