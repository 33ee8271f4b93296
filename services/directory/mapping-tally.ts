import type {
  AttributeMapping,
  IdentitySample,
  MappedPart,
  SharedValue,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { IdentityPart, MappedPath } from './attribute-mapping.ts';
import type { ResourceState } from './decision.ts';
import { foldText } from './filter/fold-value.ts';
import { createIdentityReader, mappedPaths } from './identity.ts';

/** What a mapping makes of the users that were counted; see the message PreviewAttributeMappingResponse. */
export type MappingCounts = Readonly<Record<IdentityPart, MappedPart>> & {
  /** The first users whose identity would be another. */
  readonly samples: readonly IdentitySample[];
};

/** Counts what a mapping makes of users, one by one. */
export interface MappingTally {
  /** Counts a user; each once. */
  add(user: ResourceState): void;
  /** What was counted so far. */
  counts(): MappingCounts;
}

const maxIds = 3;
const maxSharedValues = 3;

/** Makes a tally of what a mapping would change about another one. */
export function createMappingTally(
  type: ResourceType,
  mappings: { readonly before: AttributeMapping; readonly after: AttributeMapping },
  sampleSize: number,
): MappingTally {
  const identityBefore = createIdentityReader(type, mappings.before);
  const identityAfter = createIdentityReader(type, mappings.after);
  const paths = mappedPaths(type, mappings.after);
  const tallies = {
    login: createPartTally(paths.login),
    email: createPartTally(paths.email),
    externalId: createPartTally(paths.externalId),
  };
  const samples: IdentitySample[] = [];
  return {
    add({ id, resource }) {
      const before = identityBefore(resource);
      const after = identityAfter(resource);
      const changes = (['login', 'email', 'externalId'] as const).map((part) =>
        tallies[part].add(id, before[part], after[part]),
      );
      if (!changes.includes(true) || samples.length >= sampleSize) return;
      const { userName } = resource;
      samples.push({ userId: id, userName: typeof userName === 'string' ? userName : '', before, after });
    },
    counts: () => ({
      login: tallies.login.counts(),
      email: tallies.email.counts(),
      externalId: tallies.externalId.counts(),
      samples,
    }),
  };
}

function createPartTally(path: MappedPath | undefined) {
  const holders = new Map<string, SharedValue>();
  const missingIds: string[] = [];
  let [present, missing, changed] = [0, 0, 0];
  return {
    /** Whether the value is another than before. */
    add(id: string, before: string | undefined, after: string | undefined): boolean {
      if (after === undefined || path === undefined) {
        missing += 1;
        if (missingIds.length < maxIds) missingIds.push(id);
      } else {
        present += 1;
        const key = foldText(path.leaf, after);
        const holder = holders.get(key);
        if (holder === undefined) holders.set(key, { value: after, users: 1, ids: [id] });
        else {
          holder.users += 1;
          if (holder.ids.length < maxIds) holder.ids.push(id);
        }
      }
      if (before !== after) changed += 1;
      return before !== after;
    },
    counts(): MappedPart {
      const several = [...holders.values()].filter(({ users }) => users > 1);
      const shared = several.reduce((sum, { users }) => sum + users, 0);
      return {
        present,
        missing,
        changed,
        shared,
        missingIds,
        sharedValues: several.slice(0, maxSharedValues),
      };
    },
  };
}
