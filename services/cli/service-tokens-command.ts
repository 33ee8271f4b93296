import { Command } from 'commander';
import type { ServiceToken } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { WithDirectory } from './directory-session.ts';
import { expiresOption, parseExpires } from './expires-option.ts';
import { jsonOption, type OutputOptions, printDone, printMany, printOne, type Row } from './print.ts';

interface CreateOptions extends OutputOptions {
  readonly connection: readonly string[];
  readonly allConnections?: true;
  readonly label: string;
  readonly expires?: Date;
}

/** `rollcall service-tokens …`. */
export function createServiceTokensCommand(withDirectory: WithDirectory): Command {
  const command = new Command('service-tokens').description(
    'tokens of your services, which ask the access service',
  );

  command
    .command('create')
    .description('create a token and print it; it is shown this once')
    .option(
      '--connection <id>',
      'a connection it may ask about; may be repeated',
      (id: string, ids: readonly string[]) => [...ids, id],
      [],
    )
    .option('--all-connections', 'it may ask about every connection, those to come included')
    .option('--label <text>', 'a note for operators, such as the name of the service', '')
    .option(...expiresOption, parseExpires)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Examples:
  $ rollcall service-tokens create --connection demo0000 --label billing
  $ rollcall service-tokens create --all-connections --label sign-in --json   # {"id":…,"token":…}`,
    )
    .action((options: CreateOptions, self: Command) => {
      if (options.connection.length > 0 === (options.allConnections ?? false)) {
        self.error('error: give --connection (once or more) or --all-connections, one of the two');
      }
      return withDirectory(async ({ connections }) => {
        const { token, secret } = await connections.createServiceToken({
          label: options.label,
          connectionIds: [...options.connection],
          allConnections: options.allConnections ?? false,
          expires: options.expires,
        });
        printOne({ id: token?.id, token: secret }, options);
      });
    });

  command
    .command('list')
    .description('list the tokens without their secrets, oldest first')
    .option(...jsonOption)
    .action((options: OutputOptions) =>
      withDirectory(async ({ connections }) => {
        const { tokens } = await connections.listServiceTokens({});
        printMany(tokens.map(serviceTokenRow), 'There are no service tokens.', options);
      }),
    );

  command
    .command('revoke')
    .description('revoke a token; it is refused everywhere within a second')
    .argument('<token-id>', 'the id of the token, as `service-tokens list` shows it')
    .option(...jsonOption)
    .action((tokenId: string, options: OutputOptions) =>
      withDirectory(async ({ connections }) => {
        await connections.revokeServiceToken({ tokenId });
        printDone(`Service token ${tokenId} is revoked.`, { id: tokenId, revoked: true }, options);
      }),
    );

  return command;
}

function serviceTokenRow({ id, label, connectionIds, allConnections, created, expires }: ServiceToken): Row {
  return {
    id,
    label,
    allConnections,
    connections: connectionIds,
    created: created?.toISOString(),
    expires: expires?.toISOString(),
  };
}
