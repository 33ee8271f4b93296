import { destination, type Logger as PinoLogger, pino } from 'pino';

/** Where a part of Rollcall reports what it does: pino's logger, one JSON object per line. */
export type Logger = PinoLogger;

/** How much is logged: everything of this level and above; `silent` is nothing. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

const secretNames = ['authorization', 'token', 'secret', 'password'];

// A line for each request, written by itself, would be a twentieth of the request.
const writtenTogether = 4_096;
const writtenEveryMs = 100;

/**
 * A logger that writes to standard output, many lines at a time: after a tenth of a second at the latest, and what is left
 * when the process exits. `name` stands in every line and says which service wrote it. Fields named authorization, token,
 * secret or password, in the logged object or up to two levels below, are written as `[redacted]`; message texts are
 * written as they are.
 */
export function createLogger(options: { level: LogLevel; name: string }): Logger {
  return pino(
    {
      level: options.level,
      name: options.name,
      redact: {
        paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[redacted]',
      },
    },
    destination({ sync: false, minLength: writtenTogether, periodicFlush: writtenEveryMs }),
  );
}
