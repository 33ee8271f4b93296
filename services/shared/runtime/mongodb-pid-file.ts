import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';

const run = promisify(execFile);

/** Where a data folder notes its running server: one line, the server's process id and that of its parent. */
export function pidFileOf(dataDir: string): string {
  return join(dataDir, 'mongodb.pid');
}

/**
 * Returns once no earlier server works on the data folder, and leaves no pid file behind. A server whose parent has
 * ended is closing by itself: it gets `graceMs` milliseconds, then SIGKILL. Rejects with `EmbeddedDatabaseError` when
 * its parent still runs, because then the folder is in use.
 */
export async function awaitEarlierServer(dataDir: string, graceMs: number): Promise<void> {
  const noted = await readFile(pidFileOf(dataDir), 'utf8').catch(() => undefined);
  if (noted === undefined) return;
  const [pid, owner] = noted.trim().split(/\s+/).map(Number);
  if (pid !== undefined && Number.isInteger(pid) && pid > 0) {
    const deadline = performance.now() + graceMs;
    for (;;) {
      const found = await inspectProcess(pid);
      // Process ids are used again: only a process that was given this very folder is the server we look for.
      if (found === undefined || !found.command.includes(dataDir)) break;
      if (found.parent === owner) throw folderInUse(dataDir, owner);
      if (performance.now() > deadline) process.kill(pid, 'SIGKILL');
      await delay(20);
    }
  }
  await rm(pidFileOf(dataDir), { force: true });
}

/** The error for a data folder that another process of Rollcall (`owner`, where known) works on. */
export function folderInUse(dataDir: string, owner?: number): EmbeddedDatabaseError {
  const by = owner === undefined ? 'another process' : `process ${owner}`;
  return new EmbeddedDatabaseError(
    `The data folder ${dataDir} is in use by ${by}: stop that one, or set ROLLCALL_DATA_DIR to another folder.`,
  );
}

/** The command line and parent of a process; undefined when it has ended. */
async function inspectProcess(pid: number): Promise<{ command: string; parent: number } | undefined> {
  try {
    if (process.platform === 'linux') {
      // Small images have no ps. An ended process nobody has waited for yet has an empty command line.
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return { command, parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) };
    }
    const { stdout } = await run('ps', ['-o', 'ppid=,command=', '-p', String(pid)]);
    return { command: stdout, parent: Number.parseInt(stdout, 10) };
  } catch {
    return undefined;
  }
}
