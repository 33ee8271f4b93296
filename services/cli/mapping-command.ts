import { Command, InvalidArgumentError } from 'commander';
import {
  AttributeMapping,
  GetConnectionRequest,
  PreviewAttributeMappingRequest,
  UpdateConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { mappingRow } from './connection-settings.ts';
import type { WithDirectory } from './directory-session.ts';
import { previewText } from './mapping-text.ts';
import { jsonOption, type OutputOptions, printDocument, printOne } from './print.ts';

interface MappingOptions extends OutputOptions {
  readonly connection: string;
  readonly login?: string;
  readonly email?: string;
  readonly externalId?: string;
  readonly preview?: true;
  readonly samples?: number;
}

const maxSamples = 100;
// Reading 50,000 users takes longer than other calls.
const previewTimeoutMs = 60_000;

/** `rollcall connections mapping …`. */
export function createMappingCommand(withDirectory: WithDirectory): Command {
  return new Command('mapping')
    .description(
      'say which attributes your services get as the login, e-mail address and external id of a user; shows them without options',
    )
    .requiredOption('--connection <id>', 'the connection')
    .option('--login <path>', 'what a user signs in with; "" for userName')
    .option('--email <path>', 'where mail reaches a user; "" for the primary e-mail address, else the first')
    .option('--external-id <path>', 'the id that the customer\'s own systems give a user; "" for externalId')
    .option('--preview', 'change nothing, and show what would change for the users stored')
    .option('--samples <number>', 'how many users the preview shows, 0 to 100 (default 10)', parseSamples)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
It never changes what the identity provider reads back, and what is not given stays. A preview reads the 50,000 oldest
users at most.

Examples:
  $ rollcall connections mapping --connection demo0000 --login 'emails[type eq "work"].value' --preview
  $ rollcall connections mapping --connection demo0000 --login 'emails[type eq "work"].value'
  $ rollcall connections mapping --connection demo0000 \\
      --external-id urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber`,
    )
    .action((options: MappingOptions) =>
      withDirectory(async ({ connections }) => {
        const { connection: connectionId, login, email, externalId, preview, samples: sampleSize } = options;
        const request = GetConnectionRequest.fromPartial({ connectionId });
        const current = (await connections.getConnection(request)).connection?.attributeMapping;
        const given = Object.entries({ login, email, externalId }).filter(([, path]) => path !== undefined);
        const mapping = AttributeMapping.fromPartial({
          ...current,
          ...Object.fromEntries(given),
        });
        if (preview) {
          const asked = PreviewAttributeMappingRequest.fromPartial({ connectionId, mapping, sampleSize });
          const found = await connections.previewAttributeMapping(asked, { timeoutMs: previewTimeoutMs });
          return printDocument(previewText(found), found, options);
        }
        if (given.length === 0) return printOne({ id: connectionId, ...mappingRow(current) }, options);
        const update = UpdateConnectionRequest.fromPartial({ connectionId, attributeMapping: mapping });
        const { connection } = await connections.updateConnection(update);
        printOne({ id: connectionId, ...mappingRow(connection?.attributeMapping) }, options);
      }),
    );
}

function parseSamples(text: string): number {
  const samples = Number(text);
  if (text !== '' && Number.isInteger(samples) && samples >= 0 && samples <= maxSamples) return samples;
  throw new InvalidArgumentError(`Write a number from 0 to ${maxSamples}.`);
}
