import { Command } from 'commander';
import { createClientsCommand } from './clients-command.ts';
import { createConnectionsCommand } from './connections-command.ts';
import { createConsumersCommand } from './consumers-command.ts';
import type { WithDirectory } from './directory-session.ts';
import { createExtensionsCommand } from './extensions-command.ts';
import { createLogCommand, type Replay } from './log-command.ts';
import { createRoleMappingsCommand } from './role-mappings-command.ts';
import { createServiceTokensCommand } from './service-tokens-command.ts';
import { createTokensCommand } from './tokens-command.ts';

/** The whole `rollcall` command. What is called wrongly, and help, it throws as a CommanderError instead of ending the process. */
export function createProgram(withDirectory: WithDirectory, replay: Replay): Command {
  const program = new Command('rollcall')
    .description('Operates a running Rollcall.')
    .addCommand(createConnectionsCommand(withDirectory))
    .addCommand(createTokensCommand(withDirectory))
    .addCommand(createClientsCommand(withDirectory))
    .addCommand(createServiceTokensCommand(withDirectory))
    .addCommand(createExtensionsCommand(withDirectory))
    .addCommand(createRoleMappingsCommand(withDirectory))
    .addCommand(createConsumersCommand(withDirectory))
    .addCommand(createLogCommand(withDirectory, replay))
    .addHelpText(
      'after',
      `
Environment:
  ROLLCALL_DATA_DIR           the folder of the directory, which holds the operator's credential (default .rollcall)
  ROLLCALL_DIRECTORY_ADDRESS  where the directory listens (default 127.0.0.1:50051)
  ROLLCALL_DIRECTORY_TOKEN    the operator's credential, instead of the one in the folder
  ROLLCALL_PUBLIC_URL         the URL of the gateway, for the base URLs that are printed

Example:
  $ rollcall connections create --name "Example Corp" --provider okta

Exit codes: 0 done, 1 failed, 2 called or configured wrongly.`,
    );
  for (const command of allCommands(program)) command.exitOverride();
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
