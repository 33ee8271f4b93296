import { globSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'node:test';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..', '..');
const shares = 4;

/**
 * Runs every fourth test file, beginning with the `share`th (from 1), in this process, each as a suite of its own whose
 * hooks end with it. Starting a process for every file costs more than most of them do. A file that cannot be loaded
 * fails alone.
 */
export async function runShare(share: number): Promise<void> {
  // While a test waits for nothing but a timer that is not to keep its process, this does.
  const hold = setInterval(() => {}, 60_000);
  // A test that ends the process would hide those that follow.
  const endsEarly = () => {
    process.exitCode = 1;
  };
  process.once('exit', endsEarly);
  const files = globSync('test/**/*.test.ts', { cwd: root }).sort();
  for (const file of files.filter((_, index) => index % shares === share - 1)) {
    await suite(file, async () => {
      await import(pathToFileURL(join(root, file)).href);
    });
  }
  process.off('exit', endsEarly);
  clearInterval(hold);
}
