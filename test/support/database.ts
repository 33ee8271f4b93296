import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '#runtime/embedded-mongodb.ts';
import { createLogger } from '#runtime/logger.ts';

/** Where tests keep what is installed once and reused: `.rollcall` in the project. */
export const testInstallDir: string = join(import.meta.dirname, '..', '..', '.rollcall');

let shared: Promise<string> | undefined;

/**
 * The connection string of the database that the tests of this process share: `ROLLCALL_TEST_MONGODB_URI` or
 * `ROLLCALL_MONGODB_URI` when set, otherwise an embedded server on a fresh folder that ends, and is removed, with this
 * process. Tests keep apart by `uniqueDatabaseName` or by connections of their own.
 */
export function sharedDatabase(): Promise<string> {
  shared ??= start();
  return shared;
}

/** A database name that no other test uses. */
export function uniqueDatabaseName(): string {
  return `test-${randomUUID()}`;
}

async function start(): Promise<string> {
  const given = process.env.ROLLCALL_TEST_MONGODB_URI || process.env.ROLLCALL_MONGODB_URI;
  if (given) return given;
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-test-'));
  const logger = createLogger({ level: 'warn', name: 'test-database' });
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  // The server does not hold this process open, and an exit hook, which cannot wait, is the one that always runs.
  process.once('exit', () => {
    try {
      const [pid] = readFileSync(join(dataDir, 'mongodb.pid'), 'utf8').split(' ');
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has not started, or ended by itself.
    }
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  });
  const { uri, replicaSet } = await openDatabase({ dataDir, installDir: testInstallDir, logger, progress });
  if (replicaSet !== undefined) await initiate(uri, replicaSet);
  return uri;
}

async function initiate(uri: string, replicaSet: object): Promise<void> {
  const { MongoClient } = await import('mongodb');
  await using client = new MongoClient(uri);
  await client.db('admin').command({ replSetInitiate: replicaSet });
  while (!(await client.db('admin').command({ hello: 1 })).isWritablePrimary) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
