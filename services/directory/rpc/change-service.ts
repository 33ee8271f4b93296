import {
  type Change,
  type ChangeServiceService,
  ListChangesResponse,
} from '#proto/rollcall/directory/v1/change_service.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import { readChanges } from '../changes.ts';
import type { ChangeContent } from '../decision.ts';
import type { Database } from '../mongo/database.ts';
import type { Heads } from '../mongo/heads.ts';
import { checkConnection, defaultPageSize, maxPageSize, requestInvalid } from './request-checks.ts';

// A record can name 1,000 members; so many of them stay well below what one message may hold.
const recordsPerMessage = 50;

/** Serves ChangeService. */
export function changeService(
  database: Database,
  heads: Heads,
): ServiceHandlers<typeof ChangeServiceService> {
  return {
    async *listChanges({ connectionId, after, pageSize }) {
      if (after < 0) throw requestInvalid('after', 'must not be negative');
      if (pageSize < 0 || pageSize > maxPageSize)
        throw requestInvalid('page_size', `must be 0 to ${maxPageSize}`);
      const limit = pageSize || defaultPageSize;
      const records = await readChanges(database, heads, checkConnection(connectionId), after, limit);
      for (let start = 0; start < records.length; start += recordsPerMessage) {
        yield ListChangesResponse.fromPartial({
          changes: records.slice(start, start + recordsPerMessage).map(
            ({ position, time, requestId, content }): Change => ({
              position,
              time,
              requestId,
              what: whatOf(content),
            }),
          ),
        });
      }
    },
  };
}

function whatOf(content: ChangeContent): Change['what'] {
  const version = String(content.version);
  if (content.kind === 'membership') {
    const { group, added, removed } = content;
    return {
      $case: 'membership',
      value: { groupId: group, added: [...added], removed: [...removed], version },
    };
  }
  const { resourceType, id, action, active, attributes } = content;
  return {
    $case: 'resource',
    value: { resourceType, id, action, version, active, attributes: [...attributes] },
  };
}
