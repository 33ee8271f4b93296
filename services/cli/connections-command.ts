import { Command } from 'commander';
import {
  type Connection,
  ConnectionStatus,
  CreateConnectionRequest,
  GetConnectionRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { providerName } from '#rpc/provider-name.ts';
import {
  addSettingOptions,
  extensionsRow,
  mappingRow,
  type SettingOptions,
  settingsRequest,
  settingsRow,
} from './connection-settings.ts';
import type { DirectorySession, WithDirectory } from './directory-session.ts';
import { createMappingCommand } from './mapping-command.ts';
import { jsonOption, type OutputOptions, printDone, printMany, printOne, type Row } from './print.ts';
import { createTrustCommands } from './trust-commands.ts';

interface UpdateOptions extends OutputOptions, SettingOptions {
  readonly connection: string;
  readonly name?: string;
}

/** `rollcall connections …`. */
export function createConnectionsCommand(withDirectory: WithDirectory): Command {
  const command = new Command('connections').description(
    "customers' directories, each fed by one identity provider",
  );

  addSettingOptions(
    command
      .command('create')
      .description(
        'create a connection and print what its identity provider needs; the token is shown this once',
      )
      .requiredOption('--name <name>', 'a name for operators, such as the customer'),
  )
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Without options: a generic provider, lenient; group names are unique unless strict; deleted users are removed, and
so is what no schema knows.

Examples:
  $ rollcall connections create --name "Example Corp" --provider entra
  $ rollcall connections create --name test --json   # {"id":…,"baseUrl":…,"token":…}`,
    )
    .action((options: OutputOptions & SettingOptions & { name: string }) =>
      withDirectory(async ({ connections, baseUrl }) => {
        const { strict, organization, requiredAttributes, maskedAttributes, ...settings } =
          settingsRequest(options);
        const request = CreateConnectionRequest.fromPartial({
          ...settings,
          name: options.name,
          strict: strict ?? false,
          organization: organization ?? '',
          requiredAttributes: requiredAttributes ? [...requiredAttributes] : [],
          maskedAttributes: maskedAttributes ? [...maskedAttributes] : [],
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
        const { baseUrl, ...row } = connectionRow(existing(connection), session);
        const trustedIssuerLastUsed = existing(connection).trustedIssuer?.lastUsed?.toISOString();
        printOne(
          {
            ...row,
            trustedIssuerLastUsed,
            ...settingsRow(existing(connection)),
            ...extensionsRow(existing(connection)),
            ...mappingRow(connection?.attributeMapping),
            baseUrl,
          },
          options,
        );
      }),
    );

  addSettingOptions(
    command
      .command('update')
      .description('change settings of a connection; what is not given stays')
      .requiredOption('--connection <id>', 'the connection')
      .option('--name <name>', 'a name for operators, such as the customer'),
  )
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
The gateway follows within a second. What is stored already stays as it is; group names cannot be made unique while
groups share one.

Examples:
  $ rollcall connections update --connection demo0000 --organization "Example Corp, Berlin"
  $ rollcall connections update --connection demo0000 --require emails name.familyName
  $ rollcall connections update --connection demo0000 --mask emails phoneNumbers addresses
  $ rollcall connections update --connection demo0000 --on-delete deactivate --no-strict`,
    )
    .action((options: UpdateOptions, self: Command) => {
      const { connection: connectionId, name, json: _, ...given } = options;
      if (name === undefined && Object.keys(given).length === 0)
        self.error('error: give at least one setting to change, such as --name or --on-delete');
      return withDirectory(async (session) => {
        const { requiredAttributes, maskedAttributes, ...settings } = settingsRequest(options);
        const request = UpdateConnectionRequest.fromPartial({
          ...settings,
          connectionId,
          name,
          requiredAttributes: requiredAttributes && { paths: [...requiredAttributes] },
          maskedAttributes: maskedAttributes && { paths: [...maskedAttributes] },
        });
        const { connection } = await session.connections.updateConnection(request);
        printOne(
          { id: connectionId, name: existing(connection).name, ...settingsRow(existing(connection)) },
          options,
        );
      });
    });

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
    .option('--yes', 'really delete it')
    .option(...jsonOption)
    .action((connectionId: string, options: OutputOptions & { yes?: true }, self: Command) =>
      withDirectory(async ({ connections }) => {
        if (!options.yes) {
          const { connection } = await connections.getConnection(
            GetConnectionRequest.fromPartial({ connectionId }),
          );
          const { name, users, groups } = existing(connection);
          self.error(
            `error: this deletes ${JSON.stringify(name)} for ever, with all it holds (users: ${users}, groups: ${groups}); repeat it with --yes`,
          );
        }
        await connections.deleteConnection({ connectionId });
        printDone(
          `Connection ${connectionId} is being deleted.`,
          { id: connectionId, status: 'deleting' },
          options,
        );
      }),
    );

  command.addCommand(createMappingCommand(withDirectory));
  for (const each of createTrustCommands(withDirectory)) command.addCommand(each);
  return command;
}

const statusNames: Readonly<Record<ConnectionStatus, string>> = {
  [ConnectionStatus.UNSPECIFIED]: 'unknown',
  [ConnectionStatus.ACTIVE]: 'active',
  [ConnectionStatus.PAUSED]: 'paused',
  [ConnectionStatus.DELETING]: 'deleting',
};

function connectionRow(connection: Connection, { baseUrl }: DirectorySession): Row {
  const {
    id,
    name,
    organization,
    provider,
    strict,
    status,
    users,
    groups,
    position,
    created,
    trustedIssuer,
  } = connection;
  return {
    id,
    name,
    organization,
    provider: providerName(provider),
    strict,
    status: statusNames[status],
    users,
    groups,
    position,
    created: created?.toISOString(),
    trustedIssuer: trustedIssuer?.issuer,
    baseUrl: baseUrl(id),
  };
}

function existing(connection: Connection | undefined): Connection {
  if (connection === undefined) throw new Error('The directory answered without the connection.');
  return connection;
}
