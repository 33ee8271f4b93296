import { type TrackedEnvelope, tracked } from '@trpc/server';
import { z } from 'zod';
import {
  ExportRequest,
  ListChangesRequest,
  WatchChangesRequest,
} from '#proto/rollcall/directory/v1/change_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import {
  type ChangeAnswer,
  type ChangeName,
  changeAnswer,
  changeNames,
  changeTypes,
} from './change-answer.ts';
import type { DirectoryClient } from './directory-client.ts';
import { pageFields, resourceId } from './find-input.ts';
import { type MappingsAnswer, mappingsAnswer } from './mappings-answer.ts';
import { type GroupAnswer, groupAnswer, type UserAnswer, userAnswer } from './resource-answer.ts';
import { connectionInput, connectionProcedure, freshness, queryInput, router } from './trpc.ts';
import { toTrpcError } from './trpc-errors.ts';

const position = z.int().nonnegative();

const filterFields = {
  /** Only changes of these types; all when absent. */
  types: z.array(z.enum(changeNames)).max(changeNames.length).optional(),
  /** Only changes that may affect one of these users: their own, and all that affect a group or everyone. */
  users: z.array(resourceId).max(1_000).optional(),
  /** Also the user or group that a change is about, as it is now. */
  withResources: z.boolean().default(false),
};

const sinceInput = queryInput({
  /** The position after which to begin; 0 begins with the first change. */
  after: position,
  /** How many changes are looked through, 1 to 1,000. */
  pageSize: z.int().min(1).max(1_000).default(100),
  ...filterFields,
});

const watchInput = connectionInput({
  /** The position after which to begin, 0 for the first change; absent begins with what comes next. */
  after: position.optional(),
  /** Set by an EventSource that connects again: the id of the last message it got, which is a position. */
  lastEventId: z
    .string()
    .regex(/^\d{1,15}$/, 'not the id of a message of this watch')
    .optional(),
  ...filterFields,
});

const exportInput = connectionInput({
  /** How many users, groups and members at most, 1 to 1,000. */
  pageSize: z.int().min(1).max(1_000).default(1_000),
  pageToken: pageFields.pageToken,
});

/** A page of changes. */
export interface ChangesAnswer {
  /** The changes, in order. */
  changes: ChangeAnswer[];
  /** Ask for the next page with this as `after`. */
  position: number;
  /** The connection's position: while `position` is below it there is more. */
  asOf: number;
}

/** A message of a watch: changes, or a heartbeat without any, several times a second. */
export interface WatchAnswer {
  /** The next changes, in order. */
  changes: ChangeAnswer[];
  /** Everything up to this position that was asked for has been sent. */
  position: number;
  /** For how many milliseconds at most that may lack what happened since; absent while more is known to come. */
  ageMs?: number;
}

/** A page of everything in a connection. */
export interface ExportAnswer {
  /** The position after which the changes are read that complete the copy; the same on all pages. */
  position: number;
  /** The mappings from groups and users to roles; on the first page. */
  mappings?: MappingsAnswer;
  /** Users. */
  users: UserAnswer[];
  /** Groups. */
  groups: GroupAnswer[];
  /** Members of groups of this page and those before. */
  members: {
    /** The group's id. */
    group: string;
    /** Some of its members; each comes once. */
    members: { id: string; kind: 'User' | 'Group' }[];
  }[];
  /** Asks for the next page, as `pageToken`; absent on the last one. */
  nextPageToken?: string;
}

