import type { ResourceType } from '#scim/schema-registry.ts';
import type { FoundResource } from '../directory/resource-calls.ts';
import { textWithList } from './json-text.ts';
import type { Projection } from './projection.ts';
import type { ResourceRenderer } from './resource-to-json.ts';

/** The JSON text of a resource; of a group with members in pieces. */
export function resourceText(
  renderer: ResourceRenderer,
  resourceType: ResourceType,
  { message, members }: FoundResource,
  projection: Projection,
): string | AsyncIterable<string> {
  const resource = renderer.render(resourceType, message, projection);
  return members === undefined
    ? JSON.stringify(resource)
    : textWithList(resource, 'members', rendered(members));

  async function* rendered(chunks: NonNullable<FoundResource['members']>) {
    for await (const chunk of chunks) yield renderer.renderMembers(chunk, projection);
  }
}

/** The same in pieces, also when it is one; made only when they are read. */
export async function* resourcePieces(...of: Parameters<typeof resourceText>): AsyncIterable<string> {
  const text = resourceText(...of);
  if (typeof text === 'string') yield text;
  else yield* text;
}
