import { parseArgs } from 'node:util';
import type { Scenario } from './scenario.ts';

/** What to run, and against what. */
export interface BenchOptions {
  /** A minute with less data. */
  readonly quick: boolean;
  /** The scenarios to run, in their order. */
  readonly scenarios: readonly Scenario[];
  /** Another server in place of a Rollcall that is started. */
  readonly against: { readonly baseUrl: string; readonly token: string } | undefined;
  /** The file with the result of an earlier run. */
  readonly compare: string | undefined;
}

/** How the command is used. */
export const usage = `Use: npm run bench -- [options]

  --quick              a minute with less data in place of ten; its figures are rough
  --only NAME          the scenarios whose names begin so; may be given more than once
  --against URL        measures the SCIM server with this base URL, with the scenarios that need nothing else;
  --token TOKEN          its bearer token. Give it an empty tenant: what is created stays there
  --compare FILE       shows what is other than in an earlier result
`;

/** Thrown for arguments that make no sense; the text says what to change. */
export class BenchOptionsError extends Error {
  override readonly name = 'BenchOptionsError';
}

/** Reads the arguments of the command. Throws BenchOptionsError. */
export function readBenchOptions(args: readonly string[], all: readonly Scenario[]): BenchOptions {
  const { quick, only, against, token, compare } = parsed(args);
  if ((against === undefined) !== (token === undefined))
    throw new BenchOptionsError('--against and --token go together');
  if (against !== undefined && !URL.canParse(against))
    throw new BenchOptionsError(
      `--against ${against} is no URL: give the base URL, such as https://scim.example.com/v2`,
    );
  const possible = all.filter(({ needs }) => needs === 'scim' || against === undefined);
  for (const name of only) {
    if (possible.some((scenario) => scenario.name.startsWith(name))) continue;
    const names = possible.map((scenario) => scenario.name).join('\n  ');
    throw new BenchOptionsError(`--only ${name} is the beginning of no scenario; there are:\n  ${names}`);
  }
  return {
    quick,
    scenarios: possible.filter(
      (scenario) => only.length === 0 || only.some((name) => scenario.name.startsWith(name)),
    ),
    against: against !== undefined && token !== undefined ? { baseUrl: against, token } : undefined,
    compare,
  };
}

function parsed(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        against: { type: 'string' },
        token: { type: 'string' },
        compare: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    throw new BenchOptionsError(error instanceof Error ? error.message : String(error));
  }
}
