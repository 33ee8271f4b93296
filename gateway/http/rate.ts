import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';

/** Counts one more of what comes under a key. Answers 0 when the rate allows it, otherwise the whole seconds to wait. */
export type Rate = (key: string) => number;

// Who was not heard of for longest is forgotten first, and has most of its burst again by then.
const rememberedKeys = 10_000;

/** Makes a Rate that allows so many per second and key, and `burst` at once when nothing came for a while. */
export function createRate(perSecond: number, burst: number): Rate {
  const buckets = new LRUCache<string, TokenBucket>({ max: rememberedKeys });
  function bucketOf(key: string): TokenBucket {
    const known = buckets.get(key);
    if (known) return known;
    const bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: perSecond, interval: 'second' });
    bucket.content = burst;
    buckets.set(key, bucket);
    return bucket;
  }
  return (key) => {
    const bucket = bucketOf(key);
    if (bucket.tryRemoveTokens(1)) return 0;
    return Math.max(1, Math.ceil(bucket.getWaitTime(1) / 1_000));
  };
}
