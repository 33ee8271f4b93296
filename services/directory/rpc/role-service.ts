import {
  GetRoleMappingsResponse,
  ListRoleMappingsVersionsResponse,
  PreviewRoleMappingsResponse,
  type RoleServiceService,
  RollBackRoleMappingsResponse,
  SetRoleMappingsResponse,
} from '#proto/rollcall/directory/v1/role_service.ts';
import type { CallContext, ServiceHandlers } from '#rpc/rpc-handlers.ts';
import type { Committer } from '../mongo/commit-queues.ts';
import type { Database } from '../mongo/database.ts';
import type { Heads } from '../mongo/heads.ts';
import type { PageTokens } from '../mongo/page-token.ts';
import { readRoleMappingsSummaries } from '../mongo/role-mappings-store.ts';
import { checkRoleMappings } from '../roles/check-role-mappings.ts';
import { previewRoleMappings } from '../roles/preview-role-mappings.ts';
import type { RoleLoader } from '../roles/role-loader.ts';
import {
  type EditContext,
  type EditReply,
  editRoleMappings,
  mappingsOf,
  versionInForce,
  versionNotFound,
} from '../roles/role-mappings-edits.ts';
import type { RoleReads } from '../roles/role-reads.ts';
import type { WalkMappedUsers } from '../roles/walk-mapped-users.ts';
import {
  boundedText,
  checkConnection,
  defaultPageSize,
  maxPageSize,
  readLimits,
  requestInvalid,
  required,
  writeContext,
} from './request-checks.ts';
import { summaryMessage, versionMessage } from './role-messages.ts';
import { roleQuestions } from './role-questions.ts';

const longestAuthor = 200;
const maxNamedUsers = 100_000;

/** What RoleService stands on. */
export interface RoleServiceOptions {
  /** Where versions are stored. */
  readonly database: Database;
  /** Reads that agree with a position. */
  readonly heads: Heads;
  /** Commits edits. */
  readonly committer: Committer;
  /** Reads mappings and what they name. */
  readonly loader: RoleLoader;
  /** Answers who has which role. */
  readonly reads: RoleReads;
  /** Meets the users that mappings are about. */
  readonly walk: WalkMappedUsers;
  /** Seals page tokens. */
  readonly pageTokens: PageTokens;
  /** Gives the time, in milliseconds since 1970. */
  readonly clock: () => number;
}

/** Serves RoleService. */
export function roleService(options: RoleServiceOptions): ServiceHandlers<typeof RoleServiceService> {
  const { database, heads, committer, loader, reads, pageTokens, clock } = options;

  function edit(
    request: Parameters<typeof editContext>[0],
    call: CallContext,
    proposal: Parameters<typeof editRoleMappings>[2],
  ): Promise<EditReply> {
    return committer.submit(
      editRoleMappings({ loader, reads }, editContext(request, call, clock()), proposal),
    );
  }

  return {
    ...roleQuestions(reads, pageTokens),
    async getRoleMappings({ connectionId, version }, call) {
      const connection = checkConnection(connectionId);
      const { asOf, result } = await heads.consistent(
        connection,
        {},
        readLimits(call),
        async (head, session) => {
          if (version === undefined) return versionInForce(loader, head, session);
          const found = await loader.version(head, checkVersion(version), session);
          if (!found) throw versionNotFound(version);
          return found;
        },
      );
      return GetRoleMappingsResponse.fromPartial({
        asOf,
        version: versionMessage(result),
        mappings: result.mappings,
      });
    },
    async setRoleMappings(request, call) {
      const reply = await edit(request, call, { mappings: required(request.mappings, 'mappings') });
      return SetRoleMappingsResponse.fromPartial({ ...reply, version: versionMessage(reply.version) });
    },
    async rollBackRoleMappings(request, call) {
      const reply = await edit(request, call, { version: checkVersion(request.version) });
      return RollBackRoleMappingsResponse.fromPartial({ ...reply, version: versionMessage(reply.version) });
    },
    async listRoleMappingsVersions({ connectionId, before, pageSize }) {
      if (before < 0) throw requestInvalid('before', 'must not be negative');
      if (pageSize < 0 || pageSize > maxPageSize)
        throw requestInvalid('page_size', `must be 0 to ${maxPageSize}`);
      const connection = checkConnection(connectionId);
      const newest = (await heads.read(connection)).roleMappings?.version ?? 0;
      const last = before === 0 ? newest : Math.min(newest, before - 1);
      const versions = await readRoleMappingsSummaries(
        database,
        connection,
        last,
        pageSize || defaultPageSize,
      );
      return ListRoleMappingsVersionsResponse.fromPartial({ versions: versions.map(versionMessage) });
    },
    async *previewRoleMappings({ connectionId, proposal, maxUsers }, call) {
      const connection = checkConnection(connectionId);
      const { $case, value } = required(proposal, 'proposal');
      if (maxUsers < 0 || maxUsers > maxNamedUsers)
        throw requestInvalid('max_users', `must be 0 to ${maxNamedUsers}`);
      const head = await heads.read(connection);
      const mappings =
        $case === 'mappings' ? value : await mappingsOf(loader, head, checkVersion(value), undefined);
      const proposed = await checkRoleMappings(await loader.userType(head, undefined), head, mappings);
      let named = 0;
      for await (const part of previewRoleMappings(options, connection, proposed, readLimits(call))) {
        if ('totals' in part) {
          yield PreviewRoleMappingsResponse.fromPartial({ summary: summaryMessage(part.totals) });
          return;
        }
        const users = part.users.slice(0, maxUsers - named);
        named += users.length;
        if (users.length > 0) {
          yield PreviewRoleMappingsResponse.fromPartial({
            users: users.map(({ id, userName, gained, lost }) => ({
              userId: id,
              userName,
              gained: [...gained],
              lost: [...lost],
            })),
          });
        }
      }
    },
  };
}

function editContext(
  request: {
    readonly connectionId: string;
    readonly author: string;
    readonly force: boolean;
    readonly expectedVersion?: number | undefined;
    readonly validateOnly: boolean;
    readonly requestId: string;
  },
  call: CallContext,
  now: number,
): EditContext {
  const { author, force, expectedVersion, ...write } = request;
  return {
    ...writeContext(write, call, now),
    author: boundedText(author, 'author', 0, longestAuthor),
    force,
    expectedVersion,
  };
}

/** A version that there may be. REQUEST_INVALID. */
function checkVersion(version: number): number {
  if (Number.isSafeInteger(version) && version >= 0) return version;
  throw requestInvalid('version', 'must be a whole number, not negative');
}
