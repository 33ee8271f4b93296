import { createLogger } from '#runtime/logger.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { type Database, openDatabase } from '../../../services/directory/mongo/database.ts';
import { createIndexes } from '../../../services/directory/mongo/indexes.ts';

/** The two databases that limits work on, opened as the directory opens its own: same driver, same durability. */
export interface LimitDatabases extends AsyncDisposable {
  /** The product's own, which limits only read. */
  readonly product: Database;
  /** The limits', on the same server and with the same indexes, which they write. */
  readonly limits: Database;
}

const limitsDatabase = 'bench_limits';

/** Opens the databases on a product's server. */
export async function openLimitDatabases(uri: string): Promise<LimitDatabases> {
  await using stack = new AsyncDisposableStack();
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const product = stack.use(await openDatabase(uri, { logger }));
  const limits = stack.use(
    await openDatabase(uri.replace(/^(mongodb:\/\/[^/]+)\/[^?]*/, `$1/${limitsDatabase}`), { logger }),
  );
  await createIndexes(limits, createSchemaRegistry());
  const opened = stack.move();
  return { product, limits, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
