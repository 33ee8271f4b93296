import assert from 'node:assert/strict';
import type { Change, WatchChangesResponse } from '#proto/rollcall/directory/v1/change_service.ts';

/** A watch of which the test says when it has seen enough. */
export interface ChangeWatch extends AsyncDisposable {
  /** The next message; fails when the watch ends. */
  next(): Promise<WatchChangesResponse>;
  /** All changes that come until it has everything up to a position. */
  until(position: number): Promise<Change[]>;
}

/** Listens to a watch, which begins with the first message that is asked for. */
export function listen(stream: AsyncIterable<WatchChangesResponse>): ChangeWatch {
  const messages = stream[Symbol.asyncIterator]();
  let seen = 0;
  async function next() {
    const { done, value } = await messages.next();
    assert.ok(!done, 'the watch ended');
    assert.ok(value.position >= seen, 'it goes forward');
    seen = value.position;
    return value;
  }
  return {
    next,
    async until(position) {
      const changes: Change[] = [];
      while (seen < position) changes.push(...(await next()).changes);
      return changes;
    },
    async [Symbol.asyncDispose]() {
      await messages.return?.();
    },
  };
}
