import {
  AcknowledgeResponse,
  type ChangeServiceService,
  type Consumer,
  DeleteConsumerResponse,
  ListChangesResponse,
  ListConsumersResponse,
  type ChangeFilter as MessageFilter,
  RegisterConsumerResponse,
  WatchChangesResponse,
} from '#proto/rollcall/directory/v1/change_service.ts';
import type { ServiceHandlers } from '#rpc/rpc-handlers.ts';
import { type ChangeFilter, passes } from '../affected.ts';
import type { ConsumerState, Consumers } from '../consumers.ts';
import { readCurrentSubjects } from '../current-subjects.ts';
import type { ReadExport } from '../export.ts';
import type { Feed } from '../feed.ts';
import type { ConnectionTypes } from '../mongo/connection-types.ts';
import type { Database } from '../mongo/database.ts';
import { type ChangeDocument, isConsumerName } from '../mongo/documents.ts';
import type { Heads } from '../mongo/heads.ts';
import type { PageTokens } from '../mongo/page-token.ts';
import { changeMessage } from './change-message.ts';
import { exportPage } from './export-page.ts';
import {
  checkConnection,
  defaultPageSize,
  maxPageSize,
  readFreshness,
  readLimits,
  requestInvalid,
} from './request-checks.ts';
import { createSubjectParts } from './subject-part.ts';

/** What ChangeService is served from. */
export interface ChangeSources {
  /** The log. */
  readonly feed: Feed;
  /** Everything, page by page. */
  readonly readExport: ReadExport;
  /** Seals the places of exports. */
  readonly pageTokens: PageTokens;
  /** Who follows the log. */
  readonly consumers: Consumers;
  /** Where resources are read from. */
  readonly database: Database;
  /** The resource types of connections. */
  readonly types: ConnectionTypes;
  /** The positions of connections. */
  readonly heads: Heads;
}

// A record can name 1,000 members, twice, and a resource has up to 256 KiB: both stay well below what one message may hold.
const recordsPerMessage = 50;
const resourcesPerMessage = 15;
const maxFilterUsers = 1_000;

/** Serves ChangeService. */
export function changeService({
  feed,
  readExport,
  pageTokens,
  consumers,
  database,
  types,
  heads,
}: ChangeSources): ServiceHandlers<typeof ChangeServiceService> {
  /** Cuts records into messages; each says up to which position it goes. */
  async function* messages(
    connection: string,
    records: readonly ChangeDocument[],
    filter: ChangeFilter,
    withResources: boolean,
  ) {
    const size = withResources ? resourcesPerMessage : recordsPerMessage;
    for (let start = 0; start < records.length; start += size) {
      const part = records.slice(start, start + size);
      const wanted = part.filter(({ content }) => passes(filter, content));
      const partOf = withResources ? await readParts(connection, wanted) : () => undefined;
      yield {
        changes: wanted.map((record) => changeMessage(record, partOf(record))),
        position: part.at(-1)?.position ?? 0,
      };
    }
  }

  /** Reads what changes are about as it is now. */
  async function readParts(connection: string, records: readonly ChangeDocument[]) {
    const head = await heads.read(connection);
    const current = await readCurrentSubjects(database, await types.of(head), head, records);
    const partOf = createSubjectParts(head);
    return (record: ChangeDocument) => {
      const subject = current.get(record);
      return subject && partOf(subject);
    };
  }

  return {
    async *listChanges({ connectionId, after, pageSize, filter, withResources, freshness }, call) {
      const connection = checkConnection(connectionId);
      checkPosition('after', after);
      checkPageSize(pageSize);
      const wanted = filterOf(filter);
      const { records, asOf } = await feed.page(
        connection,
        after,
        pageSize || defaultPageSize,
        readFreshness(freshness),
        readLimits(call),
      );
      if (records.length === 0) yield ListChangesResponse.fromPartial({ position: after, asOf });
      for await (const message of messages(connection, records, wanted, withResources))
        yield ListChangesResponse.fromPartial({ ...message, asOf });
    },
    async *watchChanges({ connectionId, after, filter, withResources }, call) {
      const connection = checkConnection(connectionId);
      if (after !== undefined) checkPosition('after', after);
      const wanted = filterOf(filter);
      for await (const { records, position, age } of feed.watch(connection, after, readLimits(call))) {
        const ageMs = age === undefined ? {} : { ageMs: Math.ceil(age) };
        if (records.length === 0) yield WatchChangesResponse.fromPartial({ position, ...ageMs });
        for await (const message of messages(connection, records, wanted, withResources)) {
          const isLast = message.position === position;
          yield WatchChangesResponse.fromPartial({ ...message, ...(isLast && ageMs) });
        }
      }
    },
    async *export({ connectionId, pageSize, pageToken }, { signal }) {
      const connection = checkConnection(connectionId);
      checkPageSize(pageSize);
      yield* exportPage(
        readExport,
        pageTokens,
        { connection, limit: pageSize || maxPageSize, pageToken },
        signal,
      );
    },
    async registerConsumer({ connectionId, name, after }, call) {
      const connection = checkConnection(connectionId);
      if (!isConsumerName(name)) throw requestInvalid('name', 'must have 1 to 64 characters a-z, 0-9 and -');
      if (after !== undefined) checkPosition('after', after);
      const state = await consumers.register(connection, name, after, readLimits(call));
      return RegisterConsumerResponse.fromPartial({ consumer: consumerMessage(state) });
    },
    async acknowledge({ connectionId, name, position }, call) {
      const connection = checkConnection(connectionId);
      checkPosition('position', position);
      const acknowledged = await consumers.acknowledge(connection, name, position, readLimits(call));
      return AcknowledgeResponse.fromPartial({ position: acknowledged });
    },
    async listConsumers({ connectionId }) {
      const found = await consumers.list(checkConnection(connectionId));
      return ListConsumersResponse.fromPartial({ consumers: found.map(consumerMessage) });
    },
    async deleteConsumer({ connectionId, name }) {
      await consumers.remove(checkConnection(connectionId), name);
      return DeleteConsumerResponse.fromPartial({});
    },
  };
}

function filterOf(filter: MessageFilter | undefined): ChangeFilter {
  const { types = [], userIds = [] } = filter ?? {};
  if (userIds.length > maxFilterUsers)
    throw requestInvalid('filter.user_ids', `must be at most ${maxFilterUsers}`);
  return { types: new Set(types), users: new Set(userIds) };
}

function checkPosition(field: string, position: number): void {
  if (position < 0) throw requestInvalid(field, 'must not be negative');
}

function checkPageSize(size: number): void {
  if (size < 0 || size > maxPageSize) throw requestInvalid('page_size', `must be 0 to ${maxPageSize}`);
}

function consumerMessage({ consumer, lag, laggingSince }: ConsumerState): Consumer {
  const { name, position, registered, acknowledged } = consumer;
  return { name, position, registered, acknowledged, lag, laggingSince };
}
