import { readFile } from 'node:fs/promises';
import type { Registry } from 'prom-client';
import { ChangeServiceService } from '#proto/rollcall/directory/v1/change_service.ts';
import { ConnectionServiceService } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ExchangeServiceService } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { GroupServiceService } from '#proto/rollcall/directory/v1/group_service.ts';
import { MembershipServiceService } from '#proto/rollcall/directory/v1/membership_service.ts';
import { RoleServiceService } from '#proto/rollcall/directory/v1/role_service.ts';
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
import { createConsumerMetrics } from './consumer-metrics.ts';
import { createConsumers } from './consumers.ts';
import { createDeriveWritten } from './derive-written.ts';
import { createDerivedReads } from './derived-values.ts';
import { createExchanges } from './exchanges.ts';
import { createExport } from './export.ts';
import { createFeed } from './feed.ts';
import { createIdentityReaders } from './identity.ts';
import { createLookUpResources } from './look-up-resources.ts';
import { createMappingPreview } from './mapping-preview.ts';
import { createMembershipReads } from './memberships.ts';
import { createCommitter } from './mongo/committer.ts';
import { createConnectionTypes } from './mongo/connection-types.ts';
import { readConsumerLags } from './mongo/consumer-lags.ts';
import { type DatabaseCommandEvent, initiateReplicaSet, openDatabase } from './mongo/database.ts';
import { createDrain } from './mongo/drain.ts';
import { createHeadWatch } from './mongo/head-watch.ts';
import { createHeads } from './mongo/heads.ts';
import { createIndexes } from './mongo/indexes.ts';
import { createPageTokens } from './mongo/page-token.ts';
import { createPurge } from './mongo/purge.ts';
import { createRefold } from './mongo/refold.ts';
import { startRetention } from './mongo/retention.ts';
import { createResourceReads } from './read-resources.ts';
import { createMappingsCompiler } from './roles/compiled-mappings.ts';
import { createHolderWatch } from './roles/holder-watch.ts';
import { createRoleLoader } from './roles/role-loader.ts';
import { createRoleReads } from './roles/role-reads.ts';
import { createValidityWatch } from './roles/validity-watch.ts';
import { createWalk } from './roles/walk-mapped-users.ts';
import { changeService } from './rpc/change-service.ts';
import { connectionService } from './rpc/connection-service.ts';
import { toRpcError } from './rpc/error-status.ts';
import { exchangeService } from './rpc/exchange-service.ts';
import { groupService } from './rpc/group-service.ts';
import { membershipService } from './rpc/membership-service.ts';
import { createListResources } from './rpc/resource-lists.ts';
import { createResourceService } from './rpc/resource-service.ts';
import { roleService } from './rpc/role-service.ts';
import { searchService } from './rpc/search-service.ts';
import { userService } from './rpc/user-service.ts';
import { createServiceTokens } from './service-tokens.ts';
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

  const types = createConnectionTypes(database, registry);
  const turns = createTurns(maxReads);
  const headWatch = stack.use(createHeadWatch(database));
  const heads = createHeads(database, turns, headWatch);
  const committer = stack.use(
    createCommitter({
      database,
      types,
      onCommit(connection, position, head) {
        heads.committed(head);
        headWatch.committed(connection, position);
        validityWatch.committed(head);
        holderWatch.committed(head);
      },
      logger,
      metrics,
    }),
  );
  const drain = stack.use(createDrain(database, committer, logger));
  const refold = stack.use(createRefold(database, committer, types, logger));
  const purge = stack.use(createPurge(database, registry, logger));
  const pageTokens = createPageTokens(secretKeys, clock);
  const derivedReads = createDerivedReads(database, types);
  const deriveWritten = createDeriveWritten(derivedReads);
  const reads = createResourceReads(database, types, heads, derivedReads);
  const identityReaderOf = createIdentityReaders();
  const lookUpSources = {
    lookUpResources: createLookUpResources(database, types, heads, derivedReads),
    identityReaderOf,
  };
  const loader = createRoleLoader(database, types, createMappingsCompiler(logger));
  const walk = createWalk(database, loader);
  const roles = createRoleReads(database, heads, loader, walk, clock);
  const validityWatch = createValidityWatch({ database, committer, loader, clock, logger });
  const holderWatch = createHolderWatch({ database, heads, committer, loader, reads: roles, clock, logger });
  const memberships = createMembershipReads(database, registry, heads, turns);
  const listResources = createListResources(reads, pageTokens, createWalkPlaces());
  const typeNamed = (name: string) => {
    const type = registry.resourceType(name);
    if (!type) throw new TypeError(`no resource type ${name}`);
    return type;
  };
  const serviceOf = (name: string) =>
    createResourceService(typeNamed(name), { committer, reads, deriveWritten, drain, listResources, clock });
  const users = serviceOf('User');
  const groups = serviceOf('Group');
  const connections = createConnections(database, types, committer, purge, refold, clock);
  const previewMapping = createMappingPreview(typeNamed('User'), reads);
  const exchanges = createExchanges(database, clock);
  const feed = createFeed({ database, heads, headWatch, turns });
  const readExport = createExport(database, types, heads, turns);
  const recordAcknowledgement = createConsumerMetrics(metrics, () => readConsumerLags(database, clock()));
  const consumers = createConsumers(database, heads, recordAcknowledgement, clock);
  const credentials = {
    tokens: createTokens(database, typeNamed('User'), clock),
    clients: createClients(database, clock),
    trustedIssuers: createTrustedIssuers(database),
    serviceTokens: createServiceTokens(database, clock),
  };

  // Before anybody is served: what is folded by other built-in definitions would be found wrong or not at all.
  await refold.resume();

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
        bindService(rpc, UserServiceService, userService(users, identityReaderOf), options);
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
          connectionService({ connections, previewMapping, ...credentials }, heads, registry, clock),
          options,
        );
        bindService(
          rpc,
          SearchServiceService,
          searchService(registry, listResources, lookUpSources, memberships),
          options,
        );
        bindService(
          rpc,
          ChangeServiceService,
          changeService({ feed, readExport, pageTokens, consumers, database, types, heads }),
          options,
        );
        const roleOptions = { database, heads, committer, loader, reads: roles, walk, pageTokens, clock };
        bindService(rpc, RoleServiceService, roleService(roleOptions), options);
        bindService(rpc, ExchangeServiceService, exchangeService(exchanges, pageTokens), options);
      },
    }),
  );
  // To be disposed before the server, which waits for the calls in flight: a watch ends only when it is told to.
  stack.use(exchanges);
  stack.use(feed);
  const keepMs = config.ROLLCALL_CHANGE_RETENTION * 24 * 60 * 60_000;
  stack.use(startRetention({ database, committer, keepMs, clock, logger }));
  stack.use(validityWatch).start();
  await stack.use(holderWatch).start();
  await drain.resume();
  await purge.resume();
  logger.info({ address: server.address }, 'directory started');
  const running = stack.move();
  return { address: server.address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
