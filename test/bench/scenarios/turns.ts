/** How many operations are on their way at any time, and what that adds to the name of a scenario. */
export interface InFlight {
  readonly inFlight: number;
  readonly suffix: string;
  /** Whether each waits for the one before. */
  readonly isAlone: boolean;
}

/** One operation after the other, as most identity providers send them. */
export const alone: InFlight = { inFlight: 1, suffix: '', isAlone: true };

/** As many as an identity provider sends beside each other. */
export const fewInFlight: InFlight = { inFlight: 4, suffix: '-4', isAlone: false };

/** As many as a fast provider, or several customers, have on their way. */
export const manyInFlight: InFlight = { inFlight: 64, suffix: '-64', isAlone: false };

/** The entry of a turn, when turns go round and round; throws when there is none. */
export function nth<Entry>(entries: readonly Entry[], turn: number): Entry {
  const entry = entries[turn % entries.length];
  if (entry === undefined) throw new Error('there is nothing to work on');
  return entry;
}
