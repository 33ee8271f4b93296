import { LRUCache } from 'lru-cache';
import { comparePlaces, type Place } from './mongo/page-order.ts';

/**
 * Where walks by index stand: a request that starts where an earlier page of the same walk ended goes on after that
 * page's last resource, however many resources were deleted meanwhile.
 */
export interface WalkPlaces {
  /**
   * Notes after which place the page stands that follows `passed` results of a walk. When two walks differ, the place
   * that the list has first stays.
   * @param walk what is asked, and who asks: two walks of one digest are one.
   */
  note(walk: Buffer, passed: number, place: Place, descending: boolean): void;
  /** The place after which a walk goes on that has passed so many results; undefined when no walk stands there. */
  find(walk: Buffer, passed: number): Place | undefined;
}

const maxPlaces = 100_000;
const maxAgeMs = 15 * 60 * 1_000;

/** Starts with no walks; forgets a place after 15 minutes. */
export function createWalkPlaces(): WalkPlaces {
  const places = new LRUCache<string, Place>({ max: maxPlaces, ttl: maxAgeMs });
  const keyOf = (walk: Buffer, passed: number) => `${walk.toString('base64')}/${passed}`;
  return {
    note(walk, passed, place, descending) {
      const key = keyOf(walk, passed);
      const known = places.get(key);
      // A place before repeats results; one after it would miss some.
      const stays = known && comparePlaces(known, place) < 0 !== descending;
      places.set(key, stays ? known : place);
    },
    find: (walk, passed) => places.get(keyOf(walk, passed)),
  };
}
