/** What a resource is sorted by: a value as filters compare it. */
export type SortKey = string | number | boolean | Date;

/**
 * Where a resource stands in a list. Resources without a key come after all others, in an unsorted list type after type;
 * those with the same key by type, then in the order of creation.
 */
export interface Place {
  /** Which of the list's types it has, from 0. */
  readonly part: number;
  /** Its ordinal among the resources of the type, from 1. */
  readonly ordinal: number;
  /** What it is sorted by; undefined when it has no value or the list is not sorted. */
  readonly key: SortKey | undefined;
}

/** A place as seen from the resources of one type: which of them come before it, and which after. */
export type Bound = Omit<Place, 'part'>;

/** Orders places as an ascending list does: negative when the first one comes first. */
export function comparePlaces(a: Place, b: Place): number {
  return compareKeys(a.key, b.key) || a.part - b.part || a.ordinal - b.ordinal;
}

/** A place as seen from the list's part of that number. No resource stands at an ordinal that only bounds. */
export function boundIn(part: number, place: Place): Bound {
  const { key, ordinal } = place;
  if (part === place.part) return { key, ordinal };
  return { key, ordinal: part < place.part ? Number.MAX_SAFE_INTEGER : 0 };
}

/** Orders keys of one kind as the database does, "no key" last. */
function compareKeys(a: SortKey | undefined, b: SortKey | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return typeof a === 'string' && typeof b === 'string' ? compareText(a, b) : Number(a) - Number(b);
}

/** Orders texts by code point. */
function compareText(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let index = 0; index < end; index++) {
    const difference = rank(a.charCodeAt(index)) - rank(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Puts the surrogates, of which the code points from U+10000 on are made, after all other code units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
