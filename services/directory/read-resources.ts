import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ResourceState } from './decision.ts';
import { type DerivedReads, type DerivedValues, type ReadMask, together } from './derived-values.ts';
import { storedResource } from './mongo/batch-reader.ts';
import { type ConnectionTypes, typeIn } from './mongo/connection-types.ts';
import type { Database } from './mongo/database.ts';
import { findDeletedUsers } from './mongo/deleted-users.ts';
import { type HeadDocument, isResourceId, resourceKey } from './mongo/documents.ts';
import { edgesOf } from './mongo/edges.ts';
import type { ConsistentRead, Heads, ReadFreshness, ReadLimits } from './mongo/heads.ts';
import type { PartQuery } from './mongo/list-part.ts';
import { type Page, type PageQuery, readPage } from './mongo/resource-pages.ts';
import { checkSameKind, compileSort } from './mongo/sort-key.ts';
import { resourceNotFound } from './write-command.ts';

/** A resource with what is computed. */
export interface ReadResource {
  /** What is stored. */
  readonly state: ResourceState;
  /** What is computed. */
  readonly derived: DerivedValues;
  /** When a kept user was deleted; absent for what is not. */
  readonly deletedAt?: Date;
}

/** A page of resources. */
export interface ResourcePage extends Omit<Page, 'documents'> {
  /** The types that were asked for, as the connection has them. */
  readonly types: readonly ResourceType[];
  /** The resources with their types, in the order of the list, and about how many bytes their attributes have. */
  readonly resources: readonly (ReadResource & { readonly type: ResourceType; readonly size: number })[];
}

/** Which page of which list, before the types are known as the connection has them. */
export interface ListQuery extends Pick<PageQuery, 'descending' | 'start' | 'limit'> {
  /** What is asked of each type. */
  readonly parts: readonly (Omit<PartQuery, 'sort'> & { readonly sortBy: AttributePath | undefined })[];
}

/** Reads users and groups. The types that they are asked with may be the built-in ones; answers have the connection's. */
export interface ResourceReads {
  /** Reads one; also a user that is deleted but kept, `withDeleted`. RESOURCE_NOT_FOUND. */
  get(
    type: ResourceType,
    connection: string,
    { id, withDeleted }: { readonly id: string; readonly withDeleted: boolean },
    mask: ReadMask,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<ReadResource & { readonly type: ResourceType; readonly head: HeadDocument }>>;
  /** Reads a page. FILTER_INVALID, SORT_INVALID, DEFINITIONS_CHANGING, TOO_MANY. */
  list(
    connection: string,
    query: ListQuery,
    mask: ReadMask,
    freshness: ReadFreshness,
    limits: ReadLimits,
  ): Promise<ConsistentRead<ResourcePage & { readonly head: HeadDocument }>>;
}

/** Makes the reads of resources. */
export function createResourceReads(
  database: Database,
  types: ConnectionTypes,
  heads: Heads,
  { membershipsOf, derive }: DerivedReads,
): ResourceReads {
  return {
    get(type, connection, { id, withDeleted }, mask, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        if (!isResourceId(id)) throw resourceNotFound(type, id);
        const point = database.point(resourceKey(connection, id), connection);
        const [document, edges] = await together(
          session,
          () => database.resources(type).findOne(point, session ? { session } : {}),
          () => membershipsOf(type, head, [id], mask, session),
        );
        const deleted =
          !document && withDeleted
            ? (await findDeletedUsers(database, connection, [id], session)).get(id)
            : undefined;
        const state = document ? storedResource(document) : deleted;
        if (!state) throw resourceNotFound(type, id);
        const [derived = {}] = await derive(type, head, [state], edges, mask, session);
        const own = typeIn(await types.of(head, session), type);
        return { type: own, state, derived, head, ...(deleted && { deletedAt: deleted.lastModified }) };
      });
    },
    list(connection, query, mask, freshness, limits) {
      return heads.consistent(connection, freshness, limits, async (head, session) => {
        const edges = edgesOf(database, connection, head.draining);
        const registry = await types.of(head, session);
        const refolding = head.settings?.refolding ?? [];
        const parts = query.parts.map(({ type: asked, sortBy, ...part }) => {
          const type = typeIn(registry, asked);
          return { type, ...part, sort: sortBy && compileSort(type, sortBy, refolding) };
        });
        checkSameKind(parts);
        const { documents, ...page } = await readPage(database, { ...query, head, edges, session, parts });
        const listed = documents.map(({ document, ...rest }) => ({
          ...rest,
          state: storedResource(document),
        }));
        const derived = new Map<ResourceState, DerivedValues>();
        for (const [type, ofType] of Map.groupBy(listed, (each) => each.type)) {
          const states = ofType.map(({ state }) => state);
          const ids = states.map(({ id }) => id);
          const memberships = await membershipsOf(type, head, ids, mask, session);
          const values = await derive(type, head, states, memberships, mask, session);
          for (const [index, state] of states.entries()) derived.set(state, values[index] ?? {});
        }
        const resources = listed.map((each) => ({ ...each, derived: derived.get(each.state) ?? {} }));
        return { ...page, types: parts.map(({ type }) => type), resources, head };
      });
    },
  };
}
