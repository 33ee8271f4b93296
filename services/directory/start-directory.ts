import { readFile } from 'node:fs/promises';
import type { Registry } from 'prom-client';
import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ExchangeServiceService } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { SearchServiceService } from '#proto/rollcall/directory/v1/search_service.ts';
import { UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { createCallerCheck } from '#rpc/caller.ts';
import { bindService, type ServiceOptions } from '#rpc/rpc-handlers.ts';
import { startRpcServer } from '#rpc/rpc-server.ts';
import { serverCredentials } from '#rpc/tls.ts';
import type { OpenDatabase } from '#runtime/embedded-mongodb.ts';
import type { Logger } from '#runtime/logger.ts';
import type { SecretKeys } from '#runtime/secret-keys.ts';
import { createTurns } from '#runtime/turns.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { createClients } from './clients.ts';
import type { DirectoryConfig } from './config.ts';
import { createConnections } from './connections.ts';
import { createExchanges } from './exchanges.ts';
import { createMembershipReads } from './memberships.ts';
import { createCommitter } from './mongo/committer.ts';
import { type DatabaseCommandEvent, initiateReplicaSet, openDatabase } from './mongo/database.ts';
import { createDrain } from './mongo/drain.ts';
import { createHeads } from './mongo/heads.ts';
import { createIndexes } from './mongo/indexes.ts';
import { createPageTokens } from './mongo/page-token.ts';
import { createPurge } from './mongo/purge.ts';
import { createResourceReads } from './read-resources.ts';
import { changeService } from './rpc/change-service.ts';
import { connectionService } from './rpc/connection-service.ts';
import { toRpcError } from './rpc/error-status.ts';
import { exchangeService } from './rpc/exchange-service.ts';
import { groupService } from './rpc/group-service.ts';
import { membershipService } from './rpc/membership-service.ts';
import { createListResources } from './rpc/resource-lists.ts';
import { createResourceService } from './rpc/resource-service.ts';
import { searchService } from './rpc/search-service.ts';
import { userService } from './rpc/user-service.ts';
import { createTokens } from './tokens.ts';
import { createTrustedIssuers } from './trusted-issuers.ts';
import { createWalkPlaces } from './walk-places.ts';

/** What a directory stands on. */
export interface DirectoryResources {
  /** The database to use; its URI's path names the database, `rollcall` when it has none. */
  readonly database: Pick<OpenDatabase, 'uri' | 'replicaSet'>;
  /** From which credentials and page tokens are made. */
  readonly secretKeys: SecretKeys;
  /** Gets what it does. */
  readonly logger: Logger;
  /** Gets its counters; none are kept when absent. */
  readonly metrics?: Registry | undefined;
  /** Hears every command that is sent to the database, and every answer. */
  readonly onCommand?: ((event: DatabaseCommandEvent) => void) | undefined;
  /** Gives the time, in milliseconds since 1970; the machine's when absent. */
  readonly clock?: (() => number) | undefined;
}

/** A running directory. Disposing it finishes the calls in flight, then closes the database. */
export interface RunningDirectory extends AsyncDisposable {
  /** `host:port` of the gRPC server. */
  readonly address: string;
}

// A read asks for two things at once at most: with a transaction of each of 16 connections that is less than the hundred
// sockets of the driver, where who waits would wait behind everybody.
const maxReads = 32;

const descriptors = new URL('../../proto/gen/rollcall.binpb', import.meta.url);

/** Starts the directory: database, indexes, what earlier processes left to do, then the gRPC server. */
export async function startDirectory(
  config: DirectoryConfig,
  { database: opened, secretKeys, logger, metrics, onCommand, clock = Date.now }: DirectoryResources,
): Promise<RunningDirectory> {
  await using stack = new AsyncDisposableStack();
  const registry = createSchemaRegistry();
  if (opened.replicaSet) await initiateReplicaSet(opened.uri, opened.replicaSet);
  const database = stack.use(await openDatabase(opened.uri, { logger, onCommand }));
  // What a process that was killed left open would block its connection for a minute.
  if (database.isSecantusDb) await database.db.admin().command({ killAllSessions: [] });
  await createIndexes(database, registry);

  const turns = createTurns(maxReads);
  const heads = stack.use(createHeads(database, turns));
  const committer = stack.use(
    createCommitter({
      database,
      registry,
      onCommit: heads.committed,
      logger,
      metrics,
    }),
  );
  const drain = stack.use(createDrain(database, committer, logger));
  const purge = stack.use(createPurge(database, registry, logger));
  const pageTokens = createPageTokens(secretKeys, clock);
  const reads = createResourceReads(database, registry, heads);
  const memberships = createMembershipReads(database, registry, heads, turns);
  const listResources = createListResources(reads, pageTokens, createWalkPlaces());
  const typeNamed = (name: string) => {
    const type = registry.resourceType(name);
    if (!type) throw new TypeError(`no resource type ${name}`);
    return type;
  };
  const serviceOf = (name: string) =>
    createResourceService(typeNamed(name), { committer, reads, drain, listResources, clock });
  const users = serviceOf('User');
  const groups = serviceOf('Group');
  const connections = createConnections(database, committer, purge, clock);
  const exchanges = createExchanges(database, clock);
  const credentials = {
    tokens: createTokens(database, typeNamed('User'), clock),
    clients: createClients(database, clock),
    trustedIssuers: createTrustedIssuers(database),
  };

  const options: ServiceOptions = { authorize: createCallerCheck(secretKeys), toRpcError, logger };
  const server = stack.use(
    await startRpcServer({
      host: config.ROLLCALL_DIRECTORY_HOST,
      port: config.ROLLCALL_DIRECTORY_PORT,
      credentials: await serverCredentials(config.ROLLCALL_DIRECTORY_HOST, {
        cert: config.ROLLCALL_TLS_CERT,
        key: config.ROLLCALL_TLS_KEY,
        clientCa: config.ROLLCALL_TLS_CLIENT_CA,
      }),
      descriptors: await readFile(descriptors),
      logger,
      bind(rpc) {
        bindService(rpc, UserServiceService, userService(users), options);
        bindService(rpc, GroupServiceService, groupService(groups, memberships, heads), options);
        bindService(
          rpc,
          MembershipServiceService,
          membershipService(memberships, groups, pageTokens),
          options,
        );
        bindService(
          rpc,
          ConnectionServiceService,
          connectionService({ connections, ...credentials }, heads, registry, clock),
          options,
        );
        bindService(rpc, SearchServiceService, searchService(registry, listResources, memberships), options);
        bindService(rpc, ChangeServiceService, changeService(database, heads), options);
        bindService(rpc, ExchangeServiceService, exchangeService(exchanges, pageTokens), options);
      },
    }),
  );
  // To be disposed before the server, which waits for the calls in flight: a watch ends only when it is told to.
  stack.use(exchanges);
  await drain.resume();
  await purge.resume();
  logger.info({ address: server.address }, 'directory started');
  const running = stack.move();
  return { address: server.address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
