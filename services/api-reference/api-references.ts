import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { grpcReference } from './grpc-reference.ts';
import { trpcReference } from './trpc-reference.ts';

/** The pages of the API reference as the contracts and the access service are now, by their paths in the project. */
export async function apiReferences(root: string): Promise<ReadonlyMap<string, string>> {
  const access = join(root, 'services', 'access');
  const files = (await readdir(access)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(access, file), 'utf8')));
  const descriptors = await readFile(join(root, 'proto', 'gen', 'rollcall.binpb'));
  return new Map([
    ['docs/reference/grpc.md', grpcReference(descriptors)],
    ['docs/reference/trpc.md', trpcReference(texts)],
  ]);
}
