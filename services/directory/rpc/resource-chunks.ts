import type { ResourceType } from '#scim/schema-registry.ts';
import type { DerivedValues } from '../derived-values.ts';
import type { ListedResource } from './resource-lists.ts';

/** Resources of one type that follow each other in a list, and are sent in one message. */
export interface ResourceChunk {
  /** Their type. */
  readonly type: ResourceType;
  /** At least one. */
  readonly resources: ListedResource[];
}

const maxResources = 100;
// Numbers in what no schema knows take up to six times as many bytes in a message; with that it is well below the limit.
const maxBytes = 1024 * 1024;

/**
 * Divides a list into the chunks that it is sent in.
 * @param isAlone whether a resource of a type has a chunk to itself, because its members follow.
 */
export function* chunksOf(
  resources: readonly ListedResource[],
  isAlone: (type: ResourceType) => boolean,
): Iterable<ResourceChunk> {
  let chunk: ResourceChunk | undefined;
  let bytes = 0;
  for (const resource of resources) {
    const { type } = resource;
    const hasRoom = chunk && chunk.resources.length < maxResources && bytes + resource.bytes <= maxBytes;
    if (chunk && hasRoom && chunk.type === type && !isAlone(type)) {
      chunk.resources.push(resource);
      bytes += resource.bytes;
      continue;
    }
    if (chunk) yield chunk;
    chunk = { type, resources: [resource] };
    bytes = resource.bytes;
  }
  if (chunk) yield chunk;
}

/** About how many bytes the message of a resource has, whose stored attributes have `stored` bytes. */
export function messageBytes(stored: number, { groups = [] }: DerivedValues): number {
  return groups.reduce((sum, { display = '' }) => sum + bytesPerGroup + 3 * display.length, stored);
}

// Its id and what surrounds it.
const bytesPerGroup = 64;
