import type { ResourceType } from '#scim/schema-registry.ts';
import { type DerivedReads, type ReadMask, together } from './derived-values.ts';
import { storedResource } from './mongo/batch-reader.ts';
import { type ConnectionTypes, typeIn } from './mongo/connection-types.ts';
import type { Database } from './mongo/database.ts';
import { type HeadDocument, idOfKey } from './mongo/documents.ts';
import { findLookedUp, type LookUp } from './mongo/find-looked-up.ts';
import type { ConsistentRead, Heads, ReadFreshness, ReadLimits } from './mongo/heads.ts';
import type { ReadResource } from './read-resources.ts';

/** What was looked up. */
export interface LookedUp {
  /** The type as the connection has it. */
  readonly type: ResourceType;
  /** For each question the resources that match, oldest first; undefined for one that is to be asked alone. */
  readonly answers: readonly (readonly ReadResource[] | undefined)[];
  /** The connection's head as it was read. */
  readonly head: HeadDocument;
}

/** Looks up many resources of one type together, each by its id or by a value that few have. */
export type LookUpResources = (
  type: ResourceType,
  connection: string,
  lookUps: readonly LookUp[],
  mask: ReadMask,
  freshness: ReadFreshness,
  limits: ReadLimits,
) => Promise<ConsistentRead<LookedUp>>;

/** Makes what looks up. */
export function createLookUpResources(
  database: Database,
  types: ConnectionTypes,
  heads: Heads,
  { membershipsOf, derive }: DerivedReads,
): LookUpResources {
  return (asked, connection, lookUps, mask, freshness, limits) =>
    heads.consistent(connection, freshness, limits, async (head, session) => {
      const type = typeIn(await types.of(head, session), asked);
      const ids = new Set(lookUps.flatMap((lookUp) => ('id' in lookUp ? [lookUp.id] : [])));
      const [found, edgesOfIds] = await together(
        session,
        () => findLookedUp({ database, session }, type, head, lookUps),
        () => membershipsOf(type, head, [...ids], mask, session),
      );
      const documents = new Map(found.flatMap((some = []) => some.map((each) => [each._id, each])));
      const states = [...documents.values()].map(storedResource);
      // Who was found by a value is known only now.
      const others = states.map(({ id }) => id).filter((id) => !ids.has(id));
      const edgesOfOthers = others.length === 0 ? [] : await membershipsOf(type, head, others, mask, session);
      const edges = edgesOfIds && edgesOfOthers && [...edgesOfIds, ...edgesOfOthers];
      const derived = await derive(type, head, states, edges, mask, session);
      const read = new Map(
        states.map((state, index) => [state.id, { state, derived: derived[index] ?? {} }] as const),
      );
      return {
        type,
        head,
        answers: found.map((some) => some?.flatMap(({ _id }) => read.get(idOfKey(_id)) ?? [])),
      };
    });
}
