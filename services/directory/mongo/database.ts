import { setTimeout as delay } from 'node:timers/promises';
import {
  type Collection,
  type CommandStartedEvent,
  type CommandSucceededEvent,
  type Db,
  MongoClient,
  MongoServerError,
} from 'mongodb';
import type { Logger } from '#runtime/logger.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type {
  ChangeDocument,
  ConnectionDocument,
  ConsumerDocument,
  DeletedUserDocument,
  EdgeDocument,
  ExchangeDocument,
  HeadDocument,
  ResourceDocument,
  RoleMappingsDocument,
  ServiceTokenDocument,
} from './documents.ts';

/** The open database. */
export interface Database extends AsyncDisposable {
  /** The driver's client, for sessions and transactions. */
  readonly client: MongoClient;
  /** The database itself. */
  readonly db: Db;
  /** Customers' directories. */
  readonly connections: Collection<ConnectionDocument>;
  /** One document per connection that orders its writes. */
  readonly heads: Collection<HeadDocument>;
  /** Users that are gone for their identity providers; apart, so that no list and no filter has to leave them out. */
  readonly deletedUsers: Collection<DeletedUserDocument>;
  /** Memberships. */
  readonly memberships: Collection<EdgeDocument>;
  /** The change log. */
  readonly changes: Collection<ChangeDocument>;
  /** Who follows the change log, and how far. */
  readonly consumers: Collection<ConsumerDocument>;
  /** Every version of the role mappings. */
  readonly roleMappings: Collection<RoleMappingsDocument>;
  /** The sync log: what identity providers sent and what they were answered. */
  readonly exchanges: Collection<ExchangeDocument>;
  /** Tokens of internal services. */
  readonly serviceTokens: Collection<ServiceTokenDocument>;
  /** The collection of a resource type, named like its endpoint. */
  resources(type: ResourceType): Collection<ResourceDocument>;
  /** Whether the server has a command that writes several collections: MongoDB 8 and later. */
  readonly takesMixedWrites: boolean;
  /** Whether the server is SecantusDB, which lets a dead process's transaction stand for a minute unless told. */
  readonly isSecantusDb: boolean;
  /** The filter of an operation on one document: on a sharded cluster it names the shard key too. */
  point(key: string, connection: string): { _id: string; connection?: string };
  /** The filter of an operation on some documents of a connection, by their keys; like `point`. */
  points(keys: readonly string[], connection: string): { _id: { $in: string[] }; connection?: string };
}

/** A command that was sent to the database, or its answer. */
export type DatabaseCommandEvent = CommandStartedEvent | CommandSucceededEvent;

// Longer than the slowest honest call: a filter that scans a large connection.
const answerMs = 30_000;
const connectMs = 5_000;
// That of MongoDB 8.0.
const mixedWritesWireVersion = 25;

/**
 * Connects to MongoDB and waits until it answers.
 * @param uri a MongoDB connection string; its path names the database, `rollcall` when it has none.
 */
export async function openDatabase(
  uri: string,
  options: {
    readonly logger: Logger;
    /** Hears every command and every answer. */
    readonly onCommand?: ((event: DatabaseCommandEvent) => void) | undefined;
  },
): Promise<Database> {
  const client = new MongoClient(uri, {
    appName: 'rollcall-directory',
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
    serverSelectionTimeoutMS: connectMs,
    connectTimeoutMS: connectMs,
    waitQueueTimeoutMS: answerMs,
    socketTimeoutMS: answerMs,
    ignoreUndefined: true,
    monitorCommands: options.onCommand !== undefined,
  });
  if (options.onCommand)
    client.on('commandStarted', options.onCommand).on('commandSucceeded', options.onCommand);
  await client.connect();
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1];
  const db = client.db(name ?? 'rollcall');
  const hello = await db.admin().command({ hello: 1 });
  const sharded = hello.msg === 'isdbgrid';
  const isSecantusDb = hello.setName === 'secantus';
  options.logger.info({ database: db.databaseName, sharded, isSecantusDb }, 'database connected');
  const resourceCollections = new Map<string, Collection<ResourceDocument>>();
  return {
    client,
    db,
    connections: db.collection('connections'),
    heads: db.collection('heads'),
    deletedUsers: db.collection('deleted_users'),
    memberships: db.collection('memberships'),
    changes: db.collection('changes'),
    consumers: db.collection('consumers'),
    roleMappings: db.collection('role_mappings'),
    exchanges: db.collection('exchanges'),
    serviceTokens: db.collection('service_tokens'),
    resources(type) {
      const known = resourceCollections.get(type.endpoint);
      if (known) return known;
      const collection = db.collection<ResourceDocument>(type.endpoint.slice(1).toLowerCase());
      resourceCollections.set(type.endpoint, collection);
      return collection;
    },
    takesMixedWrites: hello.maxWireVersion >= mixedWritesWireVersion,
    isSecantusDb,
    // Without the shard key a cluster asks every shard; with it the embedded server scans.
    point: (key, connection) => (sharded ? { _id: key, connection } : { _id: key }),
    points: (keys, connection) => ({ _id: { $in: [...keys] }, ...(sharded && { connection }) }),
    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
}

/** A replica set to initiate, as `replSetInitiate` takes it. */
export interface ReplicaSetConfig {
  /** The set's name. */
  readonly _id: string;
  /** Its one member. */
  readonly members: readonly { readonly _id: number; readonly host: string }[];
}

const alreadyInitialized = 23;

/** Makes a server that was just started a replica set of one, which transactions need, and waits until it takes writes. */
export async function initiateReplicaSet(uri: string, config: ReplicaSetConfig): Promise<void> {
  await using client = new MongoClient(uri, { directConnection: true });
  const admin = client.db('admin');
  try {
    await admin.command({ replSetInitiate: config });
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === alreadyInitialized)) throw error;
  }
  while (!(await admin.command({ hello: 1 })).isWritablePrimary) await delay(50);
}
