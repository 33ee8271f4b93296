import { Command } from 'commander';
import type { Consumer } from '#proto/rollcall/directory/v1/change_service.ts';
import type { WithDirectory } from './directory-session.ts';
import { jsonOption, type OutputOptions, printDone, printMany, type Row } from './print.ts';

interface ConsumersOptions extends OutputOptions {
  readonly connection: string;
}

/** `rollcall consumers …`. */
export function createConsumersCommand(withDirectory: WithDirectory): Command {
  const command = new Command('consumers').description(
    'services that follow the changes of a connection and acknowledge them',
  );

  command
    .command('list')
    .description('list the consumers, and how far each is behind')
    .requiredOption('--connection <id>', 'the connection')
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
lag is the number of changes that a consumer has not acknowledged, lagSeconds the age of the oldest of them.

Example:
  $ rollcall consumers list --connection demo0000`,
    )
    .action((options: ConsumersOptions) =>
      withDirectory(async ({ changes }) => {
        const { consumers } = await changes.listConsumers({ connectionId: options.connection });
        const now = Date.now();
        printMany(
          consumers.map((consumer) => consumerRow(consumer, now)),
          'No service has registered as a consumer.',
          options,
        );
      }),
    );

  command
    .command('delete')
    .description('forget a consumer that is gone for good')
    .argument('<name>', 'its name, as `consumers list` shows it')
    .requiredOption('--connection <id>', 'the connection')
    .option(...jsonOption)
    .action((name: string, options: ConsumersOptions) =>
      withDirectory(async ({ changes }) => {
        await changes.deleteConsumer({ connectionId: options.connection, name });
        printDone(`The consumer ${name} is deleted.`, { name, deleted: true }, options);
      }),
    );

  return command;
}

function consumerRow(consumer: Consumer, now: number): Row {
  const { name, position, lag, laggingSince, registered, acknowledged } = consumer;
  return {
    name,
    position,
    lag,
    lagSeconds: laggingSince ? Math.max(0, Math.round((now - laggingSince.getTime()) / 1_000)) : 0,
    acknowledged: acknowledged?.toISOString(),
    registered: registered?.toISOString(),
  };
}
