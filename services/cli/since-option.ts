import { InvalidArgumentError } from 'commander';

/** The flags and description of `--since`. */
export const sinceOption = [
  '--since <time>',
  'from when on: so long ago (90s, 30m, 1h, 2d), or a time such as 2030-12-31T18:00:00Z',
] as const;

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads the value of `--since`. Throws commander's InvalidArgumentError for anything that is no time. */
export function parseSince(text: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ago = Number(count) * (unitMs[unit] ?? Number.NaN);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(Date.now() - ago);
  if (Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('Write it as 30m, 1h or 2d, or as 2030-12-31T18:00:00Z.');
  }
  return time;
}
