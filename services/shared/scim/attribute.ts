/** The data types of SCIM attributes (RFC 7643, section 2.3). */
export type AttributeType =
  | 'string'
  | 'boolean'
  | 'decimal'
  | 'integer'
  | 'dateTime'
  | 'binary'
  | 'reference'
  | 'complex';

/**
 * What one attribute is: its characteristics (RFC 7643, section 7) and where Rollcall keeps it. Built-in definitions are
 * generated from the annotated messages in `proto/rollcall/scim/v1`.
 */
export interface AttributeDefinition {
  /** The name as the schema spells it; clients may use any letter case. */
  readonly name: string;
  /** The key under which a resource object holds the value; the name, except for names no key can have (`$ref`). */
  readonly field: string;
  /** For people, in `/Schemas`. */
  readonly description: string;
  /** What a value is. */
  readonly type: AttributeType;
  /** Whether the value is a list. */
  readonly multiValued: boolean;
  /** Whether a resource without a value is refused. */
  readonly required: boolean;
  /** Whether text is compared with its case; always true for references and binaries. */
  readonly caseExact: boolean;
  /** When a client may write it. */
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  /** When an answer has it. */
  readonly returned: 'always' | 'never' | 'default' | 'request';
  /** Whether two resources of a type in one connection may share a value. */
  readonly uniqueness: 'none' | 'server' | 'global';
  /** Suggested values; others are accepted. */
  readonly canonicalValues: readonly string[];
  /** What a reference may point to: resource types, `external` or `uri`. */
  readonly referenceTypes: readonly string[];
  /** Whether an `eq` filter on it reads an index. */
  readonly indexed: boolean;
  /**
   * Whether a connection declares it at run time: then its text is compared alike whether it is unique or not, since that
   * can change.
   */
  readonly declared?: true;
  /** Whether it is computed when read and never stored. */
  readonly derived: boolean;
  /** The form that the standard demands of the text; see `missedFormat`. */
  readonly format: 'any' | 'countryCode' | 'languageTag' | 'certificate';
  /** Whether it is one of the attributes every resource has (`id`, `externalId`, `meta`; RFC 7643, section 3.1), which `/Schemas` leaves out. */
  readonly common: boolean;
  /** The parts of a complex attribute; empty for others. */
  readonly subAttributes: readonly AttributeDefinition[];
}

/** A SCIM schema (RFC 7643, section 7). */
export interface SchemaDefinition {
  /** Its URN. */
  readonly id: string;
  /** Its name, for people. */
  readonly name: string;
  /** For people, in `/Schemas`. */
  readonly description: string;
  /** Its attributes, in the order of the message. */
  readonly attributes: readonly AttributeDefinition[];
}

/** An extension that resources of a type may have (RFC 7643, section 3.3). */
export interface ExtensionDefinition {
  /** The key under which a resource object holds the extension's attributes. */
  readonly field: string;
  /** Whether a connection declares it at run time: then messages hold it among their `extensions`, by URN. */
  readonly declared: boolean;
  /** Whether every resource of the type must have it. */
  readonly required: boolean;
  /** The extension's schema. */
  readonly schema: SchemaDefinition;
}

/** A resource type (RFC 7643, section 6). */
export interface ResourceTypeDefinition {
  /** Its name, as in `meta.resourceType`. */
  readonly name: string;
  /** Its endpoint below the base URL, with a leading slash. */
  readonly endpoint: string;
  /** For people, in `/ResourceTypes`. */
  readonly description: string;
  /** Its core schema. */
  readonly schema: SchemaDefinition;
  /** Its extensions: the built-in ones, then those that a connection declares. */
  readonly extensions: readonly ExtensionDefinition[];
}
