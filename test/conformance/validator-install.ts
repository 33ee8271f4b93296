import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirements = join(import.meta.dirname, 'requirements.txt');

/** Where the programs of the validators are, or why they cannot be had here. */
export type InstalledValidators = { readonly programs: string } | { readonly unavailable: string };

/**
 * Installs the validators with pip into a virtual environment in `folder`, once for each state of requirements.txt.
 * Rejects when pip fails, with what it said.
 * @returns the folder of their programs; or the reason why not, when there is no Python for them.
 */
export async function installValidators(folder: string): Promise<InstalledValidators> {
  const wanted = await readFile(requirements, 'utf8');
  const programs = join(folder, 'bin');
  const done = join(folder, 'installed.txt');
  if ((await readFile(done, 'utf8').catch(() => '')) === wanted) return { programs };
  if (!(await hasPython()))
    return { unavailable: 'there is no python3 of version 3.10 or later on the PATH' };
  console.log(`Installing the validators once into ${folder}`);
  await mkdir(folder, { recursive: true });
  await run('python3', ['-m', 'venv', '--clear', folder]);
  const options = ['--only-binary=:all:', '--no-input', '--disable-pip-version-check'];
  await run(join(programs, 'python'), ['-m', 'pip', 'install', ...options, '--requirement', requirements]);
  // Last, so that an installation which broke off is done again.
  await writeFile(done, wanted);
  return { programs };
}

function hasPython(): Promise<boolean> {
  const check = 'import sys; sys.exit(sys.version_info < (3, 10))';
  return run('python3', ['-c', check]).then(
    () => true,
    () => false,
  );
}
