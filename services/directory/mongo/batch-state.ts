import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import {
  type ChangeContent,
  type ConnectionSettings,
  type ConnectionUpdate,
  type Decision,
  type Edge,
  type FirstEdges,
  type MemberKind,
  NotLoadedError,
  type ResourceState,
  type RoleMappingsVersion,
  type View,
} from '../decision.ts';
import { typeIn } from './connection-types.ts';
import { type HeadDocument, headFields, noRoleMappings } from './documents.ts';
import { claimedEntries } from './fold.ts';
import { writeSettingsOf } from './settings.ts';

/** A resource as the database has it, with its place in the order of creation. */
export interface StoredResource extends ResourceState {
  /** Its ordinal. */
  readonly ordinal: number;
}

/** One resource's net change in a batch. */
export interface ResourceWrite {
  /** The resource's type. */
  readonly type: ResourceType;
  /** Its id. */
  readonly id: string;
  /** As the database has it; undefined when it is new. */
  readonly before: StoredResource | undefined;
  /** As it is to be; undefined when it is deleted. */
  readonly after: StoredResource | undefined;
  /** What stays of it for internal services when it is deleted. */
  readonly kept: ResourceState | undefined;
}

/** One membership's net change in a batch. */
export interface EdgeWrite {
  /** The membership. */
  readonly edge: Edge;
  /** Whether it begins or ends. */
  readonly added: boolean;
}

/**
 * The state a batch of commands is decided on: what was read, with the decisions made so far applied. It folds many
 * decisions about one document into one net write.
 */
export interface BatchState extends View {
  /** The head with the batch's decisions applied. */
  readonly head: HeadDocument;
  /** What is to change about the connection. */
  readonly update: ConnectionUpdate | undefined;
  /** The versions of the role mappings to be stored. */
  readonly roleMappingsVersions: readonly RoleMappingsVersion[];
  /** The change records so far; the first has the position after `head.position` as read. */
  readonly changes: readonly ChangeContent[];
  /** Notes what was read. Never overwrites a decision. */
  loadedResource(type: ResourceType, id: string, found: StoredResource | undefined): void;
  /** Notes what an id names. */
  loadedMemberKind(id: string, kind: MemberKind | undefined): void;
  /** Notes who has a unique entry. */
  loadedOwner(type: ResourceType, entry: string, id: string | undefined): void;
  /** Notes a membership or its absence. */
  loadedEdge(group: string, member: string, edge: Edge | undefined): void;
  /** Notes all memberships of a member. */
  loadedEdgesOfMember(member: string, edges: readonly Edge[]): void;
  /** Notes the beginning of a group's member list. */
  loadedFirstEdgesOfGroup(group: string, first: FirstEdges): void;
  /**
   * Whether the decision takes a unique entry that an earlier one of this batch freed: within one transaction the
   * embedded server refuses that, so such a command waits for the next.
   */
  takesFreedEntry(decision: Decision<unknown>): boolean;
  /** Applies a decision. */
  apply(decision: Decision<unknown>): void;
  /** What is to be written to the resource collections. */
  resourceWrites(): readonly ResourceWrite[];
  /** What is to be written to the memberships. */
  edgeWrites(): readonly EdgeWrite[];
}

/** Counts the documents a decision writes, its change records included. */
export function writeCount(decision: Decision<unknown>): number {
  return (
    (decision.resources?.length ?? 0) +
    (decision.addedEdges?.length ?? 0) +
    (decision.removedEdges?.length ?? 0) +
    (decision.changes?.length ?? 0)
  );
}

const pair = (a: string, b: string) => `${a}/${b}`;

