import { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from '#scim/json.ts';
import type { AttributeDifference } from '#scim/replay-report.ts';
import type { ResourceType } from '#scim/schema-registry.ts';

/** What differs between two states of a resource as SCIM JSON, of what a client may write. */
export function attributeDifferences(
  resourceType: ResourceType,
  before: JsonObject,
  after: JsonObject,
): readonly AttributeDifference[] {
  const earlier = writtenAttributes(resourceType, before);
  const later = writtenAttributes(resourceType, after);
  const names = [...new Set([...earlier.keys(), ...later.keys()])];
  return names
    .filter((name) => !jsonEqual(earlier.get(name), later.get(name)))
    .map((attribute) => {
      const [was, willBe] = [earlier.get(attribute), later.get(attribute)];
      return {
        attribute,
        ...(was !== undefined && { before: was }),
        ...(willBe !== undefined && { after: willBe }),
      };
    });
}

function writtenAttributes(resourceType: ResourceType, resource: JsonObject): Map<string, JsonValue> {
  const entries = Object.entries(resource).flatMap(([name, value]): [string, JsonValue][] => {
    if (resourceType.findExtension(name) !== undefined && isJsonObject(value)) {
      return Object.entries(value).map(([part, item]) => [`${name}:${part}`, item]);
    }
    const isServers = name === 'schemas' || resourceType.findAttribute(name)?.mutability === 'readOnly';
    return isServers ? [] : [[name, value]];
  });
  return new Map(entries);
}
