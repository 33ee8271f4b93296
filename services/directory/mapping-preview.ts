import type { AttributeMapping } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { mappingOf } from './identity.ts';
import { createMappingTally, type MappingCounts, type MappingTally } from './mapping-tally.ts';
import type { ReadLimits } from './mongo/heads.ts';
import type { BesidePlace } from './mongo/resource-pages.ts';
import type { ResourceReads } from './read-resources.ts';

/** What a mapping would make of the users of a connection. */
export interface MappingPreview {
  /** What was counted. */
  readonly counts: MappingCounts;
  /** How many users were read. */
  readonly examined: number;
  /** Whether there are more. */
  readonly partial: boolean;
}

/** Tries a mapping on the users stored and changes nothing. CONNECTION_NOT_FOUND. */
export type PreviewMapping = (
  connection: string,
  mapping: AttributeMapping,
  sampleSize: number,
  limits: ReadLimits,
) => Promise<MappingPreview>;

// A few seconds of reading, and some megabytes of values to find those that are shared.
const maxExamined = 50_000;
const pageSize = 1_000;
const mask = { withoutGroups: true, withoutNames: true };

/** Makes what tries mappings. Users are read page by page, each a turn of the connection; so no other caller waits for long. */
export function createMappingPreview(type: ResourceType, reads: ResourceReads): PreviewMapping {
  return async (connection, after, sampleSize, limits) => {
    let start: BesidePlace | undefined = { place: undefined, backward: false, passed: 0 };
    let tally: MappingTally | undefined;
    let examined = 0;
    while (start !== undefined && examined < maxExamined) {
      const query = { parts: [{ type, sortBy: undefined }], descending: false, start, limit: pageSize };
      const { result } = await reads.list(connection, query, mask, {}, limits);
      tally ??= createMappingTally(
        result.types[0] ?? type,
        { before: mappingOf(result.head), after },
        sampleSize,
      );
      for (const { state } of result.resources) tally.add(state);
      examined += result.resources.length;
      start = result.next;
    }
    if (tally === undefined) throw new TypeError('no page was read');
    return { counts: tally.counts(), examined, partial: start !== undefined };
  };
}
