/** Says on standard error what is being done: in one line that is written over in a terminal, line by line elsewhere. */
export interface ProgressLine {
  /** A further scenario has begun. */
  step(): void;
  /** Something else is being done for it. */
  show(text: string): void;
  /** Leaves the line, so that other text can follow. */
  end(): void;
}

const barWidth = 24;

/** Makes the line for so many steps. */
export function createProgressLine(steps: number): ProgressLine {
  const { stderr } = process;
  const begin = performance.now();
  let done = 0;
  return {
    step() {
      done++;
    },
    show(text) {
      const filled = Math.round((barWidth * Math.max(0, done - 1)) / steps);
      const bar = '#'.repeat(filled).padEnd(barWidth, '.');
      const seconds = Math.round((performance.now() - begin) / 1_000);
      const line = `[${bar}] ${done}/${steps} ${seconds} s  ${text}`;
      if (stderr.isTTY) stderr.write(`\r\x1b[K${line.slice(0, stderr.columns - 1)}`);
      else stderr.write(`${line}\n`);
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\x1b[K');
    },
  };
}
