import { Command, InvalidArgumentError } from 'commander';
import type { Token } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { WithDirectory } from './directory-session.ts';
import { expiresOption, parseExpires } from './expires-option.ts';
import { jsonOption, type OutputOptions, printDone, printMany, printOne, type Row } from './print.ts';

interface ConnectionOption extends OutputOptions {
  readonly connection: string;
}

interface CreateOptions extends ConnectionOption {
  readonly label: string;
  readonly expires?: Date;
  readonly readOnly?: true;
  readonly user?: string;
}

const connectionOption = ['--connection <id>', 'the connection'] as const;

/** `rollcall tokens …`. */
export function createTokensCommand(withDirectory: WithDirectory): Command {
  const command = new Command('tokens').description('bearer tokens of identity providers');

  command
    .command('create')
    .description('create a further token of a connection and print it; it is shown this once')
    .requiredOption(...connectionOption)
    .option('--label <text>', 'a note for operators', '')
    .option(...expiresOption, parseExpires)
    .option('--read-only', 'it may read but not write')
    .option(
      '--user <id>',
      'the user on whose behalf it is used and whom /Me means; it works only while that user is active',
      parseUser,
    )
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
To replace a token without a gap: create a second one, set it at the identity provider, and revoke the first once
\`tokens list\` shows that the second is used and the first no longer. Both are good until then.

Examples:
  $ rollcall tokens create --connection demo0000 --label 2030
  $ rollcall tokens revoke --connection demo0000 k3v9x0q2m7ab
  $ rollcall tokens create --connection demo0000 --label audit --read-only`,
    )
    .action((options: CreateOptions) =>
      withDirectory(async ({ connections }) => {
        const { token, secret } = await connections.createToken({
          connectionId: options.connection,
          label: options.label,
          expires: options.expires,
          readOnly: options.readOnly ?? false,
          userId: options.user ?? '',
        });
        printOne({ id: token?.id, token: secret }, options);
      }),
    );

  command
    .command('list')
    .description('list the tokens of a connection without their secrets, oldest first')
    .requiredOption(...connectionOption)
    .option(...jsonOption)
    .action((options: ConnectionOption) =>
      withDirectory(async ({ connections }) => {
        const { tokens } = await connections.listTokens({ connectionId: options.connection });
        printMany(tokens.map(tokenRow), 'The connection has no tokens.', options);
      }),
    );

  command
    .command('revoke')
    .description('revoke a token; it is refused everywhere within a second')
    .argument('<token-id>', 'the id of the token, as `tokens list` shows it')
    .requiredOption(...connectionOption)
    .option(...jsonOption)
    .action((tokenId: string, options: ConnectionOption) =>
      withDirectory(async ({ connections }) => {
        await connections.revokeToken({ connectionId: options.connection, tokenId });
        printDone(`Token ${tokenId} is revoked.`, { id: tokenId, revoked: true }, options);
      }),
    );

  return command;
}

// An unset variable of a shell must not make a token that is tied to nobody.
function parseUser(id: string): string {
  if (id === '') throw new InvalidArgumentError('Give the id of a user, or leave the option out.');
  return id;
}

function tokenRow({ id, label, readOnly, userId, created, expires, lastUsed }: Token): Row {
  return {
    id,
    label,
    readOnly,
    user: userId === '' ? undefined : userId,
    created: created?.toISOString(),
    expires: expires?.toISOString(),
    lastUsed: lastUsed?.toISOString(),
  };
}
