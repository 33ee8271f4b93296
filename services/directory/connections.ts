import { isDeepStrictEqual } from 'node:util';
import { ConnectionStatus, type Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import { extensionField } from '#scim/declared-extensions.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { defaultAttributeMapping } from './attribute-mapping.ts';
import type {
  Command,
  ConnectionChangeContent,
  ConnectionDetails,
  ConnectionUpdate,
  IdPair,
  WriteSettings,
} from './decision.ts';
import { connectionNotFound } from './errors.ts';
import { type DeclaredSet, withExtension, withoutExtension } from './extensions.ts';
import { findConnection, findLiveConnection } from './find-connection.ts';
import type { Committer } from './mongo/commit-queues.ts';
import { type ConnectionTypes, extensionsRevision, typeIn } from './mongo/connection-types.ts';
import type { Database } from './mongo/database.ts';
import type { ConnectionDocument, HeadDocument } from './mongo/documents.ts';
import type { Purge } from './mongo/purge.ts';
import type { Refold } from './mongo/refold.ts';
import { writeSettingsOf } from './mongo/settings.ts';
import { checkNamingSettings, readNamingSettings } from './naming-settings.ts';
import { definitionsChanging } from './refolding.ts';
import { newConnectionId } from './secrets.ts';
import { newToken, type TokenInput } from './tokens.ts';
import { valuesShared } from './uniqueness.ts';
import { operatorCommand } from './write-command.ts';

/** A connection with its counts. */
export interface ConnectionWithHead {
  /** The connection. */
  readonly connection: ConnectionDocument;
  /** Its counts and position; absent while it is being deleted. */
  readonly head: HeadDocument | undefined;
}

/** What operators do with connections. */
export interface Connections {
  /** Creates a connection with one token. */
  create(input: ConnectionDetails & WriteSettings): Promise<ConnectionWithHead & { token: string }>;
  /** Changes what is given. CONNECTION_NOT_FOUND, also for one that is being deleted; UNIQUENESS. */
  update(id: string, update: ConnectionUpdate): Promise<ConnectionWithHead>;
  /**
   * Declares an extension, or changes one. CONNECTION_NOT_FOUND, REQUEST_INVALID, LIMIT_EXCEEDED, DEFINITIONS_CHANGING,
   * UNIQUENESS.
   */
  declareExtension(id: string, extension: Extension): Promise<ConnectionWithHead>;
  /** Takes an extension back. CONNECTION_NOT_FOUND, EXTENSION_NOT_FOUND, REQUEST_INVALID, DEFINITIONS_CHANGING. */
  removeExtension(id: string, urn: string): Promise<ConnectionWithHead>;
  /** The resource types of a connection that is not being deleted. CONNECTION_NOT_FOUND. */
  registryOf(id: string): Promise<SchemaRegistry>;
  /** Reads one. CONNECTION_NOT_FOUND. */
  get(id: string): Promise<ConnectionWithHead>;
  /** Reads all, oldest first. */
  list(): AsyncIterable<ConnectionWithHead>;
  /** Pauses or resumes one. CONNECTION_NOT_FOUND, also for one that is being deleted. */
  setStatus(
    id: string,
    status: 'CONNECTION_STATUS_ACTIVE' | 'CONNECTION_STATUS_PAUSED',
  ): Promise<ConnectionWithHead>;
  /** Refuses a connection's requests at once and removes what it holds in the background. CONNECTION_NOT_FOUND. */
  remove(id: string): Promise<void>;
}

const firstToken: TokenInput = { label: 'first token', expires: undefined, readOnly: false, userId: '' };

function statusCommand(connection: string, status: ConnectionStatus, now: number): Command<void> {
  return operatorCommand(connection, now, {
    async load() {},
    decide: () => ({ status, reply: () => undefined }),
  });
}

function connectionChanged(setting: string): ConnectionChangeContent {
  return { kind: 'connection', settings: [setting] };
}

function updateCommand(connection: string, update: ConnectionUpdate, now: number): Command<void> {
  let shared: readonly IdPair[] = [];
  return operatorCommand(connection, now, {
    async load({ settings, resourcesOfOneValue }) {
      const begins = update.uniqueGroupNames === true && !settings.uniqueGroupNames;
      const groups = typeIn(settings.registry, { name: 'Group' });
      shared = begins ? await resourcesOfOneValue(groups, ['displayName']) : [];
    },
    decide({ settings }) {
      if (shared.length > 0) throw valuesShared('Group', 'displayName', shared);
      const { attributeMapping = defaultAttributeMapping } = settings;
      const isMapped =
        update.attributeMapping && !isDeepStrictEqual(update.attributeMapping, attributeMapping);
      const changes = isMapped ? [connectionChanged('attribute_mapping')] : [];
      return { update, changes, reply: () => undefined };
    },
  });
}

/** Declares a set of extensions, unless another one than was read is declared meanwhile: then it answers false. */
function extensionsCommand(
  database: Database,
  connection: string,
  readRevision: string,
  before: readonly Extension[],
  { extensions, refolding, newlyUnique }: DeclaredSet,
  now: number,
): Command<boolean> {
  const revision = extensionsRevision(extensions);
  return operatorCommand(connection, now, {
    async load({ settings, resourcesOfOneValue, query }) {
      // What is declared already, as by a caller that did not hear the answer, is no change to wait for.
      if (settings.extensionsRevision !== readRevision || revision === readRevision) return;
      if (settings.refolding.length > 0) throw definitionsChanging('');
      const naming = await query((head, session) => readNamingSettings(database, head, session));
      checkNamingSettings(naming, before, extensions);
      for (const { resourceType, urn, attribute } of newlyUnique) {
        const type = typeIn(settings.registry, { name: resourceType });
        const shared = await resourcesOfOneValue(type, [extensionField(urn), attribute]);
        if (shared.length > 0) throw valuesShared(resourceType, `${urn}:${attribute}`, shared);
      }
    },
    decide({ settings }) {
      if (settings.extensionsRevision !== readRevision) return { reply: () => false };
      if (revision === readRevision) return { reply: () => true };
      const update = { extensions, extensionsRevision: revision, refolding };
      return { update, changes: [connectionChanged('extensions')], reply: () => true };
    },
  });
}

/** Makes the operations on connections. */
export function createConnections(
  database: Database,
  types: ConnectionTypes,
  committer: Committer,
  purge: Purge,
  refold: Refold,
  clock: () => number,
): Connections {
  async function withHead(connection: ConnectionDocument): Promise<ConnectionWithHead> {
    const head = await database.heads.findOne(database.point(connection._id, connection._id));
    return { connection, head: head ?? undefined };
  }

  async function changeExtensions(
    id: string,
    change: (before: readonly Extension[]) => DeclaredSet,
  ): Promise<ConnectionWithHead> {
    for (;;) {
      const connection = await findLiveConnection(database, id);
      const { extensions = [], extensionsRevision: revision = '' } = connection;
      const command = extensionsCommand(database, id, revision, extensions, change(extensions), clock());
      const isDone = await committer.submit(command);
      if (isDone) break;
    }
    refold.start(id);
    return withHead(await findLiveConnection(database, id));
  }

  return {
    async create(input) {
      const id = newConnectionId();
      const settings = writeSettingsOf(input);
      const { token, secret } = newToken(firstToken, clock());
      const head: HeadDocument = {
        _id: id,
        connection: id,
        position: 0,
        floor: 1,
        users: 0,
        groups: 0,
        nextUser: 1,
        nextGroup: 1,
        draining: [],
        status: ConnectionStatus.ACTIVE,
        folded: { builtIn: types.builtInFingerprint, extensions: '' },
        settings,
      };
      const connection: ConnectionDocument = {
        _id: id,
        connection: id,
        ...input,
        ...settings,
        status: ConnectionStatus.ACTIVE,
        created: new Date(clock()),
        tokens: { [token.id]: token },
        lastUsed: {},
      };
      // The head first: a connection without one would be there and serve nothing.
      await database.heads.insertOne(head);
      await database.connections.insertOne(connection);
      return { connection, head, token: secret };
    },
    async update(id, update) {
      await findLiveConnection(database, id);
      await committer.submit(updateCommand(id, update, clock()));
      return withHead(await findLiveConnection(database, id));
    },
    declareExtension: (id, extension) => changeExtensions(id, (before) => withExtension(before, extension)),
    removeExtension: (id, urn) => changeExtensions(id, (before) => withoutExtension(before, urn)),
    async registryOf(id) {
      const { head } = await withHead(await findLiveConnection(database, id));
      return head ? types.of(head) : types.builtIn;
    },
    get: async (id) => withHead(await findConnection(database, id)),
    async *list() {
      const connections = await database.connections.find().toArray();
      connections.sort((a, b) => a.created.getTime() - b.created.getTime());
      for (const connection of connections) yield await withHead(connection);
    },
    async setStatus(id, status) {
      const connection = await findLiveConnection(database, id);
      // Whoever deletes it meanwhile has the last word.
      const { matchedCount } = await database.connections.updateOne(
        { ...database.point(id, id), status: { $ne: ConnectionStatus.DELETING } },
        { $set: { status } },
      );
      if (matchedCount === 0) throw connectionNotFound(id);
      await committer.submit(statusCommand(id, status, clock()));
      return withHead({ ...connection, status });
    },
    async remove(id) {
      await findConnection(database, id);
      const status = ConnectionStatus.DELETING;
      // The head first: what is to be purged must take no more writes, also when this process ends in between.
      await committer.submit(statusCommand(id, status, clock()));
      await database.connections.updateOne(database.point(id, id), {
        $set: { status, tokens: {}, clients: {}, accessTokens: {} },
        $unset: { trustedIssuer: '' },
      });
      purge.start(id);
    },
  };
}
