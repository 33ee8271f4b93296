import { limits } from '../limits.ts';

/**
 * Resolves when a refusal may be answered: after a moment, at once when as many are held for the same key, and early when
 * `signal` fires, because the client is gone.
 */
export type RefusalHold = (key: string, signal: AbortSignal) => Promise<void>;

/**
 * Makes a RefusalHold. A client that repeats what was refused at once would have one process answer thousands of refusals
 * per second, and all others wait for that; held for a moment, as many as it has in flight come twice a second.
 * @param stopping releases all that are held, and holds none from then on
 */
export function createRefusalHold(stopping: AbortSignal): RefusalHold {
  const { leastMs, mostMs, held: most } = limits.refusals;
  const held = new Map<string, Set<() => void>>();
  stopping.addEventListener('abort', () => {
    for (const releases of held.values()) for (const release of releases) release();
  });

  return (key, signal) => {
    const ofKey = held.get(key) ?? new Set();
    if (stopping.aborted || signal.aborted || ofKey.size >= most) return Promise.resolve();
    held.set(key, ofKey);
    return new Promise((resolve) => {
      const release = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', release);
        ofKey.delete(release);
        if (ofKey.size === 0) held.delete(key);
        resolve();
      };
      // What was refused together shall not come back together.
      const timer = setTimeout(release, leastMs + Math.random() * (mostMs - leastMs));
      signal.addEventListener('abort', release);
      ofKey.add(release);
    });
  };
}
