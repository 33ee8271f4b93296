import type { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import type {
  ConnectionStatus,
  OnDelete,
  Provider,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';

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
}

/** A connection's settings as a decision sees them. */
export interface ConnectionSettings extends WriteSettings {
  /** The connection's id. */
  readonly id: string;
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
}

/** What is to change about a connection; what is absent stays. */
export type ConnectionUpdate = Partial<ConnectionDetails & WriteSettings>;

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
  /** The connection's new status. */
  readonly status?: ConnectionStatus;
  /** What changes about the connection, for the decisions of later transactions. */
  readonly update?: ConnectionUpdate;
  /** The answer; `position` is the connection's after this decision. */
  readonly reply: (position: number) => Reply;
}

/** What a change record says, besides its place in the log. */
export type ChangeContent = ResourceChangeContent | MembershipChangeContent;

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
  /** The group's version after it. */
  readonly version: number;
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
  /** Some pairs of groups that share a displayName; for commands that travel alone. */
  groupsOfOneName(): Promise<readonly (readonly [string, string])[]>;
  /** Streams a group's memberships, never held whole; for commands that travel alone. */
  edgesOfGroup(group: string): AsyncIterable<Edge>;
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
