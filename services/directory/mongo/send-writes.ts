import type {
  AnyBulkWriteOperation,
  AnyClientBulkWriteModel,
  ClientSession,
  Collection,
  Document,
} from 'mongodb';
import type { Database } from './database.ts';
import { isDuplicate, refusalOf } from './database-error.ts';

/** One write of a transaction. */
export interface Write {
  /** Where. */
  readonly collection: Collection;
  /** What. */
  readonly operation: AnyBulkWriteOperation;
  /** The id of the user or group that it stores, of which a unique index may refuse a value. */
  readonly resource: string | undefined;
}

/** Thrown when a unique index refuses a write; names the resource, whose command is then decided apart. */
export class DuplicateResourceError extends Error {
  /** The id of the resource that could not be written. */
  readonly id: string;
  constructor(id: string) {
    super('a unique value is taken');
    this.name = 'DuplicateResourceError';
    this.id = id;
  }
}

// One round trip less for each statement is worth more than what the embedded server loses by mixed ones, up to so many.
const maxMixed = 16;

/** Makes a write. */
export function writeTo<Stored extends Document>(
  collection: Collection<Stored>,
  operation: AnyBulkWriteOperation<Stored>,
  resource?: string,
): Write {
  // What is stored differs by collection, and no write is read again.
  return { collection, operation, resource } as unknown as Write;
}

/**
 * Sends writes in their order, inside a transaction that has read something already. Few go in one command where the server
 * has one for several collections (MongoDB 8); else one goes for each run of writes of one kind, because mixed ones are several
 * times slower on the embedded server.
 * @returns how many documents the last write changed, when that is an update.
 * @throws DuplicateResourceError
 */
export async function sendWrites(
  { client, takesMixedWrites }: Pick<Database, 'client' | 'takesMixedWrites'>,
  session: ClientSession,
  writes: readonly Write[],
): Promise<number> {
  if (takesMixedWrites && writes.length <= maxMixed) {
    const result = await refusing(writes, () =>
      client.bulkWrite(writes.map(mixedModel), { session, verboseResults: true }),
    );
    return result.updateResults?.get(writes.length - 1)?.modifiedCount ?? 0;
  }
  let changed = 0;
  for (const run of runsOf(writes)) {
    const operations = run.map(({ operation }) => operation);
    const result = await refusing(run, () => run[0].collection.bulkWrite(operations, { session }));
    changed = result.modifiedCount;
  }
  return changed;
}

type Run = [Write, ...Write[]];

/** Writes of one kind to one collection that follow each other. */
function runsOf(writes: readonly Write[]): readonly Run[] {
  const runs: Run[] = [];
  for (const write of writes) {
    const run = runs.at(-1);
    const isAlike =
      run?.[0].collection.namespace === write.collection.namespace &&
      kindOf(run[0].operation) === kindOf(write.operation);
    if (run && isAlike) run.push(write);
    else runs.push([write]);
  }
  return runs;
}

function kindOf(operation: AnyBulkWriteOperation): string | undefined {
  return Object.keys(operation)[0];
}

function mixedModel({ collection: { namespace }, operation }: Write): AnyClientBulkWriteModel<Document> {
  const [[name, model] = []] = Object.entries(operation);
  return { name, namespace, ...model } as AnyClientBulkWriteModel<Document>;
}

async function refusing<Result>(writes: readonly Write[], send: () => Promise<Result>): Promise<Result> {
  try {
    return await send();
  } catch (error) {
    const index = isDuplicate(error) ? refusalOf(error)?.index : undefined;
    const id = writes[index ?? -1]?.resource;
    throw id === undefined ? error : new DuplicateResourceError(id);
  }
}
