import { readFile } from 'node:fs/promises';

/** What a process has used. */
export interface ProcessUsage {
  /** Seconds of one core, since it started. */
  readonly cpuSeconds: number;
  /** Megabytes of memory that it holds now. */
  readonly memoryMb: number;
}

// What the kernel counts in, for programs: USER_HZ is 100 everywhere.
const ticksPerSecond = 100;

/** Reads what a process uses; undefined where the system has no /proc or the process has ended. */
export async function readUsage(pid: number): Promise<ProcessUsage | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // The name of the program, in parentheses, may have spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return { cpuSeconds: ticks / ticksPerSecond, memoryMb: kilobytes / 1_024 };
  } catch {
    return undefined;
  }
}

/** What a process used over some time. */
export interface UsageBetween {
  /** The share of one core, in percent. */
  readonly cpuPercent: number;
  /** Megabytes of memory that it held at the end. */
  readonly memoryMb: number;
}

/** What was used between two readings that lie so many seconds apart. */
export function usageBetween(before: ProcessUsage, after: ProcessUsage, seconds: number): UsageBetween {
  return {
    cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100,
    memoryMb: after.memoryMb,
  };
}
