import { LRUCache } from 'lru-cache';

/**
 * Where walks by index stand: a request that starts where an earlier page of the same query ended goes on after that
 * page's last resource, however many resources were deleted meanwhile.
 */
export interface WalkPlaces {
  /** Notes that the page after `passed` results starts after an ordinal. When two walks differ, the lower one stays. */
  note(query: Buffer, passed: number, afterOrdinal: number): void;
  /** The ordinal after which a walk goes on that has passed so many results; undefined when no walk stands there. */
  find(query: Buffer, passed: number): number | undefined;
}

const maxPlaces = 100_000;
const maxAgeMs = 15 * 60 * 1_000;

/** Starts with no walks; forgets a place after 15 minutes. */
export function createWalkPlaces(): WalkPlaces {
  const places = new LRUCache<string, number>({ max: maxPlaces, ttl: maxAgeMs });
  const key = (query: Buffer, passed: number) => `${query.toString('base64')}/${passed}`;
  return {
    note(query, passed, afterOrdinal) {
      const known = places.get(key(query, passed));
      // Lower repeats results; higher would miss some.
      places.set(key(query, passed), Math.min(afterOrdinal, known ?? afterOrdinal));
    },
    find: (query, passed) => places.get(key(query, passed)),
  };
}
