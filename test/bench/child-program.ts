import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program of the bench in a process of its own. It ends with this process; disposing ends it, and rejects when it had failed. */
export interface ChildProgram extends AsyncDisposable {
  /** The first line that it printed, by which it said that it is ready. */
  readonly line: string;
}

/** Starts a program, and waits until it is ready; see `serveParent`. */
export async function startChildProgram(path: string, ...args: readonly string[]): Promise<ChildProgram> {
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(() => {
      throw new Error(`${path} did not start`);
    }),
  ]);
  return {
    line,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`${path} ended with ${code}`);
    },
  };
}

/** In such a program: says that it is ready, by one line, and ends it with the process that started it. */
export function serveParent(line: string): void {
  process.stdout.write(`${line}\n`);
  process.stdin.once('close', () => process.exit()).resume();
}
