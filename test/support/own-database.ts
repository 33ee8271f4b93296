import { openDatabase } from '#runtime/embedded-mongodb.ts';
import { createLogger } from '#runtime/logger.ts';
import { testInstallDir } from './database.ts';

/*
 * A process that opens the database of the folder given as argument, prints its URI or the error's name and message as
 * one JSON line, and then waits; a line on standard input makes it close the database and end.
 */
const [dataDir = '', installDir = testInstallDir] = process.argv.slice(2);
try {
  const logger = createLogger({ level: 'silent', name: 'own-database' });
  const database = await openDatabase({ dataDir, installDir, logger });
  console.log(JSON.stringify({ uri: database.uri }));
  process.stdin.once('data', async () => {
    await database[Symbol.asyncDispose]();
    process.exit(0);
  });
} catch (error) {
  const { name, message } = error as Error;
  console.log(JSON.stringify({ name, message }));
}
