import { Command, Option } from 'commander';
import {
  type Connection,
  DeclareExtensionRequest,
  type Extension,
  GetConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { DirectorySession, WithDirectory } from './directory-session.ts';
import { extensionDocument, readExtensionFile } from './extension-file.ts';
import {
  jsonOption,
  type OutputOptions,
  printDocument,
  printDone,
  printMany,
  printOne,
  type Row,
} from './print.ts';

interface ConnectionOption extends OutputOptions {
  readonly connection: string;
}

const connectionOption = ['--connection <id>', 'the connection'] as const;

/** `rollcall extensions …`. */
export function createExtensionsCommand(withDirectory: WithDirectory): Command {
  const command = new Command('extensions').description(
    'custom attributes of a connection, declared as SCIM extension schemas',
  );

  command
    .command('declare')
    .description('declare an extension schema, or change the one of the same URN')
    .requiredOption(...connectionOption)
    .requiredOption('--file <path>', 'the schema as JSON (RFC 7643, section 7); - for standard input')
    .addOption(
      new Option('--resource-type <type>', 'whose resources have the attributes')
        .choices(['User', 'Group'])
        .default('User'),
    )
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
The file is written as /Schemas answers a schema; what is left out of an attribute has the default of RFC 7643, section
2.2: one optional string that may be written and is returned. Filters by an attribute that is new or compared in another
way are refused until what is stored is brought to that; "connections show" says what that still is.

Example file:
  {
    "id": "urn:example:params:scim:schemas:Badge:1.0:User",
    "attributes": [
      { "name": "badgeNumber", "uniqueness": "server" },
      { "name": "costCentres", "multiValued": true }
    ]
  }

Examples:
  $ rollcall extensions declare --connection demo0000 --file badge.json
  $ rollcall extensions show urn:example:params:scim:schemas:Badge:1.0:User --connection demo0000 > badge.json`,
    )
    .action((options: ConnectionOption & { file: string; resourceType: string }) =>
      withDirectory(async ({ connections }) => {
        const { connection: connectionId, file, resourceType } = options;
        const schema = await readExtensionFile(file);
        const request = DeclareExtensionRequest.fromPartial({
          connectionId,
          extension: { resourceType, schema },
        });
        const { connection } = await connections.declareExtension(request);
        const declared = findExtension(connection, schema.id);
        printOne({ ...extensionRow(declared), refolding: connection?.refolding?.attributes ?? [] }, options);
      }),
    );

  command
    .command('list')
    .description('list the extension schemas of a connection, in the order of their declaration')
    .requiredOption(...connectionOption)
    .option(...jsonOption)
    .action((options: ConnectionOption) =>
      withDirectory(async (session) => {
        const { extensions = [] } = (await readConnection(session, options)) ?? {};
        printMany(extensions.map(extensionRow), 'The connection declares no extensions.', options);
      }),
    );

  command
    .command('show')
    .description('print an extension schema as JSON, as "declare" reads it')
    .argument('<urn>', 'the URN of the schema')
    .requiredOption(...connectionOption)
    .option(...jsonOption)
    .action((urn: string, options: ConnectionOption) =>
      withDirectory(async (session) => {
        const { schema } = findExtension(await readConnection(session, options), urn);
        const document = schema ? extensionDocument(schema) : {};
        printDocument(JSON.stringify(document, undefined, 2), document, options);
      }),
    );

  command
    .command('remove')
    .description(
      'take an extension schema back, with every value that is stored for it; this cannot be undone',
    )
    .argument('<urn>', 'the URN of the schema')
    .requiredOption(...connectionOption)
    .option('--yes', 'really remove it')
    .option(...jsonOption)
    .action((urn: string, options: ConnectionOption & { yes?: true }, self: Command) =>
      withDirectory(async (session) => {
        const { connection: connectionId } = options;
        if (!options.yes) {
          const extension = findExtension(await readConnection(session, options), urn);
          const names = attributeNames(extension).join(', ');
          self.error(
            `error: this deletes what every ${extension.resourceType} has of ${names} for ever; repeat it with --yes`,
          );
        }
        await session.connections.removeExtension({ connectionId, urn });
        printDone(
          `Connection ${connectionId} has ${urn} no more.`,
          { id: connectionId, removed: urn },
          options,
        );
      }),
    );

  return command;
}

async function readConnection(
  { connections }: DirectorySession,
  { connection: connectionId }: ConnectionOption,
): Promise<Connection | undefined> {
  return (await connections.getConnection(GetConnectionRequest.fromPartial({ connectionId }))).connection;
}

function findExtension(connection: Connection | undefined, urn: string): Extension {
  const { extensions = [] } = connection ?? {};
  const found = extensions.find(({ schema }) => schema?.id.toLowerCase() === urn.toLowerCase());
  if (found) return found;
  const known = extensions.map(({ schema }) => schema?.id).join(', ');
  throw new Error(`The connection declares no ${urn}; it declares ${known === '' ? 'nothing' : known}.`);
}

function extensionRow(extension: Extension): Row {
  const { resourceType, schema } = extension;
  return { urn: schema?.id, resourceType, name: schema?.name, attributes: attributeNames(extension) };
}

function attributeNames({ schema }: Extension): readonly string[] {
  return schema?.attributes.map(({ name }) => name) ?? [];
}
