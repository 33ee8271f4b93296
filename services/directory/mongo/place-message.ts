import type { Place as PlaceMessage } from '#proto/rollcall/internal/v1/page_token.ts';
import type { Place, SortKey } from './page-order.ts';

/** A place as page tokens carry it. */
export function placeToMessage({ part, ordinal, key }: Place): PlaceMessage {
  return { part, ordinal, key: keyToMessage(key) };
}

/** The place that a page token carries. */
export function placeFromMessage({ part, ordinal, key }: PlaceMessage): Place {
  return { part, ordinal, key: key?.$case === 'time' ? new Date(key.value) : key?.value };
}

function keyToMessage(key: SortKey | undefined): PlaceMessage['key'] {
  if (key === undefined) return undefined;
  if (typeof key === 'string') return { $case: 'text', value: key };
  if (typeof key === 'boolean') return { $case: 'flag', value: key };
  return key instanceof Date ? { $case: 'time', value: key.getTime() } : { $case: 'number', value: key };
}
