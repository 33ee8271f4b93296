import type { Turns } from '#runtime/turns.ts';
import type { CurrentSubject } from './current-subjects.ts';
import type { Edge } from './decision.ts';
import { storedResource } from './mongo/batch-reader.ts';
import type { ConnectionTypes } from './mongo/connection-types.ts';
import type { Database } from './mongo/database.ts';
import { type HeadDocument, noRoleMappings } from './mongo/documents.ts';
import { type Edges, edgesOf } from './mongo/edges.ts';
import type { Heads } from './mongo/heads.ts';
import type { Place } from './mongo/page-order.ts';
import { readPage } from './mongo/resource-pages.ts';
import { readRoleMappings } from './mongo/role-mappings-store.ts';

/** Where an export goes on. */
export interface ExportPlace {
  /** The resource that came last; undefined before the first. */
  readonly place: Place | undefined;
  /** The group whose members come next, and the member after which; absent when none do. */
  readonly members?: { readonly group: string; readonly after: string } | undefined;
}

/** What an export holds: the role mappings, on the first page, users, and groups with their members. */
export type ExportItem =
  | CurrentSubject
  | { readonly kind: 'members'; readonly group: string; readonly edges: readonly Edge[] };

/** A page of an export. */
export interface ExportPage {
  /** The connection's head before anything of the page was read. */
  readonly head: HeadDocument;
  /** What it holds: each group before its members. */
  readonly items: readonly ExportItem[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: ExportPlace | undefined;
}

/** Reads a page of everything in a connection, of at most so many resources and members. CONNECTION_NOT_FOUND. */
export type ReadExport = (
  connection: string,
  start: ExportPlace,
  limit: number,
  signal: AbortSignal,
) => Promise<ExportPage>;

const wholeGroup = '';

/**
 * Makes the export. The order of its walk does not change when resources come and go, and each is read after the position
 * that the first page names; so whatever a page shows too early or not at all, a later change puts right.
 */
export function createExport(
  database: Database,
  types: ConnectionTypes,
  heads: Heads,
  turns: Turns,
): ReadExport {
  return (connection, start, limit, signal) =>
    turns.take(
      connection,
      async () => {
        const head = await heads.read(connection);
        const first = start.place || start.members ? [] : await readMappings(head);
        const { items, next } = await readItems(head, start, limit);
        return { head, items: [...first, ...items], next };
      },
      signal,
    );

  async function readMappings(head: HeadDocument): Promise<CurrentSubject[]> {
    const { version } = head.roleMappings ?? noRoleMappings;
    const current = await readRoleMappings(database, head.connection, version);
    return current ? [{ kind: 'roleMappings', current }] : [];
  }

  async function readItems(
    head: HeadDocument,
    start: ExportPlace,
    limit: number,
  ): Promise<Pick<ExportPage, 'items' | 'next'>> {
    const { resourceTypes } = await types.of(head);
    const edges = edgesOf(database, head.connection, head.draining);
    const items: ExportItem[] = [];
    let left = limit;

    /** Adds members of a group until the page is full; answers after which one the rest comes. */
    async function addMembers(group: string, after: string): Promise<string | undefined> {
      const { found, more } = await membersAfter(edges, group, after, left);
      if (found.length > 0) items.push({ kind: 'members', group, edges: found });
      left -= found.length;
      return more ? (found.at(-1)?.member ?? after) : undefined;
    }

    if (start.members) {
      const { group, after } = start.members;
      const rest = await addMembers(group, after);
      if (rest !== undefined) return { items, next: { ...start, members: { group, after: rest } } };
    }
    const { documents, next } = await readPage(database, {
      head,
      edges,
      session: undefined,
      parts: resourceTypes.map((type) => ({ type })),
      descending: false,
      start: { place: start.place, backward: false, passed: 0 },
      limit: left,
    });
    let place = start.place;
    for (const { type, document } of documents) {
      // The members of the groups before it have filled the page.
      if (left === 0) return { items, next: { place } };
      place = { part: resourceTypes.indexOf(type), ordinal: document.ordinal, key: undefined };
      const state = storedResource(document);
      items.push({ kind: 'resource', type, state });
      left -= 1;
      if (!type.findAttribute('members')) continue;
      const rest = await addMembers(state.id, wholeGroup);
      if (rest !== undefined) return { items, next: { place, members: { group: state.id, after: rest } } };
    }
    const isDone = documents.length > 0 ? next === undefined : left > 0;
    return { items, next: isDone ? undefined : { place } };
  }
}

/** A group's members after one of them, at most `limit`, and whether there are more. */
async function membersAfter(edges: Edges, group: string, after: string, limit: number) {
  const found = await edges.after(group, after, limit + 1);
  return { found: found.slice(0, limit), more: found.length > limit };
}
