import { setTimeout as delay } from 'node:timers/promises';
import type { TRPCClient } from '@trpc/client';
import type { ChangeName } from './change-answer.ts';
import type { WatchAnswer } from './changes-router.ts';
import { rollcallError } from './rollcall-error.ts';
import type { AccessRouter } from './router.ts';

/** What is watched. */
export interface WatchOptions {
  /** The connection. */
  readonly connection: string;
  /** The position after which to begin, 0 for the first change; absent begins with what comes next. */
  readonly after?: number;
  /** Only changes of these types; all when absent. */
  readonly types?: ChangeName[];
  /** Only changes that may affect one of these users, at most 1,000; all when absent. */
  readonly users?: string[];
  /** Also the user or group that a change is about, as it is now. */
  readonly withResources?: boolean;
  /** Ends the watch when aborted. */
  readonly signal?: AbortSignal;
}

/** So many messages may wait for a slow consumer; then the stream is closed, and opened anew when they are done. */
const maxWaiting = 100;
const maxRetryMs = 1_000;

/**
 * Gives the changes after a position and then those that come, each once and in order, with heartbeats in between. It
 * connects again by itself, from where it was, for as long as that can help; it throws what asking again cannot mend:
 * the token is refused, the connection is gone, the position is no longer kept.
 */
export async function* watchChanges(
  client: Pick<TRPCClient<AccessRouter>, 'changes'>,
  { signal, ...input }: WatchOptions,
): AsyncGenerator<WatchAnswer, void, undefined> {
  let { after } = input;
  for (let retryMs = 0; !signal?.aborted; ) {
    try {
      for await (const message of openStream(
        client,
        { ...input, ...(after !== undefined && { after }) },
        signal,
      )) {
        after = message.position;
        retryMs = 0;
        yield message;
      }
    } catch (error) {
      const status = rollcallError(error)?.httpStatus ?? 503;
      if (status < 500) throw error;
      retryMs = Math.min(2 * retryMs + 50, maxRetryMs);
      await delay(retryMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
    }
  }
}

/** One stream: it ends when it was full, and fails when it breaks off. Leaving it closes it. */
function openStream(
  client: Pick<TRPCClient<AccessRouter>, 'changes'>,
  input: Omit<WatchOptions, 'signal'>,
  signal: AbortSignal | undefined,
): ReadableStream<WatchAnswer> {
  const ended = new AbortController();
  let subscription: { unsubscribe(): void } | undefined;
  function end(settle?: () => void): void {
    if (ended.signal.aborted) return;
    ended.abort();
    settle?.();
    subscription?.unsubscribe();
  }
  return new ReadableStream<WatchAnswer>(
    {
      start(controller) {
        const close = () => end(() => controller.close());
        const fail = (error: unknown) => end(() => controller.error(error));
        signal?.addEventListener('abort', close, { signal: ended.signal });
        subscription = client.changes.watch.subscribe(input, {
          onData({ data }) {
            const room = controller.desiredSize ?? 0;
            // The next heartbeat says all that this one does.
            if (ended.signal.aborted || (data.changes.length === 0 && room <= 0)) return;
            controller.enqueue(data);
            if (room <= -maxWaiting) close();
          },
          onError: fail,
          onComplete: close,
          onConnectionStateChange(state) {
            // It would try again after some seconds.
            if (state.state === 'connecting' && state.error) fail(state.error);
          },
        });
      },
      cancel: () => end(),
    },
    { highWaterMark: 1 },
  );
}
