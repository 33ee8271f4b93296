import { Command, Option } from 'commander';
import {
  type Connection,
  ConnectionStatus,
  CreateConnectionRequest,
  GetConnectionRequest,
  type Provider,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { type ProviderName, providerName, providerNames, providerOf } from '#rpc/provider-name.ts';
import type { DirectorySession, WithDirectory } from './directory-session.ts';
import { jsonOption, type OutputOptions, printDone, printMany, printOne, type Row } from './print.ts';

/** `rollcall connections …`. */
export function createConnectionsCommand(withDirectory: WithDirectory): Command {
  const command = new Command('connections').description(
    "customers' directories, each fed by one identity provider",
  );

  command
    .command('create')
    .description(
      'create a connection and print what its identity provider needs; the token is shown this once',
    )
    .requiredOption('--name <name>', 'a name for operators, such as the customer')
    .addOption(
      new Option('--provider <provider>', 'the identity provider')
        .choices(providerNames)
        .default('generic' satisfies ProviderName),
    )
    .option('--strict', 'hold the identity provider to RFC 7643 and 7644 to the letter')
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Examples:
  $ rollcall connections create --name "Example Corp" --provider entra
  $ rollcall connections create --name test --json   # {"id":…,"baseUrl":…,"token":…}`,
    )
    .action((options: OutputOptions & { name: string; provider: string; strict?: true }) =>
      withDirectory(async ({ connections, baseUrl }) => {
        const request = CreateConnectionRequest.fromPartial({
          name: options.name,
          provider: chosenProvider(options.provider),
          strict: options.strict ?? false,
        });
        const { connection, token } = await connections.createConnection(request);
        const id = existing(connection).id;
        printOne({ id, baseUrl: baseUrl(id), token }, options);
      }),
    );

  command
    .command('list')
    .description('list all connections, oldest first')
    .option(...jsonOption)
    .action((options: OutputOptions) =>
      withDirectory(async (session) => {
        const rows: Row[] = [];
        for await (const { connection } of session.connections.listConnections({})) {
          rows.push(connectionRow(existing(connection), session));
        }
        printMany(rows, 'There are no connections.', options);
      }),
    );

  command
    .command('show')
    .description('show one connection')
    .argument('<id>', 'the connection')
    .option(...jsonOption)
    .action((connectionId: string, options: OutputOptions) =>
      withDirectory(async (session) => {
        const request = GetConnectionRequest.fromPartial({ connectionId });
        const { connection } = await session.connections.getConnection(request);
        printOne(connectionRow(existing(connection), session), options);
      }),
    );

  command
    .command('pause')
    .description('refuse the requests of the identity provider until the connection is resumed')
    .argument('<id>', 'the connection')
    .option(...jsonOption)
    .action((connectionId: string, options: OutputOptions) =>
      withDirectory(async ({ connections }) => {
        await connections.pauseConnection({ connectionId });
        printDone(`Connection ${connectionId} is paused.`, { id: connectionId, status: 'paused' }, options);
      }),
    );

  command
    .command('resume')
    .description('serve a paused connection again')
    .argument('<id>', 'the connection')
    .option(...jsonOption)
    .action((connectionId: string, options: OutputOptions) =>
      withDirectory(async ({ connections }) => {
        await connections.resumeConnection({ connectionId });
        printDone(`Connection ${connectionId} is active.`, { id: connectionId, status: 'active' }, options);
      }),
    );

  command
    .command('delete')
    .description('delete a connection with every user, group and token in it; this cannot be undone')
    .argument('<id>', 'the connection')
    .option(...jsonOption)
    .action((connectionId: string, options: OutputOptions) =>
      withDirectory(async ({ connections }) => {
        await connections.deleteConnection({ connectionId });
        printDone(
          `Connection ${connectionId} is being deleted.`,
          { id: connectionId, status: 'deleting' },
          options,
        );
      }),
    );

  return command;
}

const statusNames: Readonly<Record<ConnectionStatus, string>> = {
  [ConnectionStatus.UNSPECIFIED]: 'unknown',
  [ConnectionStatus.ACTIVE]: 'active',
  [ConnectionStatus.PAUSED]: 'paused',
  [ConnectionStatus.DELETING]: 'deleting',
};

function connectionRow(connection: Connection, { baseUrl }: DirectorySession): Row {
  const { id, name, provider, strict, status, users, groups, position, created } = connection;
  return {
    id,
    name,
    provider: providerName(provider),
    strict,
    status: statusNames[status],
    users,
    groups,
    position,
    created: created?.toISOString(),
    baseUrl: baseUrl(id),
  };
}

function existing(connection: Connection | undefined): Connection {
  if (connection === undefined) throw new Error('The directory answered without the connection.');
  return connection;
}

function chosenProvider(name: string): Provider {
  const provider = providerOf(name);
  if (provider === undefined) throw new Error(`There is no provider ${name}.`);
  return provider;
}
