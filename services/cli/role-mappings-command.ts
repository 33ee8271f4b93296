import { userInfo } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { GetConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import {
  ListRoleMappingsVersionsRequest,
  PreviewRoleMappingsRequest,
  type RoleMappingsVersion,
  RollBackRoleMappingsRequest,
  SetRoleMappingsRequest,
} from '#proto/rollcall/directory/v1/role_service.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { DirectorySession, WithDirectory } from './directory-session.ts';
import { jsonOption, type OutputOptions, printDocument, printDone, printMany, type Row } from './print.ts';
import { readRoleMappingsFile, roleMappingsFile, subjectText } from './role-mappings-file.ts';
import { previewText } from './role-mappings-preview.ts';

interface ConnectionOption extends OutputOptions {
  readonly connection: string;
}

interface EditOptions extends ConnectionOption {
  readonly force?: true;
  readonly author?: string;
}

const connectionOption = ['--connection <id>', 'the connection'] as const;
const forceOption = ['--force', 'take the last holder of a protected role too'] as const;
const authorOption = [
  '--author <text>',
  'who does it, for the history; the user of this computer without',
] as const;

// A preview looks at up to 100,000 users.
const previewTimeoutMs = 10 * 60_000;
const shownUsers = 20;
const shownVersions = 50;

/** `rollcall mappings …`. */
export function createRoleMappingsCommand(withDirectory: WithDirectory): Command {
  const command = new Command('mappings').description(
    'which groups and users of a connection have which roles, in versions',
  );

  command
    .command('list')
    .description('list the role mappings in force; with --json as the file that `set` reads')
    .requiredOption(...connectionOption)
    .option('--at <version>', 'an earlier version instead', parseVersion)
    .option(...jsonOption)
    .action((options: ConnectionOption & { at?: number }) =>
      withDirectory(async ({ roles }) => {
        const { connection: connectionId, at } = options;
        const found = await roles.getRoleMappings({ connectionId, version: at });
        const { mappings } = found;
        if (mappings === undefined) throw new Error('The directory answered without the mappings.');
        if (options.json)
          return printDocument('', roleMappingsFile(mappings, found.version?.version ?? 0), options);
        const rows = mappings.mappings.map(
          (mapping): Row => ({
            id: mapping.id,
            roles: mapping.roles,
            of: subjectText(mapping.subject),
            precedence: mapping.precedence,
            notBefore: mapping.notBefore?.toISOString(),
            notAfter: mapping.notAfter?.toISOString(),
          }),
        );
        printMany(rows, 'The connection has no role mappings.', options);
      }),
    );

  command
    .command('set')
    .description('replace all role mappings by those of a file, - for standard input')
    .argument('<file>', 'the mappings as JSON')
    .requiredOption(...connectionOption)
    .option(...forceOption)
    .option(...authorOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
A file of mappings; what is about no group says "filter" or "everyone":
  {
    "protectedRoles": ["admin"],
    "mappings": [
      { "id": "admins", "group": { "displayName": "Platform Admins" }, "roles": ["admin"], "precedence": 10 },
      { "id": "audit", "group": { "externalId": "00g1a2b3" }, "roles": ["viewer"], "notAfter": "2030-12-31T18:00:00Z" },
      { "id": "engineers", "filter": "title sw \\"Engineer\\"", "roles": ["editor"] },
      { "id": "all", "everyone": true, "roles": ["member"] }
    ]
  }
When it has a "version", as \`list --json\` writes it, that one must still be in force. Setting what is in force already
changes nothing.

Examples:
  $ rollcall mappings list --connection demo0000 --json > mappings.json
  $ rollcall mappings preview mappings.json --connection demo0000
  $ rollcall mappings set mappings.json --connection demo0000`,
    )
    .action((file: string, options: EditOptions) =>
      withDirectory(async (session) => {
        const { mappings, version } = await readRoleMappingsFile(file, await userTypeOf(session, options));
        const request = SetRoleMappingsRequest.fromPartial({
          ...editFields(options),
          mappings,
          expectedVersion: version,
        });
        printEdit(await session.roles.setRoleMappings(request), options);
      }),
    );

  command
    .command('preview')
    .description('say who would gain and lose which role if mappings were set now, and change nothing')
    .argument('[file]', 'the mappings as JSON, - for standard input')
    .requiredOption(...connectionOption)
    .option('--at <version>', 'an earlier version instead of a file', parseVersion)
    .option('--users <number>', 'how many users are shown', parseCount, shownUsers)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Only users that a changed mapping is about are looked at, 100,000 at most.

Example:
  $ rollcall mappings preview mappings.json --connection demo0000`,
    )
    .action(
      (
        file: string | undefined,
        options: ConnectionOption & { at?: number; users: number },
        self: Command,
      ) => {
        if ((file === undefined) === (options.at === undefined))
          self.error('error: give either a file or --at <version>');
        return withDirectory(async (session) => {
          const proposal =
            file === undefined
              ? { $case: 'version' as const, value: options.at ?? 0 }
              : {
                  $case: 'mappings' as const,
                  value: (await readRoleMappingsFile(file, await userTypeOf(session, options))).mappings,
                };
          const request = PreviewRoleMappingsRequest.fromPartial({
            connectionId: options.connection,
            proposal,
            maxUsers: options.users,
          });
          const parts = await Array.fromAsync(
            session.roles.previewRoleMappings(request, { timeoutMs: previewTimeoutMs }),
          );
          const users = parts.flatMap((part) => part.users);
          const summary = parts.at(-1)?.summary;
          if (summary === undefined) throw new Error('The directory answered without the summary.');
          printDocument(previewText(users, summary), { ...summary, changes: users }, options);
        });
      },
    );

  command
    .command('rollback')
    .description('make an earlier version the mappings in force again, as a new version')
    .argument('<version>', 'the version, as `mappings history` shows it; 0 is no mappings', parseVersion)
    .requiredOption(...connectionOption)
    .option(...forceOption)
    .option(...authorOption)
    .option(...jsonOption)
    .action((version: number, options: EditOptions) =>
      withDirectory(async ({ roles }) => {
        const request = RollBackRoleMappingsRequest.fromPartial({ ...editFields(options), version });
        printEdit(await roles.rollBackRoleMappings(request), options);
      }),
    );

  command
    .command('history')
    .description('list the versions of the role mappings, newest first')
    .requiredOption(...connectionOption)
    .option('--before <version>', 'only those before this one', parseVersion, 0)
    .option(...jsonOption)
    .action((options: ConnectionOption & { before: number }) =>
      withDirectory(async ({ roles }) => {
        const { versions } = await roles.listRoleMappingsVersions(
          ListRoleMappingsVersionsRequest.fromPartial({
            connectionId: options.connection,
            before: options.before,
            pageSize: shownVersions,
          }),
        );
        printMany(versions.map(versionRow), 'No role mappings were ever set.', options);
      }),
    );

  return command;
}

function versionRow({ version, time, author, rolledBackTo, mappings }: RoleMappingsVersion): Row {
  return {
    version,
    time: time?.toISOString(),
    author,
    mappings,
    rolledBackTo: rolledBackTo === 0 ? undefined : rolledBackTo,
  };
}

function editFields({ connection, force, author }: EditOptions) {
  return { connectionId: connection, force: force ?? false, author: author ?? userInfo().username };
}

function printEdit(
  {
    version,
    changed,
    position,
  }: {
    readonly version: RoleMappingsVersion | undefined;
    readonly changed: boolean;
    readonly position: number;
  },
  options: OutputOptions,
): void {
  const number = version?.version ?? 0;
  const text = changed ? `Version ${number} is in force.` : `Version ${number} is in force already.`;
  printDone(text, { version: number, changed, position }, options);
}

/** Users as the connection declares them, by which filters are read. */
async function userTypeOf(
  { connections }: DirectorySession,
  options: ConnectionOption,
): Promise<ResourceType> {
  const request = GetConnectionRequest.fromPartial({ connectionId: options.connection });
  const { connection } = await connections.getConnection(request);
  const type = createDeclaredRegistry(connection?.extensions ?? []).resourceType('User');
  if (type === undefined) throw new Error('There is no resource type User.');
  return type;
}

function parseVersion(text: string): number {
  const version = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version;
  throw new InvalidArgumentError('Write a version as a whole number.');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= 100_000) return count;
  throw new InvalidArgumentError('Write a number from 0 to 100000.');
}
