import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { apiReferences } from './api-references.ts';

/*
 * Writes the pages in docs/reference from the contracts and from the access service.
 */

const root = join(import.meta.dirname, '..', '..');
for (const [path, text] of await apiReferences(root)) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
  process.stdout.write(`${path} is written.\n`);
}
