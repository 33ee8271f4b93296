import type { AttributeDefinition, SchemaDefinition } from '#scim/attribute.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';

/** Says what must not be written down. */
export interface Secrets {
  /** Whether a text can name a secret at all; most do not, and need no closer look. */
  mayName(text: string): boolean;
  /** Whether the value of an attribute with this name, in any spelling that clients use, is a secret. */
  isSecret(name: string): boolean;
  /** What the registry knows of an attribute that is a secret, for the type of its placeholder. */
  definitionOf(name: string): AttributeDefinition | undefined;
  /** Whether a name is one of the registry's, or of its sub-attributes: it says nothing about a person. */
  isKnownName(name: string): boolean;
  /** A name without the URN of a schema of the registry before it; as it is without one. */
  withoutUrn(name: string): string;
}

/** Names that nobody declared and that hold a secret all the same, wherever they come from. */
const telling = /passw(or)?d|passphrase|secret|credential|token|authorization|api[-_]?key/i;

/**
 * Makes the secrets of a registry: what is never returned (RFC 7643, section 7), what has a telling name, and `configured`
 * ones, given by names of attributes (see `Connection.masked_attributes`), of which the last part counts.
 */
export function createSecrets(registry: SchemaRegistry, configured: readonly string[] = []): Secrets {
  const definitions = new Map(registry.resourceTypes.flatMap(attributesOf).map(byName));
  const names = new Set(configured.map(lastPart));
  for (const [name, { returned }] of definitions) if (returned === 'never') names.add(name);
  const listed = [...names].filter((name) => !telling.test(name));
  const urns = registry.resourceTypes.flatMap(schemasOf).map(({ id }) => id.toLowerCase());
  const hasListed = (text: string) => {
    const folded = text.toLowerCase();
    return listed.some((name) => folded.includes(name));
  };
  const hasAny = (text: string) => telling.test(text) || (listed.length > 0 && hasListed(text));
  const isOne = (part: string) => names.has(part) || telling.test(part);
  const isSecret = (name: string) => hasAny(name) && partsOf(name).some(isOne);
  // As the schemas spell them, and as most clients do.
  const plain = new Set([...definitions.values()].map(({ name }) => name).filter((name) => !isSecret(name)));
  return {
    mayName: (text) => !plain.has(text) && hasAny(text),
    isSecret: (name) => !plain.has(name) && isSecret(name),
    definitionOf: (name) => {
      const part = partsOf(name).find(isOne);
      return part === undefined ? undefined : definitions.get(part);
    },
    isKnownName: (name) => definitions.has(name.toLowerCase()),
    withoutUrn: (name) => {
      const folded = name.toLowerCase();
      const urn = urns.find((known) => folded.startsWith(`${known}:`));
      return urn === undefined ? name : name.slice(urn.length + 1);
    },
  };
}

type TypeOfRegistry = SchemaRegistry['resourceTypes'][number];

function schemasOf({ schema, extensions }: TypeOfRegistry): readonly SchemaDefinition[] {
  return [schema, ...extensions.map((extension) => extension.schema)];
}

function attributesOf(type: TypeOfRegistry): readonly AttributeDefinition[] {
  const top = schemasOf(type).flatMap(({ attributes }) => attributes);
  // The attributes last, so that they win against a sub-attribute of the same name.
  return [...top.flatMap(({ subAttributes }) => subAttributes), ...top];
}

function byName(attribute: AttributeDefinition): [string, AttributeDefinition] {
  return [attribute.name.toLowerCase(), attribute];
}

/** The `department` of `urn:…:User:department`, the `familyName` of `name.familyName`; in lower case. */
function lastPart(name: string): string {
  return name.slice(Math.max(name.lastIndexOf(':'), name.lastIndexOf('.')) + 1).toLowerCase();
}

/** The names in `urn:…:User:name.givenName`, `emails[type eq "work"].value` and the like. */
function partsOf(name: string): readonly string[] {
  return name.toLowerCase().split(/[^\p{L}\p{N}$_-]+/u);
}
