import { Command } from 'commander';
import { SetTrustedIssuerRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { WithDirectory } from './directory-session.ts';
import { jsonOption, type OutputOptions, printDone } from './print.ts';

interface TrustOptions extends OutputOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  readonly applicationId?: string;
}

/** `rollcall connections trust …` and `distrust …`. */
export function createTrustCommands(withDirectory: WithDirectory): readonly Command[] {
  const trust = new Command('trust')
    .description('accept the tokens that an issuer signs (JWT), instead of those of the issuer before')
    .argument('<id>', 'the connection')
    .requiredOption('--issuer <text>', 'the `iss` of its tokens, to the letter')
    .requiredOption('--audience <text>', 'what `aud` of its tokens names, to the letter')
    .requiredOption('--jwks-uri <url>', 'where its public keys are, such as https://idp.example.com/keys')
    .option(
      '--application-id <text>',
      'the application that its tokens are for (`appid` or `azp`); any without',
    )
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Without --application-id whoever gets a token of the issuer for this audience is let in.

Example, Microsoft Entra ID with an empty secret, where <tenant> is the directory (tenant) ID:
  $ rollcall connections trust demo0000 \\
      --issuer https://sts.windows.net/<tenant>/ \\
      --jwks-uri https://login.microsoftonline.com/<tenant>/discovery/keys \\
      --audience 8adf8e6e-67b2-4cf2-a259-e3dc5476c621 \\
      --application-id 00000014-0000-0000-c000-000000000000`,
    )
    .action((connectionId: string, options: TrustOptions) =>
      withDirectory(async ({ connections }) => {
        const { issuer, audience, jwksUri, applicationId = '' } = options;
        const request = SetTrustedIssuerRequest.fromPartial({
          connectionId,
          issuer: { issuer, audience, jwksUri, applicationId },
        });
        await connections.setTrustedIssuer(request);
        printDone(
          `Connection ${connectionId} trusts ${issuer}.`,
          { id: connectionId, trustedIssuer: issuer },
          options,
        );
      }),
    );

  const distrust = new Command('distrust')
    .description('accept no signed tokens any more; they are refused everywhere within a second')
    .argument('<id>', 'the connection')
    .option(...jsonOption)
    .action((connectionId: string, options: OutputOptions) =>
      withDirectory(async ({ connections }) => {
        await connections.clearTrustedIssuer({ connectionId });
        printDone(
          `Connection ${connectionId} trusts no issuer.`,
          { id: connectionId, trustedIssuer: undefined },
          options,
        );
      }),
    );

  return [trust, distrust];
}
