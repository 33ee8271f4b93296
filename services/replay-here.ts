import { createLogger } from '#runtime/logger.ts';
import type { Replay } from './cli/log-command.ts';

/**
 * Replays an exchange in this process: the gateway's own code over a directory that is asked with the operator's
 * credential, so that no service listens for replays and no token of an identity provider is good for one.
 */
export const replayHere: Replay = async ({ channel, connections }, exchange) => {
  // Only for this command: the others need nothing of the gateway.
  const [{ replayExchange }, { createDirectoryClient, settingsOf }] = await Promise.all([
    import('../gateway/replay/replay-exchange.ts'),
    import('../gateway/directory/directory-client.ts'),
  ]);
  const { connectionId } = exchange;
  const { connection } = await connections.getConnection({ connectionId, freshness: undefined });
  const { tokens } = await connections.listTokens({ connectionId });
  return replayExchange(exchange, {
    directory: createDirectoryClient(channel),
    settings: settingsOf(connection),
    readOnly: tokens.find(({ id }) => id === exchange.tokenId)?.readOnly ?? false,
    logger: createLogger({ level: 'silent', name: 'replay' }),
  });
};