/** Starts a batch on a head as read. */
export function createBatchState(readHead: HeadDocument, settings: ConnectionSettings): BatchState {
  const { id: _, registry, ...writeSettings } = settings;
  const head: HeadDocument = { ...readHead, draining: [...readHead.draining], settings: writeSettings };
  let update: ConnectionUpdate | undefined;
  const changes: ChangeContent[] = [];
  const roleMappingsVersions: RoleMappingsVersion[] = [];
  const resources = new Map<string, ResourceWrite>();
  const kinds = new Map<string, MemberKind | undefined>();
  const owners = new Map<string, string | undefined>();
  const freed = new Set<string>();
  const edges = new Map<string, Edge | undefined>();
  const readEdges = new Map<string, Edge | undefined>();
  const memberEdges = new Map<string, readonly Edge[]>();
  const groupEdges = new Map<string, FirstEdges>();
  const decidedEdges = new Map<string, EdgeWrite>();

  const entriesOf = (type: ResourceType, state: ResourceState | undefined) =>
    state ? claimedEntries(typeIn(registry, type), state.id, state.resource, settings) : [];

  function writeResource(
    type: ResourceType,
    id: string,
    after: ResourceState | null,
    kept: ResourceState | undefined,
  ) {
    const key = pair(type.name, id);
    const known = resources.get(key);
    const current = known?.after;
    const fields = headFields(type);
    let next: StoredResource | undefined;
    if (after) {
      const ordinal = current ? current.ordinal : head[fields.next]++;
      if (!current) head[fields.count]++;
      next = { ...after, ordinal };
    } else if (current) head[fields.count]--;
    // What leaves the resource itself as it is, such as another member, takes and frees nothing.
    if (next?.resource !== current?.resource) {
      const taken = entriesOf(type, next);
      for (const entry of entriesOf(type, current)) {
        if (taken.includes(entry)) continue;
        owners.set(pair(type.name, entry), undefined);
        freed.add(pair(type.name, entry));
      }
      for (const entry of taken) owners.set(pair(type.name, entry), id);
    }
    kinds.set(id, next ? (type.name as MemberKind) : undefined);
    resources.set(key, { type: typeIn(registry, type), id, before: known?.before, after: next, kept });
  }

  function writeEdge(edge: Edge, added: boolean) {
    const key = pair(edge.group, edge.member);
    edges.set(key, added ? edge : undefined);
    decidedEdges.set(key, { edge, added });
  }

  function noteEdges(loaded: readonly Edge[]) {
    for (const edge of loaded) readEdges.set(pair(edge.group, edge.member), edge);
  }

  function withDecided(loaded: readonly Edge[], end: 'group' | 'member', id: string): Edge[] {
    const decided = [...decidedEdges].filter(([, { edge }]) => edge[end] === id);
    const changed = new Set(decided.map(([key]) => key));
    return [
      ...loaded.filter(({ group, member }) => !changed.has(pair(group, member))),
      ...decided.filter(([, { added }]) => added).map(([, { edge }]) => edge),
    ];
  }

  return {
    settings,
    head,
    changes,
    get update() {
      return update;
    },
    get draining() {
      return head.draining;
    },
    get position() {
      return head.position;
    },
    get roleMappings() {
      return head.roleMappings ?? noRoleMappings;
    },
    get roleMappingsVersions() {
      return roleMappingsVersions;
    },
    resource(type, id) {
      const known = resources.get(pair(type.name, id));
      if (!known) throw new NotLoadedError(`${type.name} ${id}`);
      return known.after;
    },
    memberKind(id) {
      if (!kinds.has(id)) throw new NotLoadedError(`the kind of ${id}`);
      return kinds.get(id);
    },
    owner(type, entry) {
      const key = pair(type.name, entry);
      if (!owners.has(key)) throw new NotLoadedError('a unique entry');
      return owners.get(key);
    },
    edge(group, member) {
      const key = pair(group, member);
      if (!edges.has(key)) throw new NotLoadedError('a membership');
      return edges.get(key);
    },
    edgesOfMember(member) {
      const loaded = memberEdges.get(member);
      if (!loaded) throw new NotLoadedError(`the memberships of ${member}`);
      return withDecided(loaded, 'member', member);
    },
    firstEdgesOfGroup(group) {
      const loaded = groupEdges.get(group);
      if (!loaded) throw new NotLoadedError(`the members of ${group}`);
      return { edges: withDecided(loaded.edges, 'group', group), complete: loaded.complete };
    },
    loadedResource(type, id, found) {
      const key = pair(type.name, id);
      if (!resources.has(key)) resources.set(key, { type, id, before: found, after: found, kept: undefined });
    },
    loadedMemberKind(id, kind) {
      if (!kinds.has(id)) kinds.set(id, kind);
    },
    loadedOwner(type, entry, id) {
      const key = pair(type.name, entry);
      if (!owners.has(key)) owners.set(key, id);
    },
    loadedEdge(group, member, edge) {
      const key = pair(group, member);
      readEdges.set(key, edge);
      if (!edges.has(key)) edges.set(key, edge);
    },
    loadedEdgesOfMember(member, loaded) {
      memberEdges.set(member, loaded);
      noteEdges(loaded);
    },
    loadedFirstEdgesOfGroup(group, first) {
      groupEdges.set(group, first);
      noteEdges(first.edges);
    },
    takesFreedEntry(decision) {
      return (decision.resources ?? []).some(
        ({ type, id, after }) =>
          freed.size > 0 &&
          after !== null &&
          entriesOf(type, after).some((entry) => {
            const key = pair(type.name, entry);
            return freed.has(key) && owners.get(key) !== id;
          }),
      );
    },
    apply(decision) {
      for (const { type, id, after, kept } of decision.resources ?? []) writeResource(type, id, after, kept);
      for (const edge of decision.addedEdges ?? []) writeEdge(edge, true);
      for (const edge of decision.removedEdges ?? []) writeEdge(edge, false);
      for (const change of decision.changes ?? []) changes.push(change);
      head.position += decision.changes?.length ?? 0;
      if (decision.roleMappings) head.roleMappings = decision.roleMappings;
      if (decision.roleMappingsVersion) roleMappingsVersions.push(decision.roleMappingsVersion);
      if (decision.drain) head.draining.push(decision.drain);
      if (decision.folded) head.folded = decision.folded;
      if (decision.drained) head.draining = head.draining.filter((id) => id !== decision.drained);
      head.floor = Math.max(head.floor, decision.floor ?? 0);
      // A deletion is final: a pause that was asked for before it may be decided after it.
      if (head.status === ConnectionStatus.DELETING) return;
      if (decision.status) head.status = decision.status;
      if (!decision.update) return;
      update = { ...update, ...decision.update };
      head.settings = writeSettingsOf({ ...writeSettings, ...update });
    },
    resourceWrites() {
      return [...resources.values()].filter(({ before, after, kept }) => before !== after || kept);
    },
    edgeWrites() {
      return [...decidedEdges.entries()]
        .filter(([key, { added }]) => {
          // A command that travels alone streams a group's edges; what it removes was there.
          const before = readEdges.has(key) ? readEdges.get(key) !== undefined : !added;
          return before !== added;
        })
        .map(([, write]) => write);
    },
  };
}
