import type { ResourceType } from '#scim/schema-registry.ts';
import type { FoundResource } from '../directory/resource-calls.ts';
import { textWithList } from './json-text.ts';
import type { Projection } from './projection.ts';
import type { ResourceRenderer } from './resource-to-json.ts';

/** A resource as the pieces of its JSON text: one piece, and more for the members of a large group. */
export async function* resourceText(
  renderer: ResourceRenderer,
  resourceType: ResourceType,
  { message, members }: FoundResource,
  projection: Projection,
): AsyncIterable<string> {
  const resource = renderer.render(resourceType, message, projection);
  if (members === undefined) yield JSON.stringify(resource);
  else yield* textWithList(resource, 'members', rendered(members));

  async function* rendered(chunks: NonNullable<FoundResource['members']>) {
    for await (const chunk of chunks) yield renderer.renderMembers(chunk, projection);
  }
}
