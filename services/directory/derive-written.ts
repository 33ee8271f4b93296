import DataLoader from 'dataloader';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceState } from './decision.ts';
import {
  type DerivedBy,
  type DerivedReads,
  type DerivedValues,
  managerOf,
  type ReadMask,
} from './derived-values.ts';

/** A resource that was just written. */
export interface Written {
  /** Its type. */
  readonly type: ResourceType;
  /** What the head says as of the write. */
  readonly head: DerivedBy;
  /** What is stored of it. */
  readonly state: ResourceState;
  /** What the answer leaves out. */
  readonly mask: ReadMask;
}

/** Computes what is derived of a resource that was just written, as of the write or later. */
export type DeriveWritten = (written: Written) => Promise<DerivedValues>;

/** Makes what computes it: for all that one transaction has written together, so that they share its queries. */
export function createDeriveWritten({ membershipsOf, derive }: DerivedReads): DeriveWritten {
  async function deriveAlike(alike: readonly Written[]): Promise<readonly DerivedValues[]> {
    const last = alike.at(-1);
    if (!last) return [];
    const { type, head, mask } = last;
    const states = alike.map(({ state }) => state);
    const ids = [...new Set(states.map(({ id }) => id))];
    const edges = await membershipsOf(type, head, ids, mask, undefined);
    return derive(type, head, states, edges, mask, undefined);
  }

  const loader = new DataLoader<Written, DerivedValues>(
    async (written) => {
      const derived = new Map<Written, DerivedValues>();
      const groups = Map.groupBy(written, kindOf).values();
      await Promise.all(
        [...groups].map(async (alike) => {
          const values = await deriveAlike(alike);
          for (const [index, one] of alike.entries()) derived.set(one, values[index] ?? {});
        }),
      );
      return written.map((one) => derived.get(one) ?? {});
    },
    { cache: false },
  );

  return async (written) => {
    const { type, state, mask } = written;
    const nothing =
      !type.findAttribute('groups') || (mask.withoutGroups && managerOf(state.resource) === undefined);
    return nothing ? {} : loader.load(written);
  };
}

/** What is the same for all that can be read together. */
function kindOf({ type, head, mask }: Written): string {
  return [head.connection, type.name, mask.withoutGroups, mask.withoutNames].join();
}
