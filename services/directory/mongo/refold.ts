import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Logger } from '#runtime/logger.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import type { Committer } from './commit-queues.ts';
import type { ConnectionTypes } from './connection-types.ts';
import type { Database } from './database.ts';
import { definitionsFingerprint } from './definitions.ts';
import { type HeadDocument, headFields, idOfKey } from './documents.ts';
import { uniqueEntries } from './fold.ts';
import { foldCommand, foldedCommand, stripCommand } from './fold-commands.ts';

/** Folds what is stored again after definitions changed. */
export interface Refold extends AsyncDisposable {
  /** Starts on a connection whose definitions changed; repeated calls are harmless. */
  start(connection: string): void;
  /**
   * Takes up what is folded by other definitions than those in force. Resolves when everything is folded by the built-in
   * ones; what connections declare goes on in the background. From then on looks twice a minute for what another process has
   * left behind: one that ended half-way, or one of another version.
   * @throws DirectoryError UNIQUENESS when a built-in attribute became unique and resources share a value of it.
   */
  resume(): Promise<void>;
}

/** Whether everything stored of a connection is folded by the definitions in force. */
function isFolded({ folded, settings }: HeadDocument, builtIn: string): boolean {
  return folded?.builtIn === builtIn && folded.extensions === (settings?.extensionsRevision ?? '');
}

const chunk = 200;
const retryMs = 1_000;
const lookMs = 30_000;

/** Starts the refolding. Disposing it stops after the chunk that is under way; `resume` goes on with the rest. */
export function createRefold(
  database: Database,
  committer: Committer,
  types: ConnectionTypes,
  logger: Logger,
): Refold {
  const running = new Map<string, Promise<void>>();
  const stopped = new AbortController();
  let looking: Promise<void> | undefined;
  const builtIn = types.builtInFingerprint;

  /** The ids of the resources of a type in a window of ordinals that are folded by other definitions. */
  async function staleIds(connection: string, type: ResourceType, from: number): Promise<string[]> {
    const window = { connection, ordinal: { $gte: from, $lt: from + chunk } };
    const found = database.resources(type).find(window, { projection: { definitions: 1 } });
    const wanted = definitionsFingerprint(type);
    return (await found.toArray())
      .filter(({ definitions }) => definitions !== wanted)
      .map(({ _id }) => idOfKey(_id));
  }

  async function foldChunk(connection: string, type: ResourceType, ids: readonly string[]) {
    try {
      await committer.submit(foldCommand(connection, type, ids));
    } catch (error) {
      if (!(error instanceof DirectoryError) || error.reason !== ErrorReason.UNIQUENESS) throw error;
      const [id, ...others] = ids;
      if (id !== undefined && others.length === 0) throw await clashOf(connection, type, id);
      for (const one of ids) await foldChunk(connection, type, [one]);
    }
  }

  async function clashOf(connection: string, type: ResourceType, id: string): Promise<DirectoryError> {
    const [document] = await database
      .resources(type)
      .find({ connection, unique: `id=${id}` })
      .toArray();
    const entries = document ? uniqueEntries(type, id, document.resource) : [];
    const owners = await database
      .resources(type)
      .find({ connection, unique: { $in: entries } })
      .toArray();
    const other = owners.map(({ _id }) => idOfKey(_id)).find((owner) => owner !== id) ?? 'another one';
    return new DirectoryError(
      ErrorReason.UNIQUENESS,
      `${type.name} ${id} of connection ${connection} has a value in common with ${other} that the definitions of this version make unique. Change one of the two with the version before.`,
      { resource_type: type.name, ids: `${id}=${other}` },
    );
  }

  async function stripDeleted(connection: string) {
    const deleted = await database.deletedUsers.find({ connection }, { projection: { _id: 1 } }).toArray();
    const ids = deleted.map(({ _id }) => idOfKey(_id));
    for (let from = 0; from < ids.length && !stopped.signal.aborted; from += chunk)
      await committer.submit(stripCommand(database, connection, ids.slice(from, from + chunk)));
  }

  async function foldAll(connection: string): Promise<boolean> {
    const head = await database.heads.findOne(database.point(connection, connection));
    if (!head || head.status === ConnectionStatus.DELETING || isFolded(head, builtIn)) return true;
    const registry = await types.of(head);
    for (const type of registry.resourceTypes) {
      const last = head[headFields(type).next] - 1;
      for (let from = 1; from <= last && !stopped.signal.aborted; from += chunk) {
        const ids = await staleIds(connection, type, from);
        if (ids.length > 0) await foldChunk(connection, type, ids);
      }
    }
    await stripDeleted(connection);
    if (stopped.signal.aborted) return true;
    const extensions = head.settings?.extensionsRevision ?? '';
    const isDone = await committer.submit(foldedCommand(connection, { builtIn, extensions }));
    if (isDone) logger.info({ connection }, 'what is stored is folded by the definitions in force');
    return isDone;
  }

  async function fold(connection: string) {
    while (!stopped.signal.aborted) {
      try {
        if (await foldAll(connection)) return;
      } catch (error) {
        const reason = error instanceof DirectoryError ? error.reason : undefined;
        if (stopped.signal.aborted || reason === ErrorReason.CONNECTION_NOT_FOUND) return;
        if (reason === ErrorReason.UNIQUENESS) throw error;
        logger.warn({ err: error, connection }, 'what is stored is not folded again yet; trying again');
        await delay(retryMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      }
    }
  }

  function run(connection: string): Promise<void> {
    const known = running.get(connection);
    if (known) return known;
    const started = fold(connection).finally(() => running.delete(connection));
    running.set(connection, started);
    return started;
  }

  function start(connection: string) {
    // Who declares meanwhile is refused, so that a run which is under way is about the same definitions.
    run(connection).catch((error) => logger.error({ err: error, connection }, 'folding again failed'));
  }

  async function startUnfolded() {
    const revisions = ['$folded.extensions', '$settings.extensionsRevision'];
    const otherExtensions = { $expr: { $ne: revisions.map((field) => ({ $ifNull: [field, ''] })) } };
    const heads = await database.heads
      .find({ $or: [{ 'folded.builtIn': { $ne: builtIn } }, otherExtensions] }, { comment: 'not folded yet' })
      .toArray();
    for (const { connection } of heads) start(connection);
  }

  async function look() {
    while (!stopped.signal.aborted) {
      await startUnfolded().catch((error) => {
        if (!stopped.signal.aborted)
          logger.warn({ err: error }, 'nobody could look for what is not folded yet');
      });
      await delay(lookMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
    }
  }

  return {
    start,
    async resume() {
      const heads = await database.heads.find({ 'folded.builtIn': { $ne: builtIn } }).toArray();
      for (const { connection } of heads) await run(connection);
      looking = look();
    },
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await Promise.allSettled([looking, ...running.values()]);
    },
  };
}
