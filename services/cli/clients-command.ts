import { Command } from 'commander';
import type { Client } from '#proto/rollcall/directory/v1/connection_service.ts';
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
}

const connectionOption = ['--connection <id>', 'the connection'] as const;

/** `rollcall clients …`. */
export function createClientsCommand(withDirectory: WithDirectory): Command {
  const command = new Command('clients').description(
    'OAuth clients of identity providers, which get hourly tokens for an id and a secret',
  );

  command
    .command('create')
    .description('create a client of a connection and print its id, its secret and where it gets its tokens')
    .requiredOption(...connectionOption)
    .option('--label <text>', 'a note for operators', '')
    .option(...expiresOption, parseExpires)
    .option('--read-only', 'its tokens may read but not write')
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
The secret is shown this once. The grant is client credentials (RFC 6749, section 4.4), with HTTP Basic or the id and
the secret in the form. To replace a secret: create a second client, set it at the identity provider, revoke the first.

Examples:
  $ rollcall clients create --connection demo0000 --label "Okta, 2030"
  $ rollcall clients revoke --connection demo0000 k3v9x0q2m7ab`,
    )
    .action((options: CreateOptions) =>
      withDirectory(async ({ connections, tokenUrl }) => {
        const { client, secret } = await connections.createClient({
          connectionId: options.connection,
          label: options.label,
          expires: options.expires,
          readOnly: options.readOnly ?? false,
        });
        printOne({ id: client?.id, secret, tokenUrl: tokenUrl(options.connection) }, options);
      }),
    );

  command
    .command('list')
    .description('list the clients of a connection without their secrets, oldest first')
    .requiredOption(...connectionOption)
    .option(...jsonOption)
    .action((options: ConnectionOption) =>
      withDirectory(async ({ connections }) => {
        const { clients } = await connections.listClients({ connectionId: options.connection });
        printMany(clients.map(clientRow), 'The connection has no clients.', options);
      }),
    );

  command
    .command('revoke')
    .description('revoke a client; it and its tokens are refused everywhere within a second')
    .argument('<client-id>', 'the id of the client, as `clients list` shows it')
    .requiredOption(...connectionOption)
    .option(...jsonOption)
    .action((clientId: string, options: ConnectionOption) =>
      withDirectory(async ({ connections }) => {
        await connections.revokeClient({ connectionId: options.connection, clientId });
        printDone(`Client ${clientId} is revoked.`, { id: clientId, revoked: true }, options);
      }),
    );

  return command;
}

function clientRow({ id, label, readOnly, created, expires, lastUsed }: Client): Row {
  return {
    id,
    label,
    readOnly,
    created: created?.toISOString(),
    expires: expires?.toISOString(),
    lastUsed: lastUsed?.toISOString(),
  };
}
