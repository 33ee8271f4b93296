import { Command } from 'commander';
import { createConnectionsCommand } from './cli/connections-command.ts';
import { createWithDirectory } from './cli/directory-session.ts';
import { explainFailure } from './cli/explain-failure.ts';
import { createServiceTokensCommand } from './cli/service-tokens-command.ts';
import { createTokensCommand } from './cli/tokens-command.ts';

const withDirectory = createWithDirectory(process.env);
const program = new Command('rollcall')
  .description('Operates a running Rollcall.')
  .addCommand(createConnectionsCommand(withDirectory))
  .addCommand(createTokensCommand(withDirectory))
  .addCommand(createServiceTokensCommand(withDirectory))
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
// Who reads through a pipe may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
for (const command of allCommands(program)) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  const failure = explainFailure(error);
  if (failure.message !== undefined) process.stderr.write(`error: ${failure.message}\n`);
  process.exitCode = failure.exitCode;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
