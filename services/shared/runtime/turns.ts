/** Lets connections take turns at something of which only so much is done at once, so that none takes all of it. */
export interface Turns {
  /** Does something when it is the connection's turn. Rejects with the reason of `signal` when that fires before. */
  take<Result>(connection: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** Iterates in such a way that each step is a turn; how long the consumer takes between them concerns nobody. */
  each<Item>(connection: string, items: AsyncIterable<Item>): AsyncIterable<Item>;
}

/** What one connection does and wants to do, in the order in which it came. */
interface Lane {
  running: number;
  readonly waiting: Set<() => void>;
}

/** What one connection may take while others come too, so that they do not wait for all that it has on its way. */
export interface Crowd {
  /** How many turns it may have at once. */
  readonly atOnce: number;
  /** A connection counts as one that comes while it wanted one of so many turns that were wanted last. */
  readonly ofLast: number;
}

/**
 * Makes turns for so many things at once. A connection may do as many as are left for the others: alone half of them, and
 * of several each about the same part, one such part being kept for who comes next. What one connection wants is done in
 * the order in which it came; between connections that wait the turns go round.
 * @param crowd when absent, a connection may take as much beside others
 */
export function createTurns(atOnce: number, crowd?: Crowd): Turns {
  // In the order of their turns: who had one goes to the end.
  const lanes = new Map<string, Lane>();
  // Which of all turns that were wanted was the last of each connection, the longest ago first.
  const heardOf = new Map<string, number>();
  let wanted = 0;
  let running = 0;

  function hearOf(connection: string, { ofLast }: Crowd) {
    wanted += 1;
    heardOf.delete(connection);
    heardOf.set(connection, wanted);
    for (const [each, turn] of heardOf) {
      if (turn > wanted - ofLast) return;
      heardOf.delete(each);
    }
  }

  function laneOf(connection: string): Lane {
    const known = lanes.get(connection);
    if (known) return known;
    const lane: Lane = { running: 0, waiting: new Set() };
    lanes.set(connection, lane);
    return lane;
  }

  function startWaiting() {
    const most = crowd && heardOf.size > 1 ? crowd.atOnce : atOnce;
    for (const [connection, lane] of lanes) {
      if (running === atOnce) return;
      const [start] = lane.waiting;
      if (!start || lane.running >= Math.min(most, atOnce - running)) continue;
      lane.waiting.delete(start);
      lane.running += 1;
      running += 1;
      // The loop comes by here again when it has been to the others.
      lanes.delete(connection);
      lanes.set(connection, lane);
      start();
    }
  }

  function forgetIdle(connection: string, lane: Lane) {
    if (lane.running === 0 && lane.waiting.size === 0) lanes.delete(connection);
  }

  async function turn(connection: string, signal: AbortSignal | undefined): Promise<Lane> {
    signal?.throwIfAborted();
    if (crowd) hearOf(connection, crowd);
    const lane = laneOf(connection);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      if (!lane.waiting.delete(resolve)) return;
      forgetIdle(connection, lane);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp);
    lane.waiting.add(resolve);
    startWaiting();
    await promise.finally(() => signal?.removeEventListener('abort', giveUp));
    return lane;
  }

  const take: Turns['take'] = async (connection, work, signal) => {
    const lane = await turn(connection, signal);
    try {
      return await work();
    } finally {
      lane.running -= 1;
      running -= 1;
      forgetIdle(connection, lane);
      startWaiting();
    }
  };

  return {
    take,
    async *each(connection, items) {
      const steps = items[Symbol.asyncIterator]();
      try {
        for (;;) {
          const step = await take(connection, () => steps.next());
          if (step.done) return;
          yield step.value;
        }
      } finally {
        await steps.return?.();
      }
    },
  };
}
