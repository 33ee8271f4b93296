import { InvalidArgumentError } from 'commander';

/** The flags and description of `--expires`. */
export const expiresOption = [
  '--expires <time>',
  'when it ends, such as 2030-12-31 or 2030-12-31T18:00:00Z; never without',
] as const;

/** Reads the value of `--expires`. Throws commander's InvalidArgumentError for anything that is no future time. */
export function parseExpires(text: string): Date {
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('Write it as 2030-12-31T18:00:00Z.');
  if (time.getTime() <= Date.now()) throw new InvalidArgumentError('It must be in the future.');
  return time;
}
