import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestConnection } from '../support/rollcall.ts';

/** What a validator says about one thing it has tried. */
export interface Finding {
  /** What it tried, in its words. */
  readonly title: string;
  /** `failed` also for what it only warns of. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Its explanation; empty when it gives none. */
  readonly text: string;
}

/** A program that somebody else has written to check SCIM servers. */
export interface Validator {
  /** Its name, as on PyPI. */
  readonly name: string;
  /**
   * Runs it against a connection, in which it creates, changes and deletes resources.
   * @param programs the folder of the installed programs.
   */
  check(programs: string, connection: TestConnection): Promise<readonly Finding[]>;
}

/**
 * Runs a validator's program and reads its report; its exit code only repeats whether it found something.
 * @param variables added to the environment of the program.
 * @throws Error with what it printed when nothing passed: a validator that could not run must not look like a content one.
 */
export async function runValidator(
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  readReport: (report: string) => readonly Finding[],
): Promise<readonly Finding[]> {
  const child = spawn(program, args, {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [report] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const findings = readReport(report);
  if (findings.some(({ outcome }) => outcome === 'passed')) return findings;
  throw new Error(`${program} has nothing that passed. It printed:\n${report}`);
}