/** `changes.since`, `.watch` and `.export`. */
export function createChangesRouter(directory: DirectoryClient) {
  return router({
    /**
     * Changes after a position, in order. Fails with POSITION_PURGED when they are no longer kept: then replace your copy by
     * an export.
     *
     * @example
     * let after = 0;
     * for (;;) {
     *   const page = await rollcall.changes.since.query({ connection, after, types: ['user-deactivated', 'user-deleted'] });
     *   for (const change of page.changes) if ('userId' in change) await endSessions(change.userId);
     *   after = page.position;
     *   if (after >= page.asOf) break;
     * }
     */
    since: connectionProcedure.input(sinceInput).query(async ({ ctx, input }): Promise<ChangesAnswer> => {
      const { after, pageSize, withResources } = input;
      const request = ListChangesRequest.fromPartial({
        connectionId: ctx.connection,
        after,
        pageSize,
        filter: filterOf(input),
        withResources,
        freshness: freshness(input),
      });
      const answer: ChangesAnswer = { changes: [], position: after, asOf: after };
      for await (const part of directory.changes.listChanges(request, ctx.call)) {
        answer.changes.push(...part.changes.map(changeAnswer));
        answer.position = part.position;
        answer.asOf = part.asOf;
      }
      return answer;
    }),

    /**
     * Changes after a position, and then those that come, as server-sent events: each once and in order. The id of a message
     * is its position, so an EventSource that connects again goes on where it was. Ends with UNAUTHORIZED within a second
     * when the token is revoked, and with SERVICE_UNAVAILABLE when the service stops: connect again. Fails with
     * POSITION_PURGED.
     *
     * @example
     * rollcall.changes.watch.subscribe({ connection, after: position, types: ['user-deactivated', 'user-deleted'] }, {
     *   onData: ({ data }) => data.changes.forEach(endSessions),
     * });
     */
    watch: connectionProcedure.input(watchInput).subscription(async function* ({
      ctx,
      input,
      signal,
    }): AsyncGenerator<TrackedEnvelope<WatchAnswer>> {
      const { lastEventId, after = undefined, withResources } = input;
      const request = WatchChangesRequest.fromPartial({
        connectionId: ctx.connection,
        after: lastEventId === undefined ? after : Number(lastEventId),
        filter: filterOf(input),
        withResources,
      });
      const ends = signal ? AbortSignal.any([signal, ctx.stopping]) : ctx.stopping;
      const call = { ...ctx.call, signal: ends, timeoutMs: Number.POSITIVE_INFINITY };
      try {
        for await (const part of directory.changes.watchChanges(request, call)) {
          await ctx.checkAccess();
          const answer: WatchAnswer = {
            changes: part.changes.map(changeAnswer),
            position: part.position,
            ...(part.ageMs !== undefined && { ageMs: part.ageMs }),
          };
          yield tracked(String(part.position), answer);
        }
        throw stopped();
      } catch (error) {
        throw toTrpcError(ctx.stopping.aborted ? stopped() : error);
      }
    }),

    /**
     * A page of everything in the connection. All pages, and then every change after their `position`, applied in order, are
     * the connection as it is, whatever was written meanwhile. Fails with PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED.
     *
     * @example
     * let page = await rollcall.changes.export.query({ connection });
     * for (;;) {
     *   await store(page.users, page.groups, page.members);
     *   if (page.nextPageToken === undefined) break;
     *   page = await rollcall.changes.export.query({ connection, pageToken: page.nextPageToken });
     * }
     * // and then changes.watch with `after: page.position` and `withResources: true`
     */
    export: connectionProcedure.input(exportInput).query(async ({ ctx, input }): Promise<ExportAnswer> => {
      const request = ExportRequest.fromPartial({
        connectionId: ctx.connection,
        pageSize: input.pageSize,
        pageToken: input.pageToken ?? '',
      });
      const answer: ExportAnswer = { position: 0, users: [], groups: [], members: [] };
      for await (const { part, identity } of directory.changes.export(request, ctx.call)) {
        switch (part?.$case) {
          case 'header':
            answer.position = part.value.position;
            if (part.value.nextPageToken !== '') answer.nextPageToken = part.value.nextPageToken;
            break;
          case 'mappingsInForce':
            answer.mappings = mappingsAnswer(part.value);
            break;
          case 'user':
            answer.users.push(userAnswer({ user: part.value, identity }, { withGroups: false }));
            break;
          case 'group':
            answer.groups.push(groupAnswer(part.value));
            break;
          case 'members': {
            const { groupId, chunk } = part.value;
            const members = (chunk?.members ?? []).map(({ value = '', type }) => ({
              id: value,
              kind: type === 'Group' ? ('Group' as const) : ('User' as const),
            }));
            answer.members.push({ group: groupId, members });
          }
        }
      }
      return answer;
    }),
  });
}

function filterOf({
  types = [],
  users = [],
}: {
  types?: ChangeName[] | undefined;
  users?: string[] | undefined;
}) {
  return { types: changeTypes(types), userIds: users };
}

/** Never a quiet end: a client would take that for the end of all changes. */
function stopped(): RpcError {
  return new RpcError(
    ErrorReason.FEED_STOPPED,
    'The service stops; connect again after the last position that you received.',
  );
}
