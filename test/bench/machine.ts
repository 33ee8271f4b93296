import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../support/product-process.ts';

/** Where a run took place, and of what. */
export interface Machine {
  /** The model of its processor. */
  readonly cpu: string;
  /** How many cores it has. */
  readonly cores: number;
  /** How much memory it has, in GiB. */
  readonly memoryGb: number;
  /** Its operating system, with version and architecture. */
  readonly system: string;
  /** The version of Node.js. */
  readonly node: string;
  /** The versions of the libraries, as package.json has them. */
  readonly libraries: Readonly<Record<string, string>>;
  /** The commit of the project, with `+` when files differ from it. */
  readonly commit: string;
  /** Engine and version of the database; absent when another server is measured. */
  readonly database?: string;
}

const run = promisify(execFile);

/** Describes this machine; `dataDir` is the data folder of the measured product. */
export async function describeMachine(dataDir?: string): Promise<Machine> {
  const all = cpus();
  const database = dataDir && (await readFile(join(dataDir, 'engine'), 'utf8').catch(() => ''));
  const { engine = 'external', version = '' } = database ? JSON.parse(database) : {};
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    libraries: JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')).dependencies,
    commit: await commit(),
    ...(database && { database: `${engine} ${version}` }),
  };
}

async function commit(): Promise<string> {
  try {
    const options = { cwd: projectRoot };
    const { stdout: hash } = await run('git', ['rev-parse', '--short', 'HEAD'], options);
    const { stdout: changed } = await run('git', ['status', '--porcelain'], options);
    return `${hash.trim()}${changed === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
}
