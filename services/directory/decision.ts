import type { ClientSession } from 'mongodb';
import type { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import type {
  AttributeMapping,
  ConnectionStatus,
  Extension,
  OnDelete,
  Provider,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import type { HeadDocument } from './mongo/documents.ts';

/** A user or group as a decision sees it. */
export interface ResourceState {
  /** The resource's id. */
  readonly id: string;
  /** What the client wrote, without what is derived; the shape of the resource's message. */
  readonly resource: JsonObject;
  /** Counts the resource's changes, from 1. */
  readonly version: number;
  /** When it was created. */
  readonly created: Date;
  /** When it last changed. */
  readonly lastModified: Date;
}

/** What a member of a group is: the name of its resource type. */
export type MemberKind = 'User' | 'Group';

/** A membership. */
export interface Edge {
  /** The group's id. */
  readonly group: string;
  /** The member's id. */
  readonly member: string;
  /** What the member is. */
  readonly kind: MemberKind;
}

/** The settings of a connection that decisions depend on. */
export interface WriteSettings {
  /** Whether two groups may not share a displayName. */
  readonly uniqueGroupNames: boolean;
  /** What resources must have beside what their schemas demand; see `parseRequiredAttributes`. */
  readonly requiredAttributes: readonly string[];
  /** What becomes of a deleted user. */
  readonly onDelete: OnDelete;
  /** What becomes of attributes that no schema knows. */
  readonly unknownAttributes: UnknownAttributes;
  /** Names the set of extensions that the connection declares; empty for none. See `extensionsRevision`. */
  readonly extensionsRevision: string;
  /** Paths of attributes by which nothing can be found until what is stored is folded again. */
  readonly refolding: readonly string[];
  /**
   * Where the parts of users' identities are; absent, as in connections older than this field: the defaults. No decision
   * depends on it. It is among these, because what they are kept in is read by every read.
   */
  readonly attributeMapping?: AttributeMapping;
}

/** A connection's settings as a decision sees them. */
export interface ConnectionSettings extends WriteSettings {
  /** The connection's id. */
  readonly id: string;
  /** Its resource types, with the extensions that it declares. */
  readonly registry: SchemaRegistry;
}

/** What operators say of a connection and no decision depends on. */
export interface ConnectionDetails {
  /** A name for operators. */
  readonly name: string;
  /** The identity provider. */
  readonly provider: Provider;
  /** Whether it is held to the RFCs to the letter. */
  readonly strict: boolean;
  /** Whose directory it is, in words of operators; empty when they did not say. */
  readonly organization: string;
  /** What the sync log does not show; see `parseMaskedAttributes`. */
  readonly maskedAttributes: readonly string[];
}

/** The extensions that a connection declares; apart from the settings that decisions read, which name only their revision. */
export interface DeclaredExtensions {
  /** As the message has them, checked. */
  readonly extensions: readonly Extension[];
}

/** What is to change about a connection; what is absent stays. */
export type ConnectionUpdate = Partial<ConnectionDetails & WriteSettings & DeclaredExtensions>;

/** The definitions that everything stored of a connection is folded by. */
export interface FoldedBy {
  /** The fingerprint of the built-in ones; see `registryFingerprint`. */
  readonly builtIn: string;
  /** The revision of the declared ones; see `extensionsRevision`. */
  readonly extensions: string;
}

/** What a decision may write. Nothing is written unless all of it is. */
export interface Decision<Reply> {
  /** Resources as they are to be; `after` null deletes. */
  readonly resources?: readonly {
    readonly type: ResourceType;
    readonly id: string;
    readonly after: ResourceState | null;
    /** A deleted user as internal services still see it; absent when nothing of it stays. */
    readonly kept?: ResourceState | undefined;
  }[];
  /** Memberships that begin. */
  readonly addedEdges?: readonly Edge[];
  /** Memberships that end. */
  readonly removedEdges?: readonly Edge[];
  /** Records for the log, in order; each takes a position. */
  readonly changes?: readonly ChangeContent[];
  /** A deleted group, whose edges are removed later in chunks. */
  readonly drain?: string;
  /** A group whose edges are all removed. */
  readonly drained?: string;
  /** All that is stored is folded by these definitions. */
  readonly folded?: FoldedBy;
  /** The oldest position that is kept from now on; one that is passed already changes nothing. */
  readonly floor?: number;
  /** The connection's new status. */
  readonly status?: ConnectionStatus;
  /** What changes about the connection, for the decisions of later transactions. */
  readonly update?: ConnectionUpdate;
  /** What the head is to say of the role mappings. */
  readonly roleMappings?: RoleMappingsState;
  /** A new version of the role mappings. */
  readonly roleMappingsVersion?: RoleMappingsVersion;
  /** The answer; `position` is the connection's after this decision. */
  readonly reply: (position: number) => Reply;
}

/** What a change record says, besides its place in the log. */
export type ChangeContent =
  | ResourceChangeContent
  | MembershipChangeContent
  | RoleMappingsChangeContent
  | ValidityChangeContent
  | ConnectionChangeContent
  | ProtectedRoleChangeContent;

/** A user or group was created, changed or deleted. */
export interface ResourceChangeContent {
  /** Tells the two kinds of record apart. */
  readonly kind: 'resource';
  /** The name of the resource's type. */
  readonly resourceType: string;
  /** The resource's id. */
  readonly id: string;
  /** What happened. */
  readonly action: ResourceAction;
  /** The version after it. */
  readonly version: number;
  /** Whether a user is active after it. */
  readonly active?: boolean;
  /** Whether a user was active before; only where that changed. */
  readonly wasActive?: boolean;
  /** The top-level attributes that changed. */
  readonly attributes: readonly string[];
}

/** Members of a group came or went: at most 1,000 in one record. */
export interface MembershipChangeContent {
  /** Tells the two kinds of record apart. */
  readonly kind: 'membership';
  /** The group's id. */
  readonly group: string;
  /** Ids that became members. */
  readonly added: readonly string[];
  /** Ids that are members no more. */
  readonly removed: readonly string[];
  /** Which of them are groups; absent when none is. */
  readonly groups?: readonly string[];
  /** The group's version after it. */
  readonly version: number;
}

/** The role mappings were edited. */
export interface RoleMappingsChangeContent {
  /** Tells the kinds of record apart. */
  readonly kind: 'roleMappings';
  /** The version in force after it. */
  readonly version: number;
  /** Who made it. */
  readonly author: string;
  /** Ids of mappings that are new, gone or other than before. */
  readonly mappings: readonly string[];
}

/** Role mappings began or ended by their validity dates. */
export interface ValidityChangeContent {
  /** Tells the kinds of record apart. */
  readonly kind: 'validity';
  /** Ids of mappings that give roles from now on. */
  readonly began: readonly string[];
  /** Ids of mappings that give none any more. */
  readonly ended: readonly string[];
}

/** A protected role lost its last holder, by something else than an edit of mappings. */
export interface ProtectedRoleChangeContent {
  /** Tells the kinds of record apart. */
  readonly kind: 'protectedRole';
  /** The role. */
  readonly role: string;
}

/** Settings of the connection changed by which all its resources are read. */
export interface ConnectionChangeContent {
  /** Tells the kinds of record apart. */
  readonly kind: 'connection';
  /** Their names in the message Connection. */
  readonly settings: readonly string[];
}

/** What every transaction knows of a connection's role mappings. */
export interface RoleMappingsState {
  /** The version in force; 0 before the first. */
  readonly version: number;
  /** The next time at which a validity date takes effect; null for never. */
  readonly nextEdge: Date | null;
  /** The roles whose holders are watched. */
  readonly protectedRoles: readonly string[];
  /** Those of them of which it is known, and recorded, that nobody has them. */
  readonly unheld: readonly string[];
}

/** A version of a connection's role mappings. */
export interface RoleMappingsVersion {
  /** Counts the versions, from 1; 0 when there is none. */
  readonly version: number;
  /** When it was set; undefined for version 0. */
  readonly time: Date | undefined;
  /** Who set it, in their own words. */
  readonly author: string;
  /** The version that it went back to; 0 for none. */
  readonly rolledBackTo: number;
  /** The mappings. */
  readonly mappings: RoleMappings;
}

/**
 * What a decision may see: what its `load` asked for, with the writes of the commands decided before it in the same
 * transaction applied. Every method throws `NotLoadedError` for what was not asked for.
 */
export interface View {
  /** The connection's settings. */
  readonly settings: ConnectionSettings;
  /** The ids of deleted groups whose edges still stand. */
  readonly draining: readonly string[];
  /** The position after what was decided before. */
  readonly position: number;
  /** What the head says of the role mappings. */
  readonly roleMappings: RoleMappingsState;
  /** A user or group; undefined when there is none. */
  resource(type: ResourceType, id: string): ResourceState | undefined;
  /** What an id names, when it names anything. */
  memberKind(id: string): MemberKind | undefined;
  /** The id of the resource that has a unique entry. */
  owner(type: ResourceType, entry: string): string | undefined;
  /** Whether a membership stands. */
  edge(group: string, member: string): Edge | undefined;
  /** The memberships of a user or group. */
  edgesOfMember(member: string): readonly Edge[];
  /** A group's first memberships, and whether these are all. */
  firstEdgesOfGroup(group: string): FirstEdges;
}

/** The beginning of a group's member list. */
export interface FirstEdges {
  /** At most 500 memberships. */
  readonly edges: readonly Edge[];
  /** Whether the group has no others. */
  readonly complete: boolean;
}

/** The ids of two resources. */
export type IdPair = readonly [string, string];

/** Asks for what a decision will see. Requests made in the same turn travel together. */
export interface Reader {
  /** The connection's settings. */
  readonly settings: ConnectionSettings;
  /** Makes `View.resource` answer for this id. */
  resource(type: ResourceType, id: string): Promise<ResourceState | undefined>;
  /** Makes `View.memberKind` answer for this id. */
  memberKind(id: string): Promise<MemberKind | undefined>;
  /** Makes `View.owner` answer for this entry. */
  owner(type: ResourceType, entry: string): Promise<string | undefined>;
  /** Makes `View.edge` answer for this pair. */
  edge(group: string, member: string): Promise<Edge | undefined>;
  /** Makes `View.edgesOfMember` answer for this id. */
  edgesOfMember(member: string): Promise<readonly Edge[]>;
  /** Makes `View.firstEdgesOfGroup` answer for this id. */
  firstEdgesOfGroup(group: string): Promise<FirstEdges>;
  /**
   * Some pairs of resources that share a value of an attribute with one value, found under these storage keys; for
   * commands that travel alone.
   */
  resourcesOfOneValue(type: ResourceType, keys: readonly string[]): Promise<readonly IdPair[]>;
  /** Streams a group's memberships, never held whole; for commands that travel alone. */
  edgesOfGroup(group: string): AsyncIterable<Edge>;
  /** Runs queries in the transaction, one after the other; for commands that travel alone. */
  query<Result>(read: (head: HeadDocument, session: ClientSession) => Promise<Result>): Promise<Result>;
}

/** Thrown by a view for what was not loaded; the command is decided again in the next transaction. */
export class NotLoadedError extends Error {
  constructor(what: string) {
    super(`${what} was not loaded`);
    this.name = 'NotLoadedError';
  }
}

/** A write, before it is decided. Ids and times in it were fixed when it arrived. */
export interface Command<Reply> {
  /** The connection it writes to. */
  readonly connection: string;
  /** Kept in its change records; empty when unknown. */
  readonly requestId: string;
  /** When it arrived: the time of its change records. */
  readonly time: Date;
  /** Milliseconds since 1970 after which it is no longer decided. */
  readonly deadline: number;
  /** True when it may be large, or reads a group's whole member list: it gets a transaction of its own. */
  readonly alone: boolean;
  /** Decide and answer, but write nothing. */
  readonly validateOnly: boolean;
  /** True when it is allowed on a connection that is paused or being deleted. */
  readonly operator?: boolean;
  /** Reads what `decide` needs. */
  load(reader: Reader): Promise<void>;
  /** Decides. Pure: the same view gives the same decision. Throws DirectoryError to refuse. */
  decide(view: View): Decision<Reply>;
}
