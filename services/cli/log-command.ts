import { Command, InvalidArgumentError } from 'commander';
import { type Change, ListChangesRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import {
  type Exchange,
  ExchangeFilter,
  ListExchangesRequest,
} from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { ReplayReport } from '#scim/replay-report.ts';
import type { DirectorySession, WithDirectory } from './directory-session.ts';
import { exchangeDetails, exchangeJson, exchangeLine } from './exchange-text.ts';
import { jsonOption, type OutputOptions, printDocument, printMany } from './print.ts';
import { replayText } from './replay-text.ts';
import { parseSince, sinceOption } from './since-option.ts';
import { namesOfUser } from './user-names.ts';

/** Says what a stored request would do today, and does nothing. Throws an Error that says why when that cannot be said. */
export type Replay = (session: DirectorySession, exchange: Exchange) => Promise<ReplayReport>;

interface LogOptions extends OutputOptions {
  readonly connection: string;
}

interface ListOptions extends LogOptions {
  readonly failed?: true;
  readonly user?: string;
  readonly since?: Date;
  readonly limit: number;
  readonly follow?: true;
}

const maxLimit = 1_000;
// An exchange changes something in a stretch of the change log that ends at its position.
const maxChanges = 1_000;

/** `rollcall log …`. */
export function createLogCommand(withDirectory: WithDirectory, replay: Replay): Command {
  const command = new Command('log')
    .description('what the identity provider of a connection sent and was answered; kept for 14 days')
    .configureHelp({ showGlobalOptions: true })
    .requiredOption('--connection <id>', 'the connection')
    .option('--failed', 'only what was answered with an error, or broke off')
    .option('--user <id or userName>', 'only what is about this user')
    .option(...sinceOption, parseSince)
    .option('--limit <number>', 'how many at most, the newest ones', parseLimit, 50)
    .option('--follow', 'go on with what comes, until interrupted; with --json one document a line')
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Secrets, and what "connections update --mask" names, are masked before anything is written; bodies are cut at 16 kB.

Examples:
  $ rollcall log --connection demo0000 --failed --since 1h
  $ rollcall log --connection demo0000 --user ada@example.com --follow
  $ rollcall log show 01890a5d-ac96-774b-bcce-b302099a8057 --connection demo0000
  $ rollcall log replay 01890a5d-ac96-774b-bcce-b302099a8057 --connection demo0000`,
    )
    .action((options: ListOptions) =>
      withDirectory(async (session) => {
        const filter = await filterOf(session, options);
        if (options.follow) return follow(session, options, filter);
        const found = await list(session, options, filter);
        if (options.json) return printDocument('', found.map(exchangeJson), options);
        printMany(found.map(exchangeLine), 'There is nothing like that in the log.', options);
      }),
    );

  command
    .command('show')
    .description('show one exchange with its bodies, and what it changed')
    .argument('<id>', 'the exchange')
    .action((id: string, _: object, self: Command) => {
      const options: LogOptions = self.optsWithGlobals();
      return withDirectory(async (session) => {
        const exchange = await get(session, options, id);
        const changes = await changesOf(session, exchange);
        const json = { ...exchangeJson(exchange), changes };
        printDocument(exchangeDetails(exchange, changes), json, options);
      });
    });

  command
    .command('replay')
    .description('show what a stored request would do now, without writing anything')
    .argument('<id>', 'the exchange')
    .action((id: string, _: object, self: Command) => {
      const options: LogOptions = self.optsWithGlobals();
      return withDirectory(async (session) => {
        const recorded = await get(session, options, id);
        const report = await replay(session, recorded);
        const { masked } = recorded;
        const json = {
          status: recorded.status,
          masked,
          now: exchangeJson(report.exchange),
          writes: report.writes,
        };
        printDocument(replayText(recorded, report), json, options);
      });
    });

  return command;
}

async function filterOf(session: DirectorySession, options: ListOptions): Promise<ExchangeFilter> {
  const { connection, failed = false, user, since } = options;
  const users = user === undefined ? [] : [...(await namesOfUser(session, connection, user))];
  return ExchangeFilter.fromPartial({ failed, users, ...(since && { since }) });
}

/** The newest exchanges, newest first. */
async function list(
  { exchanges }: DirectorySession,
  { connection, limit }: ListOptions,
  filter: ExchangeFilter,
): Promise<readonly Exchange[]> {
  const found: Exchange[] = [];
  const request = ListExchangesRequest.fromPartial({ connectionId: connection, filter, pageSize: limit });
  for await (const part of exchanges.listExchanges(request)) found.push(...part.exchanges);
  return found;
}

/** Prints the newest exchanges, oldest first, and then each as it comes. */
async function follow(
  session: DirectorySession,
  options: ListOptions,
  filter: ExchangeFilter,
): Promise<void> {
  const printed = new Set<string>();
  const print = (exchange: Exchange) => {
    if (printed.has(exchange.id)) return;
    printed.add(exchange.id);
    const { time, status, ms, request, repairs, error } = exchangeLine(exchange);
    const parts = [exchange.id, time, status, `${ms} ms`, request, repairs, error];
    printDocument(
      parts
        .flat()
        .filter((part) => part !== '')
        .join('  '),
      exchangeJson(exchange),
      options,
    );
  };
  const request = { connectionId: options.connection, filter };
  const watch = session.exchanges.watchExchanges(request, { timeoutMs: Number.POSITIVE_INFINITY });
  let isFirst = true;
  for await (const { exchanges } of watch) {
    // From here on nothing is missed: what was before is in the list.
    if (isFirst) (await list(session, options, filter)).toReversed().forEach(print);
    isFirst = false;
    exchanges.forEach(print);
  }
  throw new Error('The directory ended; run the command again when it is back.');
}

async function get({ exchanges }: DirectorySession, options: LogOptions, id: string): Promise<Exchange> {
  const { exchange } = await exchanges.getExchange({ connectionId: options.connection, id });
  if (exchange === undefined) throw new Error('The directory answered without the exchange.');
  return exchange;
}

/** The changes that an exchange made: those of its request before the position that it was answered with. */
async function changesOf(
  { changes }: DirectorySession,
  { connectionId, requestId, position }: Exchange,
): Promise<readonly Change[]> {
  if (position === 0) return [];
  const after = Math.max(0, position - maxChanges);
  const found: Change[] = [];
  const request = ListChangesRequest.fromPartial({ connectionId, after, pageSize: maxChanges });
  for await (const part of changes.listChanges(request)) {
    found.push(...part.changes);
  }
  return found.filter((change) => change.position <= position && change.requestId === requestId);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return limit;
  throw new InvalidArgumentError(`Write a number from 1 to ${maxLimit}.`);
}
